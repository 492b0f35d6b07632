with balances as (
    select
        source_system,
        item_id as document_id,
        sum(open_amount) as open_amount,
        sum(base_open_amount) as base_open_amount,
        sum(case when base_open_amount is null then 1 else 0 end) as without_base,
        max(days_late) as days_late
    from {{ ref('fct_open_items') }}
    where item_type in ('installment', 'credit_memo') and open_amount <> 0
    group by source_system, item_id
)

select
    documents.source_system,
    documents.document_id,
    documents.source_system || ':' || documents.document_id as document_key,
    documents.document_type,
    documents.party_id,
    documents.source_system || ':' || documents.party_id as party_key,
    documents.legal_entity,
    documents.document_date,
    coalesce(documents.posting_date, documents.document_date) as posting_date,
    coalesce(documents.due_date, documents.posting_date, documents.document_date) as due_date,
    coalesce(documents.status, 'posted') as status,
    documents.voided_on,
    documents.reference,
    documents.order_id,
    documents.currency,
    documents.amount,
    documents.tax_amount,
    documents.fx_rate,
    {{ money('coalesce(balances.open_amount, 0)') }} as open_amount,
    {{ money('case when coalesce(balances.without_base, 0) = 0 then coalesce(balances.base_open_amount, 0) end') }}
        as base_open_amount,
    coalesce(balances.days_late, 0) as days_late,
    documents.recorded_at,
    documents.loaded_at
from {{ ref('int_documents__current') }} as documents
left join balances
    on documents.source_system = balances.source_system and documents.document_id = balances.document_id
