{{ stage_raw('sql', 'party_bank_accounts') }}
