{{ union_connectors('bank_lines__personal') }}
