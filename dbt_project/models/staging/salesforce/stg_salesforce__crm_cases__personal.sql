{{ stage_raw('salesforce', 'crm_cases__personal', raw='cases__personal') }}
