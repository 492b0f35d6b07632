{{ union_connectors('parties') }}
