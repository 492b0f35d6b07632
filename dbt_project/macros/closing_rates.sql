{#-
  The rate that a currency closes at: for each source, currency, base currency and day asked for, the latest rate of a
  day on or before it; on one day the source's own first, then one without a type, then `spot`, then by name. A pair is
  never inverted. Where there is none, there is no row.

  Plain Jinja, as `aging`.
    asked              relation with source_system, currency, base_currency and day, each once
    rates              fct_fx_rates: every version of every rate
    known_at, loaded_at  ISO timestamps or none: as recorded, as loaded by then
    rate_type          the only type that counts, or none: any
-#}
{% macro closing_rates(asked, rates, known_at=none, loaded_at=none, rate_type=none) -%}
select source_system, currency, base_currency, day, rate, rate_date, rate_type, rate_source
from (
    select
        asked.source_system,
        asked.currency,
        asked.base_currency,
        asked.day,
        versions.rate,
        versions.rate_date,
        versions.rate_type,
        versions.source_system as rate_source,
        row_number() over (
            partition by asked.source_system, asked.currency, asked.base_currency, asked.day
            order by
                versions.rate_date desc,
                case when versions.source_system = asked.source_system then 0 else 1 end,
                case when coalesce(versions.rate_type, '') = '' then 0 else 1 end,
                case when versions.rate_type = 'spot' then 0 else 1 end,
                versions.rate_type,
                versions.source_system,
                versions.row_key
        ) as nth
    from {{ asked }} as asked
    inner join (
        select
            rates.*,
            row_number() over (
                partition by source_system, row_key
                order by recorded_at desc, loaded_at desc, source_file desc nulls last, source_line desc nulls last
            ) as newest
        from {{ rates }} as rates
        where
            1 = 1
            {%- if known_at is not none %}
            and recorded_at <= cast('{{ known_at }}' as timestamptz)
            {%- endif %}
            {%- if loaded_at is not none %}
            and loaded_at <= cast('{{ loaded_at }}' as timestamptz)
            {%- endif %}
    ) as versions
        on
            asked.currency = versions.from_currency
            and asked.base_currency = versions.to_currency
            and asked.day >= versions.rate_date
    where
        versions.newest = 1
        and not coalesce(versions.is_deleted, false)
        and versions.rate is not null
        and versions.rate < 10000000000
        {%- if rate_type is not none %}
        and versions.rate_type = '{{ rate_type }}'
        {%- endif %}
) as ordered
where nth = 1
{%- endmacro %}

{#- An open amount at a closing rate, rounded to the base currency's decimals; exact until then. -#}
{% macro revalued(amount, rate, base_currency) -%}
    {{ rounded(
        "cast(" ~ amount ~ " as decimal(18, 4)) * cast(" ~ rate ~ " as decimal(20, 10))", base_currency, 'decimal(38, 4)'
    ) }}
{%- endmacro %}
