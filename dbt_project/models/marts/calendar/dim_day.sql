{#- Ten thousand days, 27 years, are enough: a balance counts what is older too, and an absurd date in a source makes no million rows. -#}
with digits as (
    {%- for digit in range(10) %}
        select {{ digit }} as digit
        {{ 'union all' if not loop.last }}
    {%- endfor %}
),

days as (
    select {{ today() }} - (ones.digit + 10 * tens.digit + 100 * hundreds.digit + 1000 * thousands.digit) as date_day
    from digits as ones
    cross join digits as tens
    cross join digits as hundreds
    cross join digits as thousands
),

moved as (
    select coalesce(min(effective_date), {{ today() }}) as first_on
    from {{ ref('fct_ar_ledger') }}
)

select
    days.date_day,
    days.date_day - cast(extract(day from days.date_day) as integer) + 1 as month_on,
    extract(day from days.date_day + 1) = 1 as is_month_end
from days
cross join moved
where days.date_day >= moved.first_on - cast(extract(day from moved.first_on) as integer) + 1
