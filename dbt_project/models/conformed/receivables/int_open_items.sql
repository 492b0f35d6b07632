select
    items.source_system,
    items.legal_entity,
    items.document_id,
    items.installment_no,
    items.document_key,
    items.party_id,
    items.party_key,
    items.document_type,
    items.document_date,
    items.due_date,
    items.currency,
    items.base_currency,
    items.original_amount,
    items.open_amount,
    items.base_open_amount,
    documents.reference,
    documents.order_id
from {{ ref('int_installment_balances') }} as items
left join {{ ref('int_documents__current') }} as documents
    on items.source_system = documents.source_system and items.document_id = documents.document_id
where items.open_amount <> 0
