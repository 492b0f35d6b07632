{{ config(enabled='salesforce' in var('connectors')) }}

select
    orders.source_system as target_source,
    orders.order_key as target_key,
    status.payment_status,
    status.paid_amount,
    status.currency,
    status.as_of
from {{ ref('int_crm_orders__linked') }} as orders
inner join {{ ref('fct_order_payment_status') }} as status on orders.erp_order_key = status.order_key
where orders.connector = 'salesforce' and orders.orders_of_key = 1
