{{ config(enabled='tryton' in var('connectors')) }}
-- A quotation is no order yet; one that goes back to draft is none any more.
select
    raw.source_system,
    cast(raw.id as text) as order_id,
    cast(raw.party as text) as party_id,
    raw.legal_entity,
    coalesce(raw.sale_date, cast(raw.created_at as date)) as order_date,
    raw.currency,
    {{ money('coalesce(raw.total_amount, 0)') }} as amount,
    case
        when raw.state = 'cancelled' then 'cancelled'
        when raw.state = 'done' then 'closed'
        when raw.shipment_state = 'sent' then 'delivered'
        else 'open'
    end as status,
    cast(null as decimal(18, 4)) as delivered_amount,
    cast(null as decimal(18, 4)) as billed_amount,
    {{ raw_version('raw', 'raw._key', deleted="raw.deleted or raw.state in ('draft', 'quotation')") }}
from {{ source('raw_tryton', 'sales') }} as raw
