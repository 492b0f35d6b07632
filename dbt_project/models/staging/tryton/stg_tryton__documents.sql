{{ config(enabled='tryton' in var('connectors')) }}
-- A cancelled invoice whose credit note took it back stays posted: both stand in the books, and pay each other.
select
    raw.source_system,
    cast(raw.id as text) as document_id,
    case when raw.total_amount < 0 then 'credit_memo' else 'invoice' end as document_type,
    cast(raw.party as text) as party_id,
    raw.legal_entity,
    coalesce(raw.invoice_date, raw.move_date, cast(raw.created_at as date)) as document_date,
    raw.currency,
    {{ money('abs(raw.total_amount)') }} as amount,
    raw.move_date as posting_date,
    cast(null as date) as due_date,
    case
        when raw.state in ('posted', 'paid') then 'posted'
        when raw.state = 'cancelled' and raw.cancelled_by = 'invoice' then 'posted'
        when raw.state = 'cancelled' then 'void'
        else 'draft'
    end as status,
    case when raw.state = 'cancelled' and raw.cancelled_by = 'move' then raw.cancel_date end as voided_on,
    {{ money('abs(raw.base_amount)') }} as base_amount,
    {{ money('abs(raw.tax_amount)') }} as tax_amount,
    raw.number as reference,
    cast(raw.sale as text) as order_id,
    raw.account as gl_account,
    cast(null as decimal(28, 10)) as fx_rate,
    raw.payment_term as payment_terms,
    {{ raw_version(
        'raw', 'raw._key',
        recorded_at="case when raw.state in ('posted', 'paid') and not raw.deleted"
            ~ " then coalesce(raw.move_created_at, raw.recorded_at) else raw.recorded_at end"
    ) }}
from {{ source('raw_tryton', 'invoices') }} as raw
union all
-- What a party owes by a move that is no invoice: a refund, a late charge, a difference in its disfavour.
select
    raw.source_system,
    'line-' || cast(raw.id as text) as document_id,
    'debit_memo' as document_type,
    cast(raw.party as text) as party_id,
    raw.legal_entity,
    raw."date" as document_date,
    raw.currency,
    {{ money('abs(raw.amount)') }} as amount,
    raw."date" as posting_date,
    coalesce(raw.maturity_date, raw."date") as due_date,
    'posted' as status,
    cast(null as date) as voided_on,
    {{ money('abs(raw.base_amount)') }} as base_amount,
    cast(null as decimal(18, 4)) as tax_amount,
    raw.move_number as reference,
    cast(null as text) as order_id,
    raw.account as gl_account,
    raw.rate as fx_rate,
    cast(null as text) as payment_terms,
    {{ raw_version(
        'raw', "'line-' || raw._key", recorded_at='case when raw.deleted then raw.recorded_at else raw.created_at end',
        deleted="raw.deleted or raw.kind not in ('debit', 'write_off')"
    ) }}
from {{ source('raw_tryton', 'receivable_lines') }} as raw
where raw.kind in ('debit', 'write_off', 'exchange', 'reversal') and raw.base_amount > 0
