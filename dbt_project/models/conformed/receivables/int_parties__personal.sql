{{ union_connectors('parties__personal') }}
