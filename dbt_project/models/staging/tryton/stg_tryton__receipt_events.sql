{{ config(enabled='tryton' in var('connectors')) }}
select
    raw.source_system,
    'line-' || cast(raw.reverses as text) as receipt_id,
    case when raw.reverses_origin like 'account.payment,%' then 'bounced' else 'reversed' end as event_type,
    raw."date" as event_date,
    {{ money('abs(raw.amount)') }} as amount,
    {{ raw_version('raw', "'line-' || raw._key") }}
from {{ source('raw_tryton', 'receivable_lines') }} as raw
where raw.kind = 'reversal'
