with posted as (
    select
        source_system,
        cause_id as allocation_id,
        -sum(amount) as posted_amount,
        min(effective_date) as effective_date
    from {{ ref('fct_ar_ledger') }}
    where cause_entity = 'allocations' and item_type = 'installment' and posting_state = 'posted'
    group by source_system, cause_id
)

select
    allocations.source_system,
    allocations.allocation_id,
    allocations.source_system || ':' || allocations.allocation_id as allocation_key,
    allocations.source_type,
    allocations.source_id,
    allocations.document_id,
    allocations.source_system || ':' || allocations.document_id as document_key,
    allocations.installment_no,
    documents.legal_entity,
    documents.party_id,
    documents.currency,
    allocations.amount,
    {{ money('coalesce(posted.posted_amount, 0)') }} as posted_amount,
    allocations.allocation_date,
    posted.effective_date,
    allocations.reverses_id,
    allocations.recorded_at,
    allocations.loaded_at
from {{ ref('int_allocations__current') }} as allocations
left join {{ ref('int_documents__current') }} as documents
    on allocations.source_system = documents.source_system and allocations.document_id = documents.document_id
left join posted
    on allocations.source_system = posted.source_system and allocations.allocation_id = posted.allocation_id
