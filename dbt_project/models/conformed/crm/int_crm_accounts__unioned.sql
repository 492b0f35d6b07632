{{ union_connectors('crm_accounts') }}
