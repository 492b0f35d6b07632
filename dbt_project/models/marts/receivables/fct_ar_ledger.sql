with posted as (
    select
        movement_id, source_system, legal_entity, party_id, item_type, item_id, installment_no, document_type, document_date,
        due_date, movement_type, cause_entity, cause_id, effective_date, recorded_at, loaded_at, amount, currency,
        base_amount, base_currency, gl_account, posted_in_load, allocation_id, exchange_id
    from {{ source('ops', 'ar_movement') }}
),

-- Cash that was matched and that the ERP has not posted: neither by its decision, nor by what was read back since.
decided as (
    select
        decisions.decision_id, decisions.bank_source, decisions.bank_line_id, decisions.document_source,
        decisions.document_id, decisions.installment_no, decisions.amount, decisions.currency, decisions.decided_at,
        decisions.run_id, credits.legal_entity, credits.amount as line_amount,
        coalesce(decisions.value_date, credits.value_date, credits.booking_date, cast(decisions.decided_at as date))
            as effective_date
    from {{ source('ops', 'match_decision') }} as decisions
    inner join {{ ref('int_bank_credits') }} as credits
        on decisions.bank_source = credits.source_system and decisions.bank_line_id = credits.bank_line_id
    where
        decisions.outcome = 'applied'
        and decisions.superseded_at is null
        and decisions.receipt_id is null
        and decisions.document_id is not null
        and credits.posted_candidates = 0
        and credits.returned_by_line_id is null
),

applied as (
    select
        decided.*, items.party_id, items.document_type, items.document_date, items.due_date, items.base_currency,
        items.open_amount, items.base_open_amount
    from decided
    inner join {{ ref('int_installment_balances') }} as items
        on
            decided.document_source = items.source_system
            and decided.document_id = items.document_id
            and coalesce(decided.installment_no, 1) = items.installment_no
),

pending_on_installments as (
    select
        'pending:' || decision_id || ':' || document_id || ':' || cast(coalesce(installment_no, 1) as text) as movement_id,
        document_source as source_system, legal_entity, party_id, 'installment' as item_type, document_id as item_id,
        coalesce(installment_no, 1) as installment_no, document_type, document_date, due_date,
        'allocation' as movement_type, 'bank_lines' as cause_entity, bank_line_id as cause_id, effective_date,
        decided_at as recorded_at, decided_at as loaded_at, -amount as amount, currency,
        case
            when amount = open_amount then -base_open_amount
            when open_amount > 0
                then -{{ rounded(share_of('base_open_amount', 'amount', 'open_amount'), 'base_currency') }}
        end as base_amount,
        base_currency, cast(null as text) as gl_account, run_id as posted_in_load, cast(null as text) as allocation_id,
        cast(null as text) as exchange_id
    from applied
),

-- What is left of an applied line stands as an unapplied balance of its own.
pending_unapplied as (
    select
        'pending:' || bank_source || ':' || bank_line_id as movement_id, min(document_source) as source_system,
        min(legal_entity) as legal_entity, min(party_id) as party_id, 'receipt' as item_type, bank_line_id as item_id,
        cast(null as bigint) as installment_no, 'receipt' as document_type, min(effective_date) as document_date,
        cast(null as date) as due_date, 'receipt' as movement_type, 'bank_lines' as cause_entity,
        bank_line_id as cause_id, min(effective_date) as effective_date, max(decided_at) as recorded_at,
        max(decided_at) as loaded_at, -(min(line_amount) - sum(amount)) as amount, min(currency) as currency,
        case
            when min(currency) = min(base_currency) then -(min(line_amount) - sum(amount))
        end as base_amount,
        min(base_currency) as base_currency, cast(null as text) as gl_account, min(run_id) as posted_in_load,
        cast(null as text) as allocation_id, cast(null as text) as exchange_id
    from applied
    group by bank_source, bank_line_id
    having min(line_amount) - sum(amount) > 0
),

movements as (
    select posted.*, 'posted' as posting_state
    from posted
    union all
    select pending_on_installments.*, 'pending' as posting_state
    from pending_on_installments
    union all
    select pending_unapplied.*, 'pending' as posting_state
    from pending_unapplied
)

select
    movement_id,
    source_system,
    legal_entity,
    party_id,
    source_system || ':' || party_id as party_key,
    item_type,
    item_id,
    installment_no,
    document_type,
    document_date,
    due_date,
    movement_type,
    cause_entity,
    cause_id,
    effective_date,
    recorded_at,
    loaded_at,
    {{ money('amount') }} as amount,
    currency,
    {{ money('base_amount') }} as base_amount,
    base_currency,
    gl_account,
    allocation_id,
    exchange_id,
    posting_state,
    posted_in_load
from movements
