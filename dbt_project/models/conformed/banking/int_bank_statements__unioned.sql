{{ union_connectors('bank_statements') }}
