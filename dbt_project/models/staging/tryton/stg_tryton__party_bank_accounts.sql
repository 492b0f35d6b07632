{{ config(enabled='tryton' in var('connectors')) }}
select
    raw.source_system,
    cast(raw.party as text) as party_id,
    raw.number as iban_or_account,
    raw.bic as bic_or_routing,
    {{ raw_version('raw', 'raw._key') }}
from {{ source('raw_tryton', 'bank_accounts') }} as raw
