{%- set in_one_currency = 'coalesce(summed.without_base, 0) = 0 and coalesce(summed.base_currencies, 1) = 1' -%}
with items as (
    select
        source_system, party_id, party_key, base_currency, base_open_amount, days_late
    from {{ ref('fct_open_items') }}
    where item_type = 'installment' and open_amount <> 0 and party_id is not null
),

summed as (
    select
        source_system,
        party_id,
        party_key,
        count(distinct base_currency) as base_currencies,
        min(base_currency) as currency,
        sum(case when base_open_amount is null then 1 else 0 end) as without_base,
        sum(base_open_amount) as open_amount,
        sum(case when days_late > 0 then base_open_amount else 0 end) as past_due_amount,
        max(days_late) as oldest_days_late
    from items
    group by source_system, party_id, party_key
),

-- A customer that owes nothing now has the currency of the books that it was in last.
settled as (
    select source_system, party_id, min(base_currency) as currency, count(distinct base_currency) as base_currencies
    from {{ ref('fct_ar_ledger') }}
    where posting_state = 'posted'
    group by source_system, party_id
)

select
    parties.source_system,
    parties.party_id,
    parties.party_key,
    coalesce(summed.currency, settled.currency) as currency,
    {{ money('case when ' ~ in_one_currency ~ ' then coalesce(summed.open_amount, 0) end') }} as open_amount,
    {{ money('case when ' ~ in_one_currency ~ ' then coalesce(summed.past_due_amount, 0) end') }} as past_due_amount,
    coalesce(summed.oldest_days_late, 0) as oldest_days_late,
    coalesce(summed.oldest_days_late, 0) > {{ var('hold_after_days') }} as on_hold,
    case
        when coalesce(summed.base_currencies, settled.base_currencies) > 1 then 'several base currencies'
        when summed.without_base > 0 then 'base amount unknown'
        when coalesce(summed.currency, settled.currency) is null then 'nothing posted'
    end as left_out_because,
    {{ today() }} as as_of
from {{ ref('dim_party') }} as parties
left join summed
    on parties.source_system = summed.source_system and parties.party_id = summed.party_id
left join settled
    on parties.source_system = settled.source_system and parties.party_id = settled.party_id
