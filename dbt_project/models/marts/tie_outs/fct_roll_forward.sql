-- What moved in a month, by what it was; the closing balance beside it is summed whatever a movement is called.
with movements as (
    select
        coalesce(legal_entity, '') as legal_entity,
        currency,
        cast(left(cast(effective_date as text), 7) || '-01' as date) as period_start,
        item_type,
        movement_type,
        cause_entity,
        amount,
        base_amount,
        case when base_amount is null then amount else 0 end as without_base
    from {{ ref('fct_ar_ledger') }}
    where posting_state = 'posted' and effective_date <= {{ today() }}
),

terms as (
    select
        movements.*,
        case
            when movement_type = 'document' and item_type = 'installment' then 'billed'
            when movement_type = 'document' and item_type = 'credit_memo' then 'credited'
            when movement_type = 'receipt' and item_type = 'receipt' then 'received'
            when movement_type in ('receipt_event', 'refund') then 'returned'
            when movement_type = 'adjustment' or (movement_type = 'undo' and cause_entity = 'adjustments') then 'adjusted'
            when movement_type = 'void' then 'voided'
            when movement_type in ('allocation', 'undo') then 'exchanged'
        end as term
    from movements
),

by_month as (
    select
        legal_entity,
        currency,
        period_start,
        sum(case when term = 'billed' then amount else 0 end) as billed,
        sum(case when term = 'credited' then amount else 0 end) as credited,
        sum(case when term = 'received' then amount else 0 end) as cash_received,
        sum(case when term = 'returned' then amount else 0 end) as cash_returned,
        sum(case when term = 'adjusted' then amount else 0 end) as adjusted,
        sum(case when term = 'voided' then amount else 0 end) as voided,
        sum(case when term = 'exchanged' then amount else 0 end) as fx,
        sum(case when term in ('exchanged', 'returned') and item_type = 'installment' then amount else 0 end) as applied,
        sum(case when term = 'exchanged' then base_amount else 0 end) as base_fx,
        sum(case when item_type = 'installment' then 0 else amount end) as unapplied_change,
        sum(amount) as change,
        sum(base_amount) as base_change,
        sum(without_base) as without_base
    from terms
    group by legal_entity, currency, period_start
),

closed as (
    select
        by_month.*,
        sum(change) over (partition by legal_entity, currency order by period_start) as closing,
        sum(unapplied_change) over (partition by legal_entity, currency order by period_start) as unapplied_closing,
        sum(coalesce(base_change, 0)) over (partition by legal_entity, currency order by period_start) as base_closing,
        sum(without_base) over (partition by legal_entity, currency order by period_start) as base_unknown
    from by_month
),

opened as (
    select
        closed.*,
        coalesce(lag(closing) over (partition by legal_entity, currency order by period_start), 0) as opening
    from closed
)

select
    legal_entity || '|' || currency || '|' || cast(period_start as text) as roll_forward_key,
    nullif(legal_entity, '') as legal_entity,
    currency,
    period_start,
    {{ total('opening') }} as opening,
    {{ total('billed') }} as billed,
    {{ total('credited') }} as credited,
    {{ total('cash_received') }} as cash_received,
    {{ total('cash_returned') }} as cash_returned,
    {{ total('adjusted') }} as adjusted,
    {{ total('voided') }} as voided,
    {{ total('fx') }} as fx,
    {{ total('closing') }} as closing,
    {{ total('closing - (opening + billed + credited + cash_received + cash_returned + adjusted + voided + fx)') }} as residual,
    {{ total('-applied') }} as applied,
    {{ total('unapplied_closing') }} as unapplied_closing,
    {{ total('case when base_unknown = 0 then coalesce(base_fx, 0) end') }} as base_fx,
    {{ total('case when base_unknown = 0 then base_closing end') }} as base_closing
from opened
