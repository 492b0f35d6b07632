{{ config(enabled='tryton' in var('connectors')) }}
select
    raw.source_system,
    raw.currency as from_currency,
    raw.company_currency as to_currency,
    raw."date",
    raw.company_rate as rate,
    cast(null as text) as rate_type,
    {{ raw_version('raw', 'raw._key', deleted='(raw.deleted or raw.currency = raw.company_currency)') }}
from {{ source('raw_tryton', 'currency_rates') }} as raw
