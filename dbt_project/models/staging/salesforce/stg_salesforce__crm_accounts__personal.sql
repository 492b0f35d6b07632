{{ stage_raw('salesforce', 'crm_accounts__personal', raw='accounts__personal') }}
