{{ union_connectors('receipts') }}
