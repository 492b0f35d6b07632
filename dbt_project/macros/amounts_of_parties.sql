{#-
  What parties come to by name, day by day: a common table expression after `measures_of_parties` and `balances_of_parties`.

  Gives `amounts`: an amount by name, day asked and party. Not here: which movement is what, groups, any ratio.
-#}
{% macro amounts_of_parties() -%}
{%- set party = 'legal_entity, base_currency, segment, source_system, party_id' -%}
amounts as (
    select
        days_asked.as_of, by_day.legal_entity, by_day.base_currency, by_day.segment, by_day.source_system, by_day.party_id,
        by_day.name, by_day.amount, by_day.unknown
    from days_asked
    inner join by_day
        on
            by_day.on_day > days_asked.opening_on
            and by_day.on_day <= days_asked.as_of
            and (by_day.void_on is null or by_day.void_on > days_asked.as_of)
    union all
    select as_of, {{ party }}, name, amount, unknown
    from balances
    {%- for name, value in (('paid', 'base_amount'), ('paid_days', 'base_amount * days_to_pay')) %}
    union all
    select as_of, {{ party }}, '{{ name }}' as name, {{ value }} as amount, case when amount > 0 then unknown else 0 end as unknown
    from standing
    where effective_date > opening_on
    {%- endfor %}
    {%- for name, value, unknown in (
        ('promised', 'base_amount', 'unknown'), ('promised_kept', 'base_amount * kept', 'unknown'), ('promises', '1', '0'),
        ('promises_kept', 'kept', '0')
    ) %}
    union all
    select as_of, {{ party }}, '{{ name }}' as name, {{ value }} as amount, {{ unknown }} as unknown
    from judged
    {%- endfor %}
    union all
    select
        days_asked.as_of, legal_entity, base_currency, '' as segment, '' as source_system, '' as party_id,
        'present' as name, 0 as amount, 0 as unknown
    from days_asked
    inner join (
        select legal_entity, base_currency, min(effective_date) as first_on
        from moves
        group by legal_entity, base_currency
    ) as firsts
        on firsts.first_on <= days_asked.as_of
)
{%- endmacro %}
