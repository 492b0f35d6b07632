{{ stage_raw(
    'salesforce', 'crm_accounts', raw='accounts',
    renamed={'account_id': 'id', 'parent_account_id': 'parent_id', 'currency': 'currency_iso_code'}
) }}
