{#- A view over the ledger: what each month-end comes to as known now. Books in one currency give no row. -#}
{{ config(materialized='view') }}

with recursive month_ends as (
    select {{ today() }} - cast(extract(day from {{ today() }}) as integer) as month_end, 1 as nth
    union all
    select month_end - cast(extract(day from month_end) as integer) as month_end, nth + 1 as nth
    from month_ends
    where nth < {{ var('revaluation_months') }}
),

items as (
    select
        month_ends.month_end,
        movements.source_system,
        movements.legal_entity,
        movements.party_id,
        movements.item_type,
        movements.item_id,
        movements.installment_no,
        movements.currency,
        movements.base_currency,
        movements.gl_account,
        sum(movements.amount) as open_amount,
        case
            when coalesce(sum(case when movements.base_amount is null then movements.amount end), 0) = 0
                then coalesce(sum(movements.base_amount), 0)
        end as carrying_amount
    from {{ ref('fct_ar_ledger') }} as movements
    inner join month_ends on movements.effective_date <= month_ends.month_end
    where movements.posting_state = 'posted' and movements.currency <> movements.base_currency
    group by
        month_ends.month_end, movements.source_system, movements.legal_entity, movements.party_id, movements.item_type,
        movements.item_id, movements.installment_no, movements.currency, movements.base_currency, movements.gl_account
    having sum(movements.amount) <> 0
),

asked as (
    select distinct source_system, currency, base_currency, month_end as day
    from items
),

closing as (
    {{ closing_rates('asked', ref('fct_fx_rates'), rate_type=var('revaluation_rate_type')) }}
),

valued as (
    select
        items.*,
        closing.rate as closing_rate,
        closing.rate_date,
        closing.rate_type,
        closing.rate_source,
        {{ revalued('items.open_amount', 'closing.rate', 'items.base_currency') }} as revalued_amount
    from items
    left join closing
        on
            items.source_system = closing.source_system
            and items.currency = closing.currency
            and items.base_currency = closing.base_currency
            and items.month_end = closing.day
),

entries as (
    select 'revaluation' as entry_type, month_end as entry_date, 1 as sign, valued.*
    from valued
    union all
    select 'reversal' as entry_type, month_end + 1 as entry_date, -1 as sign, valued.*
    from valued
    where month_end + 1 <= {{ today() }}
)

select
    month_end,
    entry_type,
    entry_date,
    source_system,
    legal_entity,
    party_id,
    source_system || ':' || party_id as party_key,
    item_type,
    item_id,
    installment_no,
    gl_account,
    currency,
    cast(open_amount as decimal(38, 4)) as open_amount,
    base_currency,
    cast(carrying_amount as decimal(38, 4)) as carrying_amount,
    closing_rate,
    rate_date,
    rate_type,
    rate_source,
    revalued_amount,
    cast(sign * (revalued_amount - carrying_amount) as decimal(38, 4)) as unrealised_gain_loss,
    case
        when closing_rate is null then 'no closing rate'
        when carrying_amount is null then 'no booked rate'
        else 'revalued'
    end as status
from entries
