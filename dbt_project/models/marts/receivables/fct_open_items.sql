with items as (
    select
        source_system, legal_entity, party_id, party_key, item_type, item_id, installment_no, document_type, document_date,
        due_date, currency, base_currency,
        sum(case when posting_state = 'posted' then amount else 0 end) as open_amount,
        sum(case when posting_state = 'pending' then amount else 0 end) as pending_amount,
        sum(case when posting_state = 'posted' then base_amount end) as base_open_amount,
        sum(case when posting_state = 'posted' and base_amount is null then amount else 0 end) as without_base
    from {{ ref('fct_ar_ledger') }}
    where effective_date <= {{ today() }}
    group by
        source_system, legal_entity, party_id, party_key, item_type, item_id, installment_no, document_type, document_date,
        due_date, currency, base_currency
)

select
    source_system,
    legal_entity,
    party_id,
    party_key,
    item_type,
    item_id,
    installment_no,
    source_system || ':' || item_type || ':' || item_id || ':' || coalesce(cast(installment_no as text), '') as item_key,
    document_type,
    document_date,
    due_date,
    cast(case when item_type = 'installment' and due_date < {{ today() }} then {{ today() }} - due_date else 0 end as bigint)
        as days_late,
    currency,
    {{ money('open_amount') }} as open_amount,
    {{ money('pending_amount') }} as pending_amount,
    {{ money('open_amount + pending_amount') }} as open_after_pending,
    base_currency,
    {{ money('case when without_base = 0 then coalesce(base_open_amount, 0) end') }} as base_open_amount,
    {{ today() }} as as_of
from items
where open_amount <> 0 or pending_amount <> 0
