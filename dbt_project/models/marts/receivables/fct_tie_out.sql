with controls as (
    select legal_entity, gl_account, currency, balance_date, control_balance, base_control_balance
    from (
        select
            legal_entity,
            gl_account,
            currency,
            "date" as balance_date,
            balance as control_balance,
            base_balance as base_control_balance,
            row_number() over (
                partition by legal_entity, gl_account, currency
                order by "date" desc, recorded_at desc, loaded_at desc, source_system asc, row_key asc
            ) as nth
        from {{ ref('int_gl_balances__current') }}
        where "date" <= {{ today() }}
    ) as ordered
    where nth = 1
),

-- A movement without an account is on its entity's configured one, else on the only one that the books have for it.
only_account as (
    select legal_entity, min(gl_account) as gl_account
    from controls
    group by legal_entity
    having count(distinct gl_account) = 1
),

ledger as (
    select
        movements.legal_entity,
        coalesce(movements.gl_account, entities.ar_account, only_account.gl_account) as gl_account,
        movements.currency,
        movements.effective_date,
        sum(movements.amount) as amount,
        sum(movements.base_amount) as base_amount,
        sum(case when movements.base_amount is null then 1 else 0 end) as without_base
    from {{ ref('fct_ar_ledger') }} as movements
    left join {{ source('ops', 'legal_entity') }} as entities on movements.legal_entity = entities.legal_entity
    left join only_account on movements.legal_entity = only_account.legal_entity
    where movements.posting_state = 'posted' and movements.effective_date <= {{ today() }}
    group by
        movements.legal_entity, coalesce(movements.gl_account, entities.ar_account, only_account.gl_account),
        movements.currency, movements.effective_date
),

subledger as (
    select
        coalesce(ledger.legal_entity, controls.legal_entity) as legal_entity,
        coalesce(ledger.gl_account, controls.gl_account) as gl_account,
        coalesce(ledger.currency, controls.currency) as currency,
        controls.balance_date,
        controls.control_balance,
        controls.base_control_balance,
        sum(case when controls.balance_date is null or ledger.effective_date <= controls.balance_date then ledger.amount else 0 end)
            as ledger_balance,
        sum(case when controls.balance_date is null or ledger.effective_date <= controls.balance_date then ledger.base_amount end)
            as base_ledger_balance,
        sum(case when controls.balance_date is null or ledger.effective_date <= controls.balance_date then ledger.without_base else 0 end)
            as without_base
    from ledger
    full outer join controls
        on
            ledger.legal_entity = controls.legal_entity
            and ledger.gl_account = controls.gl_account
            and ledger.currency = controls.currency
    group by
        coalesce(ledger.legal_entity, controls.legal_entity), coalesce(ledger.gl_account, controls.gl_account),
        coalesce(ledger.currency, controls.currency), controls.balance_date, controls.control_balance,
        controls.base_control_balance
)

select
    coalesce(legal_entity, '') || '|' || coalesce(gl_account, '') || '|' || currency as tie_out_key,
    legal_entity,
    gl_account,
    currency,
    coalesce(balance_date, {{ today() }}) as as_of,
    {{ money('coalesce(ledger_balance, 0)') }} as ledger_balance,
    control_balance,
    {{ money('coalesce(ledger_balance, 0) - control_balance') }} as difference,
    {{ money('case when without_base = 0 then coalesce(base_ledger_balance, 0) end') }} as base_ledger_balance,
    base_control_balance,
    case
        when control_balance is null then 'not checked'
        when coalesce(ledger_balance, 0) = control_balance then 'tied'
        else 'difference'
    end as status
from subledger
