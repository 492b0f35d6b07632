{{ config(enabled='tryton' in var('connectors')) }}
select
    raw.source_system,
    cast(raw.id as text) as party_id,
    cast(null as text) as parent_party_id,
    cast(null as text) as duns,
    raw.country,
    raw.currency,
    raw.customer_payment_term as payment_terms,
    raw.credit_limit_amount as credit_limit,
    cast(null as date) as customer_since,
    raw.legal_entity,
    raw.person,
    {{ raw_version('raw', 'raw._key') }}
from {{ source('raw_tryton', 'parties') }} as raw
