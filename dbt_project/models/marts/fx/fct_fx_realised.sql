{#- A view over the ledger: an allocation's two sides, each at its own booked rate. Books in one currency give no row. -#}
{{ config(materialized='view') }}

with movements as (
    select
        movement_id,
        source_system,
        legal_entity,
        party_id,
        allocation_id,
        exchange_id,
        case when item_type = 'installment' then 'document' else 'source' end as side,
        item_type,
        item_id,
        movement_type,
        cause_entity,
        cause_id,
        effective_date,
        recorded_at,
        loaded_at,
        amount,
        currency,
        base_amount,
        base_currency
    from {{ ref('fct_ar_ledger') }}
    where posting_state = 'posted' and exchange_id is not null
),

-- The movements of one exchange concern the same two items all along: whether a side has base amounts holds for all.
exchanges as (
    select
        source_system,
        exchange_id,
        min(allocation_id) as allocation_id,
        min(case when side = 'document' then legal_entity end) as legal_entity,
        min(case when side = 'document' then party_id end) as party_id,
        min(case when side = 'document' then item_id end) as document_id,
        min(case when side = 'document' then currency end) as currency,
        min(case when side = 'source' then item_type end) as source_type,
        min(case when side = 'source' then item_id end) as source_id,
        min(case when side = 'source' then currency end) as source_currency,
        min(base_currency) as base_currency,
        sum(case when side = 'document' and base_amount is null then 1 else 0 end) as document_unknown,
        sum(case when side = 'source' and base_amount is null then 1 else 0 end) as source_unknown
    from movements
    group by source_system, exchange_id
),

events as (
    select
        source_system,
        exchange_id,
        movement_type,
        cause_entity,
        cause_id,
        effective_date,
        recorded_at,
        loaded_at,
        min(movement_id) as fx_realised_key,
        sum(case when side = 'document' then amount else 0 end) as document_amount,
        sum(case when side = 'source' then amount else 0 end) as source_amount,
        sum(case when side = 'document' then coalesce(base_amount, 0) else 0 end) as document_base_amount,
        sum(case when side = 'source' then coalesce(base_amount, 0) else 0 end) as source_base_amount
    from movements
    group by source_system, exchange_id, movement_type, cause_entity, cause_id, effective_date, recorded_at, loaded_at
)

select
    events.fx_realised_key,
    events.source_system,
    exchanges.legal_entity,
    exchanges.party_id,
    events.source_system || ':' || exchanges.party_id as party_key,
    exchanges.allocation_id,
    events.exchange_id,
    events.movement_type,
    events.cause_entity,
    events.cause_id,
    events.effective_date,
    events.recorded_at,
    events.loaded_at,
    exchanges.document_id,
    exchanges.currency,
    {{ total('events.document_amount') }} as document_amount,
    exchanges.source_type,
    exchanges.source_id,
    exchanges.source_currency,
    {{ total('events.source_amount') }} as source_amount,
    exchanges.base_currency,
    {{ total('case when exchanges.document_unknown = 0 then events.document_base_amount end') }} as document_base_amount,
    {{ total('case when exchanges.source_unknown = 0 then events.source_base_amount end') }} as source_base_amount,
    {{ total(
        'case when exchanges.document_unknown = 0 and exchanges.source_unknown = 0 '
        ~ 'then events.document_base_amount + events.source_base_amount end'
    ) }} as realised_fx,
    case
        when exchanges.document_unknown = 0 and exchanges.source_unknown = 0 then 'realised'
        when exchanges.source_unknown = 0 then 'no document rate'
        when exchanges.document_unknown = 0 then 'no source rate'
        else 'no rate'
    end as status
from events
inner join exchanges on events.source_system = exchanges.source_system and events.exchange_id = exchanges.exchange_id
where
    (exchanges.currency <> exchanges.base_currency or exchanges.source_currency <> exchanges.base_currency)
    and (
        events.document_amount <> 0
        or events.source_amount <> 0
        or events.document_base_amount <> 0
        or events.source_base_amount <> 0
    )
