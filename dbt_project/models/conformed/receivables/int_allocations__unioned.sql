{{ union_connectors('allocations') }}
