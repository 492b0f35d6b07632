{{ stage_raw('salesforce', 'crm_orders', raw='orders', renamed={'crm_order_id': 'id', 'currency': 'currency_iso_code'}) }}
