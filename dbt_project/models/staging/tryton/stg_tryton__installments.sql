{{ config(enabled='tryton' in var('connectors')) }}
select
    raw.source_system,
    cast(raw.invoice as text) as document_id,
    raw.number as installment_no,
    raw.maturity_date as due_date,
    {{ money('abs(raw.amount)') }} as amount,
    {{ raw_version('raw', 'raw._key') }}
from {{ source('raw_tryton', 'invoice_maturities') }} as raw
