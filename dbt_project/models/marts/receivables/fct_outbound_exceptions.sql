select
    accounts.source_system as target_source,
    'account_ar_status' as object,
    accounts.customer_key as target_key,
    case
        when accounts.accounts_of_key > 1 then 'several accounts have this key'
        when status.party_key is null then 'no such customer'
        else status.left_out_because
    end as reason
from {{ ref('int_crm_accounts__linked') }} as accounts
left join {{ ref('fct_party_ar_status') }} as status on accounts.party_key = status.party_key
where accounts.accounts_of_key > 1 or status.party_key is null or status.left_out_because is not null
union
select
    orders.source_system as target_source,
    'order_payment_status' as object,
    orders.order_key as target_key,
    case when orders.orders_of_key > 1 then 'several orders have this key' else 'no such order' end as reason
from {{ ref('int_crm_orders__linked') }} as orders
left join {{ ref('fct_order_payment_status') }} as status on orders.erp_order_key = status.order_key
where orders.orders_of_key > 1 or status.order_key is null
union
select
    pending.source_system as target_source,
    'receipt' as object,
    pending.bank_line_id as target_key,
    pending.left_out_because as reason
from {{ ref('fct_pending_receipts') }} as pending
where
    pending.left_out_because is not null
    and pending.connector in ({{ written_to('receipt') }})
