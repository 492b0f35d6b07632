{{ stage_raw('salesforce', 'crm_contacts__personal', raw='contacts__personal') }}
