{{ current_version(ref('int_party_bank_accounts__unioned'), 'party_bank_accounts') }}
