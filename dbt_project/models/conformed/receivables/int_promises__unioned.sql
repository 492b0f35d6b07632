{{ union_connectors('promises') }}
