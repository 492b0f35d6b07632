{{ union_connectors('bank_lines') }}
