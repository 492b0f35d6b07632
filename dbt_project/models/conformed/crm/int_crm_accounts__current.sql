{{ current_version(ref('int_crm_accounts__unioned'), 'crm_accounts') }}
