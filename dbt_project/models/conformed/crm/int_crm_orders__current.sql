{{ current_version(ref('int_crm_orders__unioned'), 'crm_orders') }}
