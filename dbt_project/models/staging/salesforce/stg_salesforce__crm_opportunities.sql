{{ stage_raw(
    'salesforce', 'crm_opportunities', raw='opportunities',
    renamed={'opportunity_id': 'id', 'stage': 'stage_name', 'currency': 'currency_iso_code'}
) }}
