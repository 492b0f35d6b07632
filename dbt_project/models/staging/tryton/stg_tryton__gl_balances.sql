{{ config(enabled='tryton' in var('connectors')) }}
-- Tryton keeps one balance an account, in the company's currency. What of it is in a second currency is told by the
-- lines; the rest is what must stand in the company's own, so that a line that was not read shows as a difference.
with lines as (
    select source_system, account, currency, "date", amount, base_amount
    from (
        select
            raw.*,
            row_number() over (
                partition by raw.source_system, raw._key
                order by raw.recorded_at desc, raw._loaded_at desc, raw._row_hash desc
            ) as nth
        from {{ source('raw_tryton', 'receivable_lines') }} as raw
    ) as ordered
    where nth = 1 and not deleted
),

daily as (
    select source_system, account, currency, "date", sum(amount) as amount, sum(base_amount) as base_amount
    from lines
    group by source_system, account, currency, "date"
),

in_second_currency as (
    select
        raw.source_system, raw._key, raw._row_hash, raw._loaded_at, daily.currency,
        sum(daily.amount) as amount, sum(daily.base_amount) as base_amount
    from {{ source('raw_tryton', 'account_balances') }} as raw
    inner join daily
        on
            raw.source_system = daily.source_system and raw.account = daily.account
            and raw.currency <> daily.currency and raw."date" >= daily."date"
    group by raw.source_system, raw._key, raw._row_hash, raw._loaded_at, daily.currency
),

abroad as (
    select source_system, _key, _row_hash, _loaded_at, sum(base_amount) as base_amount
    from in_second_currency
    group by source_system, _key, _row_hash, _loaded_at
)

select
    raw.source_system,
    raw.legal_entity,
    raw.account as gl_account,
    raw.currency,
    raw."date",
    cast(raw.balance - coalesce(abroad.base_amount, 0) as decimal(18, 4)) as balance,
    cast(raw.balance - coalesce(abroad.base_amount, 0) as decimal(18, 4)) as base_balance,
    {{ raw_version('raw', 'raw._key') }}
from {{ source('raw_tryton', 'account_balances') }} as raw
left join abroad
    on
        raw.source_system = abroad.source_system and raw._key = abroad._key and raw._row_hash = abroad._row_hash
        and raw._loaded_at = abroad._loaded_at
union all
select
    raw.source_system,
    raw.legal_entity,
    raw.account as gl_account,
    part.currency,
    raw."date",
    cast(part.amount as decimal(18, 4)) as balance,
    cast(part.base_amount as decimal(18, 4)) as base_balance,
    {{ raw_version('raw', "raw._key || '|' || part.currency") }}
from {{ source('raw_tryton', 'account_balances') }} as raw
inner join in_second_currency as part
    on
        raw.source_system = part.source_system and raw._key = part._key and raw._row_hash = part._row_hash
        and raw._loaded_at = part._loaded_at
