{{ union_connectors('party_bank_accounts') }}
