{#-
  The one definition of the measures: how fast and how well receivables turn into cash, in base currency.

  Plain Jinja, with `quotient`, `measures_of_parties`, `balances`, `amounts_of_parties` and `measures_of_groups` beside it:
  `otc metrics` renders these very files. All values are parameters.
    ledger, inputs, parties   relations: fct_ar_ledger, fct_measure_inputs, dim_party
    asked        list of (what a row is: legal_entity, segment or party; ISO day T)
    days         N: the window is the N days to T, T included
    known_at, loaded_at       ISO timestamps or none: what was recorded, or loaded, by then
    segment      column of dim_party that customers are grouped by
  A ratio is null where what it is divided by is not above 0, or where a base amount in it is unknown; `notes` says which.
-#}
{% macro measures(
    ledger, inputs, parties, asked, days, known_at=none, loaded_at=none, segment='country'
) -%}
{%- set names = [
    'ar', 'not_due_ar', 'opening_ar', 'unapplied', 'opening_unapplied', 'unapplied_cash', 'unapplied_of_window', 'sales',
    'billed', 'cash_applied', 'write_offs', 'receipts', 'paid', 'paid_days', 'promised', 'promised_kept',
    'promises', 'promises_kept',
] -%}
{%- set group = ['grouped_by', 'as_of', 'legal_entity', 'base_currency', 'segment', 'source_system', 'party_id'] -%}
{%- set keys = group | join(', ') -%}
{%- set ratios = [
    ('dso', 'ar * days', 'sales', 'no sales in the window'),
    ('dso_net', '(ar + unapplied) * days', 'sales', 'no sales in the window'),
    ('best_possible_dso', 'not_due_ar * days', 'sales', 'no sales in the window'),
    ('add', '(ar - not_due_ar) * days', 'sales', 'no sales in the window'),
    ('add_net', '(ar + unapplied - not_due_ar) * days', 'sales', 'no sales in the window'),
    ('cei', '(opening_ar + sales - ar) * 100', 'opening_ar + sales - not_due_ar', 'nothing was there to collect'),
    ('cei_net', '(opening_ar + opening_unapplied + sales - ar - unapplied) * 100',
     'opening_ar + opening_unapplied + sales - not_due_ar', 'nothing was there to collect'),
    ('collection_rate', 'cash_applied * 100', 'opening_ar + billed', 'nothing was there to collect'),
    ('bad_debt_ratio', 'write_offs * 100', 'sales', 'no sales in the window'),
    ('unapplied_pct', 'unapplied_of_window * 100', 'receipts', 'no receipts in the window'),
    ('unapplied_of_ar_pct', 'unapplied_cash * 100', 'ar', 'nothing is open'),
    ('promise_kept_rate', 'promised_kept * 100', 'promised', 'no promise was due in the window'),
    ('promise_kept_count_rate', 'promises_kept * 100', 'promises', 'no promise was due in the window'),
    ('ar_turnover', 'sales * 2', 'opening_ar + ar', 'nothing was open'),
    ('ar_turnover_net', 'sales * 2', 'opening_ar + opening_unapplied + ar + unapplied', 'nothing was open'),
    ('weighted_days_to_pay', 'paid_days', 'paid', 'nothing was paid in the window'),
] -%}
with {{ measures_of_parties(ledger, inputs, parties, asked, days, known_at, loaded_at, segment) }},
{{ balances_of_parties(days) }},
{{ amounts_of_parties() }},
{{ measures_of_groups(asked) }},
grouped as (
    select
        {{ keys }},
        {%- for name in names %}
        cast(case
            when sum(case when name = '{{ name }}' then unknown else 0 end) = 0
                then coalesce(sum(case when name = '{{ name }}' then amount end), 0)
        end as decimal(38, 4)) as {{ name }},
        {%- endfor %}
        sum(case when amount <> 0 or unknown > 0 or (grouped_by = 'legal_entity' and name = 'present') then 1 else 0 end)
            as found
    from regrouped
    group by {{ keys }}
),
-- A party younger than the window: days since its first sale, inclusive.
aged as (
    select
        grouped.*,
        cast(case
            when grouped.grouped_by = 'party' then least({{ days }}, coalesce(grouped.as_of - youth.first_sale_on + 1, {{ days }}))
            else {{ days }}
        end as integer) as days
    from grouped
    left join youth
        on
            grouped.as_of = youth.as_of
            and grouped.legal_entity = youth.legal_entity
            and grouped.base_currency = youth.base_currency
            and grouped.source_system = youth.source_system
            and grouped.party_id = youth.party_id
    where grouped.found > 0
),
-- Count-back. Months are numbered back from T's own; they count as long as there is one more without a gap.
months as (
    select {{ keys }}, months_back, month_days, amount as sales, unknown
    from monthly
    where amount > 0 or unknown > 0
),
in_a_row as (
    select *
    from (
        select
            months.*,
            cast(coalesce(sum(sales) over (
                partition by {{ keys }} order by months_back rows between unbounded preceding and 1 preceding
            ), 0) as decimal(38, 4)) as sales_since,
            row_number() over (partition by {{ keys }} order by months_back) - 1 as nth
        from months
    ) as numbered
    where nth = months_back
),
counted as (
    select
        {% for key in group %}aged.{{ key }}, {% endfor %}
        count(in_a_row.months_back) as months_counted,
        coalesce(sum(in_a_row.sales), 0) as sales_in_a_row,
        {%- for suffix, owed in (('', 'aged.ar'), ('_net', '(aged.ar + aged.unapplied)')) %}
        sum(case when in_a_row.unknown > 0 and {{ owed }} > in_a_row.sales_since then 1 else 0 end) as unknown{{ suffix }},
        coalesce(sum(case
            when in_a_row.sales is null or {{ owed }} <= in_a_row.sales_since then 0
            when {{ owed }} >= in_a_row.sales_since + in_a_row.sales then in_a_row.month_days
            else {{ quotient('(' ~ owed ~ ' - in_a_row.sales_since) * in_a_row.month_days', 'in_a_row.sales') }}
        end), 0) as counted_days{{ suffix }}{{ ',' if not loop.last }}
        {%- endfor %}
    from aged
    left join in_a_row
        on
            {%- for key in group %}
            {{ 'and ' if not loop.first }}aged.{{ key }} = in_a_row.{{ key }}
            {%- endfor %}
    group by {% for key in group %}aged.{{ key }}{{ ', ' if not loop.last }}{% endfor %}
),
measured as (
    select
        {% for key in group %}aged.{{ key }}, {% endfor %}
        aged.days,
        {%- for name in names %}
        aged.{{ name }},
        {%- endfor %}
        {%- for name, above, below, why in ratios %}
        {{ quotient(above, below) }} as {{ name }},
        case
            when {{ above }} is null or {{ below }} is null then '{{ name }}: a base amount is unknown, for want of a rate'
            when {{ below }} <= 0 then '{{ name }}: {{ why }}'
        end as {{ name }}_note,
        {%- endfor %}
        {%- for suffix, owed in (('', 'aged.ar'), ('_net', '(aged.ar + aged.unapplied)')) %}
        {%- set stopped = owed ~ ' > counted.sales_in_a_row' %}
        cast(case
            when {{ owed }} is null or counted.unknown{{ suffix }} > 0 then null
            when counted.months_counted = 0 and {{ owed }} > 0 then null
            else counted.counted_days{{ suffix }}
        end as decimal(38, 4)) as dso_countback{{ suffix }},
        case
            when {{ owed }} is null or counted.unknown{{ suffix }} > 0
                then 'dso_countback{{ suffix }}: a base amount is unknown, for want of a rate'
            when {{ stopped }} and counted.months_counted = 0 then 'dso_countback{{ suffix }}: no sales in the month of the day itself'
            when {{ stopped }}
                then 'dso_countback{{ suffix }}: stopped after ' || cast(counted.months_counted as text) || ' months by a month without sales'
        end as dso_countback{{ suffix }}_note{{ ',' if not loop.last }}
        {%- endfor %}
    from aged
    inner join counted
        on
            {%- for key in group %}
            {{ 'and ' if not loop.first }}aged.{{ key }} = counted.{{ key }}
            {%- endfor %}
)
select
    grouped_by,
    as_of,
    legal_entity,
    nullif(segment, '') as segment,
    nullif(source_system, '') as source_system,
    nullif(party_id, '') as party_id,
    base_currency,
    cast(days as bigint) as days,
    {%- for name in ('dso', 'dso_countback', 'best_possible_dso', 'add', 'cei', 'collection_rate', 'bad_debt_ratio',
        'unapplied_pct', 'unapplied_of_ar_pct', 'promise_kept_rate', 'promise_kept_count_rate', 'ar_turnover',
        'weighted_days_to_pay', 'dso_net', 'dso_countback_net', 'add_net', 'cei_net', 'ar_turnover_net') %}
    cast({{ name }} as decimal(38, 4)) as {{ name }},
    {%- endfor %}
    {%- for name in names if name not in ('promises', 'promises_kept') %}
    cast({{ name }} as decimal(38, 4)) as {{ name }},
    {%- endfor %}
    cast(promises as bigint) as promises,
    cast(promises_kept as bigint) as promises_kept,
    nullif(concat_ws('; '
        {%- for name, above, below, why in ratios %}, {{ name }}_note{% endfor -%}
        , dso_countback_note, dso_countback_net_note), '') as notes
from measured
order by grouped_by, as_of, legal_entity, segment nulls first, source_system nulls first, party_id nulls first, base_currency
{%- endmacro %}
