{#-
  Whether a customer pays slower or faster than before: the rank-sum test of Mann and Whitney, in whole numbers alone.

  Plain Jinja: `otc behaviour` renders this file too. Gives the common table expression `changed`, a row per group of `keys`.
    observed     relation with the keys, `period` (recent, earlier) and `value`, a decimal: one row, one observation
    keys         columns of a group
    alarm_rate   the share of customers that pay as ever and are flagged all the same, at most: '0.05' or '0.01'
  With m recent and n earlier observations, N = m + n, U the pairs in which the recent value is above the earlier one (a
  tie: half a pair), t the observations in the largest tie:

    z2 = 3 (|2U - mn| - t)^2 N (N - 1) / (mn (N^3 - N - sum of (tie^3 - tie)))

  is compared with the square of the normal quantile. Without ties t is 1: the usual correction by half a pair. Ties make
  steps of U as large as they are themselves, and half a step is then half the tie: without it the rate is up to double.
  Too few: not even a clean separation of m from n would be flagged.
-#}
{% macro payment_change(observed, keys, alarm_rate) -%}
{%- set limit = {'0.05': '3.8415', '0.01': '6.6349'}[alarm_rate] -%}
{%- set whole = 'decimal(38, 0)' -%}
{%- set top = 'cast(3 * (apart - largest_tie) * (apart - largest_tie) * together * (together - 1) as decimal(38, 0))' -%}
{%- set bottom = 'cast(recent * earlier * (together * together * together - together - ties) as decimal(38, 0))' -%}
ranked as (
    select
        {{ keys }}, period,
        rank() over (partition by {{ keys }} order by value) as place,
        count(*) over (partition by {{ keys }}, value) as tied
    from {{ observed }}
),
rank_sums as (
    select
        {{ keys }},
        cast(sum(case when period = 'recent' then 1 else 0 end) as {{ whole }}) as recent,
        cast(sum(case when period = 'earlier' then 1 else 0 end) as {{ whole }}) as earlier,
        cast(count(*) as {{ whole }}) as together,
        cast(sum(case when period = 'recent' then 2 * place + tied - 1 else 0 end) as {{ whole }}) as twice_ranks,
        cast(sum(tied * tied - 1) as {{ whole }}) as ties,
        cast(max(tied) as {{ whole }}) as largest_tie
    from ranked
    group by {{ keys }}
),
separated as (
    select
        rank_sums.*,
        twice_ranks - recent * (recent + 1) as twice_u,
        abs(twice_ranks - recent * (recent + 1) - recent * earlier) as apart
    from rank_sums
),
changed as (
    select
        {{ keys }}, recent, earlier,
        {{ quotient('twice_u * 50', 'recent * earlier') }} as later_pct,
        case
            when apart > largest_tie then {{ quotient(top, bottom) }}
            else 0
        end as statistic,
        case
            when
                recent = 0 or earlier = 0
                or 3 * (recent * earlier - 1) * (recent * earlier - 1) * (together - 1)
                <= {{ limit }} * recent * earlier * (together * together - 1)
                then 'too few'
            when apart <= largest_tie or {{ top }} <= {{ limit }} * {{ bottom }} then 'none'
            when twice_u > recent * earlier then 'slower'
            else 'faster'
        end as change
    from separated
)
{%- endmacro %}
