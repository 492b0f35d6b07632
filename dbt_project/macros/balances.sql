{#-
  What is open at the end of a day, in base currency: common table expressions after `measures_of_parties`.

  `balances_of_items` gives `closing`, what each item comes to on the days asked; `balances_of_parties` gives `balances`, an
  amount by name, day asked and party. Not here: which movement is what, buckets of aging (`aging`).
-#}

{#-
  Item by item. One look at each item gives all days: they are few.
    days         ISO days, as asked
    of           condition on moves: which items
-#}
{% macro balances_of_items(days, of) -%}
{%- set party = 'legal_entity, base_currency, segment, source_system, party_id' -%}
{%- set sums = ('amount', 'base_amount', 'without_base') -%}
items as (
    select
        {{ party }}, item_type, due_on
        {%- for day in days %}
        {%- set nth = loop.index %}
        {%- for name in sums %},
        sum(case when effective_date <= cast('{{ day }}' as date) then {{ name }} end) as {{ name }}_{{ nth }}
        {%- endfor %}
        {%- endfor %}
    from moves
    where {{ of }}
    group by {{ party }}, item_type, item_id, installment_no, currency, due_on
),
closing as (
    {%- for day in days %}
    {{ 'union all' if not loop.first }}
    select
        cast('{{ day }}' as date) as as_of, {{ party }}, item_type, due_on, amount_{{ loop.index }} as amount,
        base_amount_{{ loop.index }} as base_amount, without_base_{{ loop.index }} as without_base
    from items
    where amount_{{ loop.index }} <> 0
    {%- endfor %}
)
{%- endmacro %}

{#-
  Balances are many, days asked are few: nothing is looked up item by item and day by day. What stands from one day to
  another is added on the first and taken off on the second, and a day's balance is the sum of what came before.
    days         N, as in `measures`
-#}
{% macro balances_of_parties(days) -%}
{%- set party = 'legal_entity, base_currency, segment, source_system, party_id' -%}
{%- set item = party ~ ', item_type, item_id, installment_no, currency, due_on' -%}
{#- Balances by the day that they are of, each as the changes that it is the sum of. -#}
{%- set sums_to = [
    ('closing', 'as_of', [
        ('ar', 'ar'), ('not_due_ar', 'not_due_ar'), ('unapplied', 'unapplied'), ('unapplied_cash', 'unapplied_cash'),
        ('unapplied_of_window', 'unapplied_of_window'),
    ]),
    ('opening', 'opening_on', [('opening_ar', 'ar'), ('opening_unapplied', 'unapplied')]),
] -%}
{#- The days on which a name's part of what stood begins and ends, whose parts they are, and their sign. -#}
{%- set all_of_it = 'to_day' -%}
{%- set before_due = 'least(due_on + 1, coalesce(to_day, due_on + 1))' -%}
{%- set in_window = 'least(received_on + ' ~ days ~ ', coalesce(to_day, received_on + ' ~ days ~ '))' -%}
{%- set parts = [
    ('ar', "item_type = 'installment'", 1, all_of_it),
    ('not_due_ar', "item_type = 'installment' and due_on >= from_day", 1, before_due),
    ('unapplied', "item_type <> 'installment'", 1, all_of_it),
    ('unapplied_cash', "item_type = 'receipt'", -1, all_of_it),
    ('unapplied_of_window', "item_type = 'receipt' and received_on + " ~ days ~ " > from_day", -1, in_window),
] -%}
-- Items in base currency of which a movement states another base amount than its own.
at_odds as (
    select distinct source_system, item_id
    from moves
    where currency = base_currency and (base_amount <> amount or without_base <> 0)
),
followed as (
    select moves.*, moves.item_type = 'receipt' or moves.base_currency is null or moves.currency <> moves.base_currency
        or at_odds.item_id is not null as by_item
    from moves
    left join at_odds on moves.source_system = at_odds.source_system and moves.item_id = at_odds.item_id
),
-- What an item came to from one of its days to the next.
item_days as (
    select
        {{ item }}, effective_date,
        sum(amount) as amount,
        sum(base_amount) as base_amount,
        sum(without_base) as without_base,
        min(case when movement_type = 'receipt' then effective_date end) as received_on
    from followed
    where by_item
    group by {{ item }}, effective_date
),
runs as (
    select
        {{ party }}, item_type, due_on, effective_date as from_day,
        lead(effective_date) over (partition by {{ item }} order by effective_date) as to_day,
        sum(amount) over (partition by {{ item }} order by effective_date) as amount,
        sum(base_amount) over (partition by {{ item }} order by effective_date) as base_amount,
        sum(without_base) over (partition by {{ item }} order by effective_date) as without_base,
        min(received_on) over (partition by {{ item }}) as received_on
    from item_days
),
-- In base currency what is left of an item that comes to nothing is nothing: such amounts add up without a look at the item.
stood as (
    select {{ party }}, item_type, due_on, from_day, to_day, received_on, base_amount, case when without_base <> 0 then 1 else 0 end as unknown
    from runs
    where amount <> 0
    union all
    select
        {{ party }}, item_type, due_on, effective_date as from_day, cast(null as date) as to_day,
        cast(null as date) as received_on, base_amount, 0 as unknown
    from followed
    where not by_item
),
changes as (
    select
        {{ party }}, from_day as on_day
        {%- for name, condition, sign, end in parts %},
        case when {{ condition }} then {{ '-' if sign < 0 }}base_amount else 0 end as {{ name }},
        case when {{ condition }} then unknown else 0 end as {{ name }}_unknown
        {%- endfor %}
    from stood
    {%- for end in (all_of_it, before_due, in_window) %}
    union all
    select
        {{ party }}, {{ end }} as on_day
        {%- for name, condition, sign, ended in parts %},
        {% if ended == end %}case when {{ condition }} then {{ '-' if sign > 0 }}base_amount else 0 end{% else %}0{% endif %} as {{ name }},
        {% if ended == end %}case when {{ condition }} then -unknown else 0 end{% else %}0{% endif %} as {{ name }}_unknown
        {%- endfor %}
    from stood
    where
        {{ end }} is not null
        and (
            {%- for name, condition, sign, ended in parts if ended == end %}
            {{ 'or ' if not loop.first }}({{ condition }})
            {%- endfor %}
        )
    {%- endfor %}
),
-- A change counts from the first day on that is asked for: all until then are one.
days_looked_at as (
    select as_of as on_day from days_asked
    union
    select opening_on as on_day from days_asked
),
days_of_changes as (
    select changed.on_day, min(days_looked_at.on_day) as counted_on
    from (select distinct on_day from changes) as changed
    inner join days_looked_at on days_looked_at.on_day >= changed.on_day
    group by changed.on_day
),
changes_counted as (
    select
        {{ party }}, days_of_changes.counted_on
        {%- for name, condition, sign, ended in parts %},
        sum(changes.{{ name }}) as {{ name }},
        sum(changes.{{ name }}_unknown) as {{ name }}_unknown
        {%- endfor %}
    from changes
    inner join days_of_changes on changes.on_day = days_of_changes.on_day
    group by {{ party }}, days_of_changes.counted_on
),
{%- for of, day, listed in sums_to %}
{{ of }}_of_parties as (
    select
        days_asked.as_of, {{ party }}
        {%- for name, change in listed %},
        sum(changes_counted.{{ change }}) as {{ name }},
        sum(changes_counted.{{ change }}_unknown) as {{ name }}_unknown
        {%- endfor %}
    from days_asked
    inner join changes_counted on changes_counted.counted_on <= days_asked.{{ day }}
    group by days_asked.as_of, {{ party }}
),
{%- endfor %}
balances as (
    {%- for of, day, listed in sums_to %}
    {%- set first = loop.first %}
    {%- for name, change in listed %}
    {{ 'union all' if not (first and loop.first) }}
    select as_of, {{ party }}, '{{ name }}' as name, {{ name }} as amount, {{ name }}_unknown as unknown
    from {{ of }}_of_parties
    {%- endfor %}
    {%- endfor %}
)
{%- endmacro %}
