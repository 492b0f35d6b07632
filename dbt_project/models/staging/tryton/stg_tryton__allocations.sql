{{ config(enabled='tryton' in var('connectors')) }}
with settled as (
    select
        raw.*,
        'r' || cast(raw.reconciliation as text) || '-' || cast(raw.debit_line as text) || '-' || cast(raw.credit_line as text)
            as allocation_id,
        case when raw.credit_kind = 'invoice' then 'credit_memo' else 'receipt' end as source_type,
        case
            when raw.credit_kind = 'invoice' then cast(raw.credit_invoice as text)
            else 'line-' || cast(raw.credit_line as text)
        end as source_id,
        case
            when raw.debit_kind = 'invoice' then cast(raw.debit_invoice as text)
            else 'line-' || cast(raw.debit_line as text)
        end as document_id
    from {{ source('raw_tryton', 'settlements') }} as raw
    where raw.credit_kind <> 'write_off'
),

paid as (
    select
        raw.*,
        'p' || cast(raw.line as text) as allocation_id,
        case when raw.kind = 'debit' then 'credit_memo' else 'receipt' end as source_type,
        case when raw.kind = 'debit' then cast(raw.invoice as text) else 'line-' || cast(raw.line as text) end as source_id,
        case when raw.kind = 'debit' then 'line-' || cast(raw.line as text) else cast(raw.invoice as text) end as document_id
    from {{ source('raw_tryton', 'invoice_payments') }} as raw
),

undone as (
    select * from {{ source('raw_tryton', 'reconciliations') }}
    where deleted
)

-- The reconciliation's own date is when it counts; where an exchange difference was booked for it, the day of that:
-- Tryton takes the latest maturity for a date, which may be long after the difference left the receivables. As long as
-- the difference is a draft, the receivables keep it: both sides move by what the credit was booked at.
select
    raw.source_system,
    raw.allocation_id,
    raw.source_type,
    raw.source_id,
    raw.document_id,
    raw.amount,
    raw.source_amount,
    raw.debit_number as installment_no,
    cast(null as date) as allocation_date,
    coalesce(raw.exchange_date, raw."date") as effective_date,
    cast(null as text) as reverses_id,
    {{ money('case when raw.exchange_open then raw.base_amount end') }} as base_amount,
    {{ raw_version('raw', 'raw.allocation_id') }}
from settled as raw
union all
-- A reconciliation that was undone is gone, and its settlements with it.
select
    raw.source_system,
    raw.allocation_id,
    raw.source_type,
    raw.source_id,
    raw.document_id,
    raw.amount,
    raw.source_amount,
    raw.debit_number as installment_no,
    cast(null as date) as allocation_date,
    coalesce(raw.exchange_date, raw."date") as effective_date,
    cast(null as text) as reverses_id,
    {{ money('case when raw.exchange_open then raw.base_amount end') }} as base_amount,
    {{ raw_version('undone', 'raw.allocation_id') }}
from settled as raw
inner join undone on raw.source_system = undone.source_system and raw.reconciliation = undone.id
where not raw.deleted
union all
-- What was paid on an invoice counts on it from the later day of the two, until a reconciliation settles it; only then
-- does Tryton book an exchange difference, so that both sides move by what the payment was booked at.
select
    raw.source_system,
    raw.allocation_id,
    raw.source_type,
    raw.source_id,
    raw.document_id,
    raw.amount,
    raw.source_amount,
    cast(null as bigint) as installment_no,
    cast(null as date) as allocation_date,
    cast(null as date) as effective_date,
    cast(null as text) as reverses_id,
    raw.base_amount,
    {{ raw_version('raw', 'raw.allocation_id', deleted='(raw.deleted or raw.reconciliation is not null)') }}
from paid as raw
union all
-- Undoing a reconciliation writes nothing on its lines: what was paid on the invoice counts on it again.
select
    raw.source_system,
    raw.allocation_id,
    raw.source_type,
    raw.source_id,
    raw.document_id,
    raw.amount,
    raw.source_amount,
    cast(null as bigint) as installment_no,
    cast(null as date) as allocation_date,
    cast(null as date) as effective_date,
    cast(null as text) as reverses_id,
    raw.base_amount,
    {{ raw_version('undone', 'raw.allocation_id', deleted='false') }}
from paid as raw
inner join undone on raw.source_system = undone.source_system and raw.reconciliation = undone.id
where not raw.deleted
