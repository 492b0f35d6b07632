{{ union_connectors('gl_balances') }}
