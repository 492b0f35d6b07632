-- A key names its order with the source (erp:SO0001), or without it where only one source has such an order.
with spelled as (
    select source_system || ':' || order_id as erp_order_key, source_system || ':' || order_id as spelling
    from {{ ref('int_orders__current') }}
    union all
    select min(source_system || ':' || order_id) as erp_order_key, order_id as spelling
    from {{ ref('int_orders__current') }}
    group by order_id
    having count(*) = 1
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
