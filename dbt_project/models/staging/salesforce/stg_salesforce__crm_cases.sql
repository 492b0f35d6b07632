{{ stage_raw('salesforce', 'crm_cases', raw='cases', renamed={'case_id': 'id'}) }}
