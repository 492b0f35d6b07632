-- What moved in a month, by what it was; the closing balance beside it is summed whatever a movement is called.
{%- set terms = ['billed', 'credited', 'cash_received', 'cash_returned', 'adjusted', 'voided', 'fx'] %}

with movements as (
    select
        source_system,
        coalesce(legal_entity, '') as legal_entity,
        currency,
        cast(left(cast(effective_date as text), 7) || '-01' as date) as period_start,
        item_type,
        item_id,
        coalesce(installment_no, 0) as installment_no,
        amount,
        base_amount,
        case
            when exchange_id is not null then 'fx'
            when movement_type = 'document' and item_type = 'installment' then 'billed'
            when movement_type = 'document' and item_type = 'credit_memo' then 'credited'
            when movement_type = 'receipt' and item_type = 'receipt' then 'cash_received'
            when movement_type in ('receipt_event', 'refund') then 'cash_returned'
            when movement_type = 'adjustment' or (movement_type = 'undo' and cause_entity = 'adjustments') then 'adjusted'
            when movement_type = 'void' then 'voided'
            when movement_type in ('allocation', 'undo') then 'fx'
        end as term
    from {{ ref('fct_ar_ledger') }}
    where posting_state = 'posted' and effective_date <= {{ today() }}
),

-- An item's base amount is unknown where its movements without one do not sum to 0: in a term of a month, and since ever.
unvalued as (
    select
        legal_entity, currency, period_start, source_system, item_type, item_id, installment_no,
        {%- for term in terms %}
            sum(case when term = '{{ term }}' then amount else 0 end) as {{ term }},
        {%- endfor %}
        sum(sum(amount)) over (
            partition by legal_entity, currency, source_system, item_type, item_id, installment_no order by period_start
        ) as so_far
    from movements
    where base_amount is null
    group by legal_entity, currency, period_start, source_system, item_type, item_id, installment_no
),

turned as (
    select
        unvalued.*,
        case when so_far <> 0 then 1 else 0 end - case
            when lag(so_far) over (
                partition by legal_entity, currency, source_system, item_type, item_id, installment_no order by period_start
            ) <> 0 then 1
            else 0
        end as turn
    from unvalued
),

unknown as (
    select
        legal_entity,
        currency,
        period_start,
        {%- for term in terms %}
            sum(case when {{ term }} <> 0 then 1 else 0 end) as {{ term }},
        {%- endfor %}
        sum(turn) as turned
    from turned
    group by legal_entity, currency, period_start
),

by_month as (
    select
        legal_entity,
        currency,
        period_start,
        {%- for term in terms %}
            sum(case when term = '{{ term }}' then amount else 0 end) as {{ term }},
            sum(case when term = '{{ term }}' then coalesce(base_amount, 0) else 0 end) as base_{{ term }},
        {%- endfor %}
        sum(case when term in ('fx', 'cash_returned') and item_type = 'installment' then amount else 0 end) as applied,
        sum(case when item_type = 'installment' then 0 else amount end) as unapplied_change,
        sum(amount) as change,
        sum(coalesce(base_amount, 0)) as base_change
    from movements
    group by legal_entity, currency, period_start
),

closed as (
    select
        by_month.*,
        {%- for term in terms %}
            coalesce(unknown.{{ term }}, 0) as unknown_{{ term }},
        {%- endfor %}
        sum(by_month.change) over to_here as closing,
        sum(by_month.unapplied_change) over to_here as unapplied_closing,
        case when sum(coalesce(unknown.turned, 0)) over to_here = 0 then sum(by_month.base_change) over to_here end
            as base_closing
    from by_month
    left join unknown
        on
            by_month.legal_entity = unknown.legal_entity
            and by_month.currency = unknown.currency
            and by_month.period_start = unknown.period_start
    window to_here as (partition by by_month.legal_entity, by_month.currency order by by_month.period_start)
),

opened as (
    select
        closed.*,
        coalesce(lag(closing) over (partition by legal_entity, currency order by period_start), 0) as opening,
        lag(base_closing, 1, 0) over (partition by legal_entity, currency order by period_start) as base_opening
    from closed
),

valued as (
    select
        legal_entity, currency, period_start, opening, {{ terms | join(', ') }}, closing, applied, unapplied_closing,
        base_opening,
        {%- for term in terms %}
            case when unknown_{{ term }} = 0 then base_{{ term }} end as base_{{ term }},
        {%- endfor %}
        base_closing
    from opened
)

select
    legal_entity || '|' || currency || '|' || cast(period_start as text) as roll_forward_key,
    nullif(legal_entity, '') as legal_entity,
    currency,
    period_start,
    {{ total('opening') }} as opening,
    {%- for term in terms %}
        {{ total(term) }} as {{ term }},
    {%- endfor %}
    {{ total('closing') }} as closing,
    {{ total('closing - (opening + ' ~ terms | join(' + ') ~ ')') }} as residual,
    {{ total('-applied') }} as applied,
    {{ total('unapplied_closing') }} as unapplied_closing,
    {{ total('base_opening') }} as base_opening,
    {%- for term in terms %}
        {{ total('base_' ~ term) }} as base_{{ term }},
    {%- endfor %}
    {{ total('base_closing') }} as base_closing,
    {{ total('base_closing - (base_opening + base_' ~ terms | join(' + base_') ~ ')') }} as base_residual
from valued
