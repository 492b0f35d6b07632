{{ union_connectors('adjustments') }}
