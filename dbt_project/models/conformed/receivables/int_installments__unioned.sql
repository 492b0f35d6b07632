{{ union_connectors('installments') }}
