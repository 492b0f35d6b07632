{{ config(enabled='tryton' in var('connectors')) }}
select
    raw.source_system,
    cast(raw.id as text) as party_id,
    raw.legal_entity,
    raw.credit_limit_amount as "limit",
    raw.currency,
    cast(null as text) as risk_class,
    cast(null as decimal(18, 4)) as score,
    cast(null as date) as valid_from,
    {{ raw_version('raw', 'raw._key', deleted='(raw.deleted or raw.credit_limit_amount is null)') }}
from {{ source('raw_tryton', 'parties') }} as raw
