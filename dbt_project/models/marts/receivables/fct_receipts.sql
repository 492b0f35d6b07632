with moved as (
    select
        source_system,
        item_id as receipt_id,
        sum(amount) as unapplied_amount,
        sum(case when movement_type = 'refund' then amount else 0 end) as refunded_amount,
        sum(case when movement_type in ('allocation', 'undo', 'void') then amount else 0 end) as applied_amount,
        sum(case when movement_type = 'receipt_event' then amount else 0 end) as event_amount
    from {{ ref('fct_ar_ledger') }}
    where item_type = 'receipt' and posting_state = 'posted' and effective_date <= {{ today() }}
    group by source_system, item_id
),

-- An event takes its amount back, and undoes allocations by as much: on the receipt the two are one movement, so what
-- was undone is read from the documents.
undone as (
    select movements.source_system, events.receipt_id, movements.currency, sum(movements.amount) as amount
    from {{ ref('fct_ar_ledger') }} as movements
    inner join {{ ref('int_receipt_events__current') }} as events
        on movements.source_system = events.source_system and movements.cause_id = events.row_key
    where
        movements.cause_entity = 'receipt_events'
        and movements.item_type = 'installment'
        and movements.posting_state = 'posted'
        and movements.effective_date <= {{ today() }}
    group by movements.source_system, events.receipt_id, movements.currency
),

last_event as (
    select source_system, receipt_id, event_type, event_date
    from (
        select
            events.*,
            row_number() over (
                partition by source_system, receipt_id order by event_date desc nulls last, recorded_at desc, row_key desc
            ) as nth
        from {{ ref('int_receipt_events__current') }} as events
    ) as ordered
    where nth = 1
),

links as (
    select
        source_system,
        receipt_id,
        min(bank_source) as bank_source,
        min(bank_line_id) as bank_line_id
    from {{ ref('int_bank_posted_candidates') }}
    where receipts_of_line = 1 and lines_of_receipt = 1
    group by source_system, receipt_id
)

select
    receipts.source_system,
    receipts.receipt_id,
    receipts.source_system || ':' || receipts.receipt_id as receipt_key,
    receipts.party_id,
    receipts.source_system || ':' || receipts.party_id as party_key,
    receipts.legal_entity,
    receipts.receipt_date,
    coalesce(receipts.posting_date, receipts.receipt_date) as posting_date,
    receipts.method,
    receipts.reference,
    receipts.currency,
    receipts.amount,
    {{ money('coalesce(moved.applied_amount, 0) - coalesce(undone.amount, 0)') }} as applied_amount,
    {{ money('coalesce(moved.refunded_amount, 0)') }} as refunded_amount,
    {{ money('coalesce(moved.event_amount, 0) + coalesce(undone.amount, 0)') }} as reversed_amount,
    {{ money('coalesce(-moved.unapplied_amount, 0)') }} as unapplied_amount,
    coalesce(last_event.event_type, 'received') as status,
    last_event.event_date as status_date,
    links.bank_source,
    links.bank_line_id,
    receipts.recorded_at,
    receipts.loaded_at
from {{ ref('int_receipts__current') }} as receipts
left join moved
    on receipts.source_system = moved.source_system and receipts.receipt_id = moved.receipt_id
left join undone
    on
        receipts.source_system = undone.source_system and receipts.receipt_id = undone.receipt_id
        and receipts.currency = undone.currency
left join last_event
    on receipts.source_system = last_event.source_system and receipts.receipt_id = last_event.receipt_id
left join links
    on receipts.source_system = links.source_system and receipts.receipt_id = links.receipt_id
