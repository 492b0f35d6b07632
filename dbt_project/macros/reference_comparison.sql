{#-
  A legal entity's measures beside the reference values of its industry: a row per day, legal entity and reference value.

  Plain Jinja, with `quotient` and `reference_rows`: `otc metrics --reference` renders these files.
    measured, behaviour   relations: rows of `measures` and of `payment_behaviour`; of the former, legal entities count
    references   relation: dim_reference_values
    industries   list of {legal_entity, industry, region}; region none: every region is shown; a value without
               a region is of every one
  Compared are values of the industry and of all industries. Without a value of its own a measure is compared with nothing.
-#}
{% macro reference_comparison(measured, behaviour, references, industries) -%}
{%- set own = [
    'dso', 'dso_countback', 'best_possible_dso', 'add', 'cei', 'collection_rate', 'bad_debt_ratio', 'unapplied_pct',
    'unapplied_of_ar_pct', 'promise_kept_rate', 'promise_kept_count_rate', 'ar_turnover', 'weighted_days_to_pay',
] -%}
{%- set of_payers = [('days_late', 'late_days', 'paid'), ('late_pct', 'paid_late * 100', 'paid')] -%}
with industries as (
    {{ reference_rows(industries, ['legal_entity', 'industry', 'region']) }}
),
wanted as (
    select
        industries.legal_entity, reference_values.measure, reference_values.industry, reference_values.region,
        reference_values.year, reference_values.value, reference_values.unit, reference_values.source, reference_values.note
    from industries
    inner join {{ references }} as reference_values
        on
            reference_values.industry in (industries.industry, 'all')
            and (
                industries.region is null or reference_values.region is null
                or reference_values.region in (industries.region, 'world')
            )
),
measured as (
    select * from {{ measured }} as measured_rows
    where grouped_by = 'legal_entity'
),
payers as (
    select
        as_of, legal_entity, base_currency,
        {%- for name in ('paid', 'paid_late', 'late_days') %}
        case when count(*) = count({{ name }}) then sum({{ name }}) end as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ behaviour }} as behaviour_rows
    group by as_of, legal_entity, base_currency
),
compared as (
    select
        measured.as_of, measured.base_currency, measured.days, wanted.*,
        case wanted.measure
            {%- for name in own %}
            when '{{ name }}' then measured.{{ name }}
            {%- endfor %}
            when 'overdue_pct' then {{ quotient('(measured.ar - measured.not_due_ar) * 100', 'measured.ar') }}
            {%- for name, above, below in of_payers %}
            when '{{ name }}' then {{ quotient('payers.' ~ above, 'payers.' ~ below) }}
            {%- endfor %}
        end as own_value
    from wanted
    inner join measured on wanted.legal_entity = measured.legal_entity
    left join payers
        on
            measured.as_of = payers.as_of
            and measured.legal_entity = payers.legal_entity
            and measured.base_currency = payers.base_currency
)
select
    as_of,
    legal_entity,
    base_currency,
    cast(days as bigint) as days,
    measure,
    unit,
    cast(own_value as decimal(38, 4)) as own_value,
    cast(value as decimal(38, 4)) as reference_value,
    cast(own_value - value as decimal(38, 4)) as difference,
    industry,
    region,
    cast(year as bigint) as year,
    source,
    note
from compared
where own_value is not null
order by as_of, legal_entity, base_currency, measure, industry, region nulls first, year, source
{%- endmacro %}
