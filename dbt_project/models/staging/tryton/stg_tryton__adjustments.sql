{{ config(enabled='tryton' in var('connectors')) }}
-- A write-off is a move of its own: it stays in the books when its reconciliation is undone.
select
    raw.source_system,
    'w' || cast(raw.debit_line as text) || '-' || cast(raw.credit_line as text) as adjustment_id,
    case
        when raw.debit_kind = 'invoice' then cast(raw.debit_invoice as text)
        else 'line-' || cast(raw.debit_line as text)
    end as document_id,
    'write_off' as adjustment_type,
    raw.amount,
    raw.credit_date as effective_date,
    raw.debit_number as installment_no,
    cast(null as text) as reason_code,
    cast(null as text) as reverses_id,
    {{ raw_version('raw', "'w' || cast(raw.debit_line as text) || '-' || cast(raw.credit_line as text)") }}
from {{ source('raw_tryton', 'settlements') }} as raw
where raw.credit_kind = 'write_off'
