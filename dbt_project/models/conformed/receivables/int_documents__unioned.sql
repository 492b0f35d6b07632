{{ union_connectors('documents') }}
