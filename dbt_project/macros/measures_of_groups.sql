{#-
  What parties come to by legal entity, segment or party, as asked: common table expressions after `amounts_of_parties`.

  Gives `regrouped` (an amount by name and group) and `monthly` (sales by month, counted back from T). Not here: which
  movement is what, any ratio.
-#}
{% macro measures_of_groups(asked) -%}
{%- set party = 'legal_entity, base_currency, segment, source_system, party_id' -%}
{%- set levels = [
    ('legal_entity', "legal_entity, base_currency, '' as segment, '' as source_system, '' as party_id", 'legal_entity, base_currency'),
    ('segment', "legal_entity, base_currency, segment, '' as source_system, '' as party_id", 'legal_entity, base_currency, segment'),
    ('party', "legal_entity, base_currency, '' as segment, source_system, party_id", 'legal_entity, base_currency, source_system, party_id'),
] %}
{%- set groupings = asked | map(attribute=0) | unique | list %}
regrouped as (
    {%- for what, columns, grouped in levels if what in groupings %}
    {{ 'union all' if not loop.first }}
    select '{{ what }}' as grouped_by, as_of, {{ columns }}, name, sum(amount) as amount, sum(unknown) as unknown
    from amounts
    where as_of in (select as_of from asked where grouped_by = '{{ what }}')
    group by as_of, {{ grouped }}, name
    {%- endfor %}
),
sales_by_month as (
    select
        {{ party }}, on_day - cast(extract(day from on_day) as integer) + 1 as month_on, void_on,
        sum(amount) as amount, sum(unknown) as unknown
    from by_day
    where name = 'sales'
    group by {{ party }}, on_day - cast(extract(day from on_day) as integer) + 1, void_on
),
-- Whole months before T's, and T's own up to T.
months_of_parties as (
        select
            days_asked.as_of, months.legal_entity, months.base_currency, months.segment, months.source_system,
            months.party_id, months.amount, months.unknown,
            12 * (extract(year from days_asked.as_of) - extract(year from months.month_on))
            + extract(month from days_asked.as_of) - extract(month from months.month_on) as months_back,
            (months.month_on + 31) - cast(extract(day from months.month_on + 31) as integer) + 1 - months.month_on as month_days
        from days_asked
        inner join sales_by_month as months
            on months.month_on < days_asked.month_on and (months.void_on is null or months.void_on > days_asked.as_of)
        union all
        select
            days_asked.as_of, by_day.legal_entity, by_day.base_currency, by_day.segment, by_day.source_system,
            by_day.party_id, by_day.amount, by_day.unknown,
            0 as months_back, extract(day from days_asked.as_of) as month_days
        from days_asked
        inner join by_day
            on
                by_day.on_day >= days_asked.month_on
                and by_day.on_day <= days_asked.as_of
                and (by_day.void_on is null or by_day.void_on > days_asked.as_of)
        where by_day.name = 'sales'
),
monthly as (
    {%- for what, columns, grouped in levels if what in groupings %}
    {{ 'union all' if not loop.first }}
    select
        '{{ what }}' as grouped_by, as_of, {{ columns }}, cast(months_back as bigint) as months_back,
        cast(month_days as bigint) as month_days, sum(amount) as amount, sum(unknown) as unknown
    from months_of_parties
    where as_of in (select as_of from asked where grouped_by = '{{ what }}')
    group by as_of, {{ grouped }}, months_back, month_days
    {%- endfor %}
)
{%- endmacro %}
