{{ stage_raw('salesforce', 'crm_contracts', raw='contracts', renamed={'contract_id': 'id', 'term_months': 'contract_term'}) }}
