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
        end as document_id,
        raw.debit_number as installment_no,
        coalesce(raw.exchange_date, raw."date") as effective_date,
        {{ money('case when raw.exchange_open then raw.base_amount end') }} as booked_at
    from {{ source('raw_tryton', 'settlements') }} as raw
    where raw.credit_kind <> 'write_off'
),

paid as (
    select
        raw.*,
        'p' || cast(raw.line as text) as allocation_id,
        case when raw.kind = 'debit' then 'credit_memo' else 'receipt' end as source_type,
        case when raw.kind = 'debit' then cast(raw.invoice as text) else 'line-' || cast(raw.line as text) end as source_id,
        case when raw.kind = 'debit' then 'line-' || cast(raw.line as text) else cast(raw.invoice as text) end as document_id,
        cast(null as bigint) as installment_no,
        cast(null as date) as effective_date,
        raw.base_amount as booked_at
    from {{ source('raw_tryton', 'invoice_payments') }} as raw
),

undone as (
    select * from {{ source('raw_tryton', 'reconciliations') }}
    where deleted
)

-- settled: the reconciliation's own date is when it counts; where an exchange difference was booked for it, the day of
-- that: Tryton takes the latest maturity for a date, which may be long after the difference left the receivables. As long
-- as the difference is a draft, the receivables keep it: both sides move by what the credit was booked at. A
-- reconciliation that was undone is gone, and its settlements with it.
-- paid: what was paid on an invoice counts on it from the later day of the two, until a reconciliation settles it; only
-- then does Tryton book an exchange difference, so that both sides move by what the payment was booked at. Undoing a
-- reconciliation writes nothing on its lines: what was paid on the invoice counts on it again.
{% for applied, version, deleted in [
    ('settled', 'raw', 'raw.deleted'),
    ('settled', 'undone', 'undone.deleted'),
    ('paid', 'raw', '(raw.deleted or raw.reconciliation is not null)'),
    ('paid', 'undone', 'false'),
] %}
    select
        raw.source_system,
        raw.allocation_id,
        raw.source_type,
        raw.source_id,
        raw.document_id,
        raw.amount,
        raw.source_amount,
        raw.installment_no,
        cast(null as date) as allocation_date,
        raw.effective_date,
        cast(null as text) as reverses_id,
        raw.booked_at as base_amount,
        {{ raw_version(version, 'raw.allocation_id', deleted=deleted) }}
    from {{ applied }} as raw
    {% if version == 'undone' -%}
        inner join undone on raw.source_system = undone.source_system and raw.reconciliation = undone.id
        where not raw.deleted
    {% endif -%}
    {{ 'union all' if not loop.last }}
{% endfor %}
