with spelled as (
    {{ spellings(ref('int_orders__current'), 'order_id', "source_system || ':' || order_id", 'erp_order_key') }}
)

select
    orders.connector,
    orders.source_system,
    orders.crm_order_id,
    orders.order_key,
    count(*) over (partition by orders.source_system, orders.order_key) as orders_of_key,
    spelled.erp_order_key
from {{ ref('int_crm_orders__current') }} as orders
left join spelled on orders.order_key = spelled.spelling
where orders.order_key is not null
