{{ stage_raw('files', 'party_bank_accounts') }}
