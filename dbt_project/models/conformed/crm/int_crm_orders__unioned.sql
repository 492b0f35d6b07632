{{ union_connectors('crm_orders') }}
