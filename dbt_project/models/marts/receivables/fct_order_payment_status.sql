with billed as (
    select
        source_system,
        order_id,
        currency,
        sum(amount) as billed_amount,
        sum(open_amount) as open_amount
    from {{ ref('fct_documents') }}
    where
        order_id is not null
        and status = 'posted'
        and document_type in ('invoice', 'debit_memo')
        and posting_date <= {{ today() }}
    group by source_system, order_id, currency
)

select
    orders.source_system,
    orders.order_id,
    orders.source_system || ':' || orders.order_id as order_key,
    orders.party_id,
    orders.source_system || ':' || orders.party_id as party_key,
    orders.legal_entity,
    orders.order_date,
    orders.status as order_status,
    orders.currency,
    orders.amount,
    {{ money('coalesce(billed.billed_amount, 0)') }} as billed_amount,
    {{ money('coalesce(billed.billed_amount - billed.open_amount, 0)') }} as paid_amount,
    case
        when coalesce(billed.billed_amount - billed.open_amount, 0) <= 0 then 'unpaid'
        when billed.open_amount <= 0 and (billed.billed_amount >= orders.amount or orders.status = 'closed') then 'paid'
        else 'partial'
    end as payment_status,
    {{ today() }} as as_of
from {{ ref('int_orders__current') }} as orders
left join billed
    on
        orders.source_system = billed.source_system
        and orders.order_id = billed.order_id
        and orders.currency = billed.currency
