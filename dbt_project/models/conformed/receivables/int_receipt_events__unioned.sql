{{ union_connectors('receipt_events') }}
