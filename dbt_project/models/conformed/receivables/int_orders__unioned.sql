{{ union_connectors('orders') }}
