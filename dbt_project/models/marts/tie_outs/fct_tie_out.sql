-- Two sources that state one account's balance: the statement that was recorded last counts.
with controls as (
    select source_system, legal_entity, gl_account, currency, balance_date, control_balance, base_control_balance, stated_at
    from (
        select
            source_system,
            coalesce(legal_entity, '') as legal_entity,
            coalesce(gl_account, '') as gl_account,
            currency,
            "date" as balance_date,
            balance as control_balance,
            base_balance as base_control_balance,
            recorded_at as stated_at,
            row_number() over (
                partition by legal_entity, gl_account, currency, "date"
                order by recorded_at desc, loaded_at desc, source_system asc, row_key asc
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
        coalesce(movements.legal_entity, '') as legal_entity,
        coalesce(movements.gl_account, entities.ar_account, only_account.gl_account, '') as gl_account,
        movements.currency,
        movements.effective_date,
        movements.recorded_at,
        movements.amount,
        coalesce(movements.base_amount, 0) as base_amount,
        case when movements.base_amount is null then movements.amount else 0 end as without_base
    from {{ ref('fct_ar_ledger') }} as movements
    left join {{ source('ops', 'legal_entity') }} as entities on movements.legal_entity = entities.legal_entity
    left join only_account on movements.legal_entity = only_account.legal_entity
    where movements.posting_state = 'posted' and movements.effective_date <= {{ today() }}
),

by_day as (
    select
        legal_entity, gl_account, currency, balance_day,
        sum(amount) as amount,
        sum(base_amount) as base_amount,
        sum(without_base) as without_base
    from (
        select legal_entity, gl_account, currency, effective_date as balance_day, amount, base_amount, without_base
        from ledger
        union all
        select
            legal_entity, gl_account, currency, balance_date as balance_day, 0 as amount, 0 as base_amount, 0 as without_base
        from controls
    ) as moved
    group by legal_entity, gl_account, currency, balance_day
),

balances as (
    select
        legal_entity, gl_account, currency, balance_day,
        sum(amount) over (partition by legal_entity, gl_account, currency order by balance_day) as ledger_balance,
        sum(base_amount) over (partition by legal_entity, gl_account, currency order by balance_day) as base_ledger_balance,
        sum(without_base) over (partition by legal_entity, gl_account, currency order by balance_day) as without_base,
        row_number() over (partition by legal_entity, gl_account, currency order by balance_day desc) as nth_last
    from by_day
),

stated_accounts as (
    select legal_entity, gl_account, currency, max(balance_date) as latest
    from controls
    group by legal_entity, gl_account, currency
),

stated_entities as (
    select distinct legal_entity
    from controls
),

compared as (
    select
        balances.legal_entity,
        balances.gl_account,
        balances.currency,
        controls.balance_date as as_of,
        coalesce(controls.balance_date = stated_accounts.latest, false) as is_latest,
        balances.ledger_balance,
        controls.control_balance,
        case when balances.without_base = 0 then balances.base_ledger_balance end as base_ledger_balance,
        controls.base_control_balance,
        controls.stated_at,
        controls.source_system,
        cast(null as text) as not_comparable
    from balances
    inner join controls
        on
            balances.legal_entity = controls.legal_entity
            and balances.gl_account = controls.gl_account
            and balances.currency = controls.currency
            and balances.balance_day = controls.balance_date
    inner join stated_accounts
        on
            balances.legal_entity = stated_accounts.legal_entity
            and balances.gl_account = stated_accounts.gl_account
            and balances.currency = stated_accounts.currency
    union all
    select
        balances.legal_entity,
        balances.gl_account,
        balances.currency,
        {{ today() }} as as_of,
        true as is_latest,
        balances.ledger_balance,
        null as control_balance,
        case when balances.without_base = 0 then balances.base_ledger_balance end as base_ledger_balance,
        null as base_control_balance,
        null as stated_at,
        null as source_system,
        case
            when balances.gl_account = '' and stated_entities.legal_entity is not null and balances.ledger_balance <> 0
                then 'no account'
            else 'not checked'
        end as not_comparable
    from balances
    left join stated_accounts
        on
            balances.legal_entity = stated_accounts.legal_entity
            and balances.gl_account = stated_accounts.gl_account
            and balances.currency = stated_accounts.currency
    left join stated_entities on balances.legal_entity = stated_entities.legal_entity
    where stated_accounts.legal_entity is null and balances.nth_last = 1
),

-- What differs now may have been right when the balance was stated: rows that were recorded since are not in it.
then_known as (
    select
        compared.legal_entity, compared.gl_account, compared.currency, compared.as_of,
        sum(ledger.amount) as ledger_balance,
        case when sum(ledger.without_base) = 0 then sum(ledger.base_amount) end as base_ledger_balance
    from compared
    inner join ledger
        on
            compared.legal_entity = ledger.legal_entity
            and compared.gl_account = ledger.gl_account
            and compared.currency = ledger.currency
    where
        ledger.effective_date <= compared.as_of
        and ledger.recorded_at <= compared.stated_at
        and (
            compared.ledger_balance <> compared.control_balance
            or compared.base_ledger_balance <> compared.base_control_balance
        )
    group by compared.legal_entity, compared.gl_account, compared.currency, compared.as_of
),

judged as (
    select
        compared.*,
        then_known.ledger_balance as ledger_balance_then,
        then_known.base_ledger_balance as base_ledger_balance_then,
        compared.ledger_balance = compared.control_balance
        and coalesce(compared.base_ledger_balance = compared.base_control_balance, true) as ties_now,
        then_known.ledger_balance = compared.control_balance
        and coalesce(then_known.base_ledger_balance = compared.base_control_balance, true) as tied_then
    from compared
    left join then_known
        on
            compared.legal_entity = then_known.legal_entity
            and compared.gl_account = then_known.gl_account
            and compared.currency = then_known.currency
            and compared.as_of = then_known.as_of
)

select
    legal_entity || '|' || gl_account || '|' || currency || '|' || cast(as_of as text) as tie_out_key,
    nullif(legal_entity, '') as legal_entity,
    nullif(gl_account, '') as gl_account,
    currency,
    as_of,
    is_latest,
    {{ total('ledger_balance') }} as ledger_balance,
    {{ money('control_balance') }} as control_balance,
    {{ total('ledger_balance - control_balance') }} as difference,
    {{ total('base_ledger_balance') }} as base_ledger_balance,
    {{ money('base_control_balance') }} as base_control_balance,
    {{ total('base_ledger_balance - base_control_balance') }} as base_difference,
    source_system,
    stated_at,
    case
        when not_comparable is not null then not_comparable
        when ties_now then 'tied'
        when tied_then then 'restated'
        else 'difference'
    end as status
from judged
