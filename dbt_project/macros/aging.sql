{#-
  The one definition of aging: who owes how much, how late, as of a day and as known at a moment.

  Plain Jinja: nothing of dbt in here, so that `otc aging` renders this very file. All values come as parameters.
    ledger, parties    relations: fct_ar_ledger, dim_party; without parties there are no names, and no parents
    as_of              ISO date; keeps movements effective on or before it
    known_at           ISO timestamp or none; keeps what was recorded by then
    loaded_at          ISO timestamp or none; keeps what this system had loaded by then
    edges              days, ascending: 30, 60, 90 gives 1-30, 31-60, 61-90, 91+
    by                 due_date, document_date
    group_by           party, parent (each customer with all below it), document, total
    unapplied          column: a column of its own; own_date: aged by its own date
    include_pending    true: also cash that was matched and is not posted yet
    rates, rate_type   fct_fx_rates or none; with it each open item is revalued at the rate that its currency closes at
  An item whose amount is 0 is no item; a row whose columns are all 0 is no row. Base amounts are those booked, and a
  row's base total is null as soon as one of its open items has none. Currencies are never summed.
-#}
{% macro aging(
    ledger, parties, as_of, known_at=none, loaded_at=none, edges=[30, 60, 90], by='due_date', group_by='party',
    unapplied='column', include_pending=false, rates=none, rate_type=none
) -%}
{%- set buckets = [] -%}
{%- if by == 'due_date' -%}{%- set _ = buckets.append(('not_due', none, 0)) -%}{%- endif -%}
{%- for edge in edges -%}
    {%- set lowest = edges[loop.index0 - 1] + 1 if not loop.first else (1 if by == 'due_date' else 0) -%}
    {%- set lower = none if loop.first and by != 'due_date' else lowest -%}
    {%- set _ = buckets.append(('d' ~ lowest ~ '_' ~ edge, lower, edge)) -%}
{%- endfor -%}
{%- set _ = buckets.append(('d' ~ (edges[-1] + 1) ~ '_plus', edges[-1] + 1, none)) -%}
{%- set day = "cast('" ~ as_of ~ "' as date)" -%}
{%- set per_document = group_by == 'document' -%}
{%- set per_party = group_by in ('party', 'parent', 'document') -%}
with items as (
    select
        source_system,
        legal_entity,
        party_id,
        item_type,
        item_id,
        installment_no,
        currency,
        base_currency,
        due_date,
        document_date,
        sum(amount) as open_amount,
        case
            when coalesce(sum(case when base_amount is null then amount end), 0) = 0 then coalesce(sum(base_amount), 0)
        end as base_open_amount
    from {{ ledger }}
    where
        effective_date <= {{ day }}
        {%- if known_at is not none %}
        and recorded_at <= cast('{{ known_at }}' as timestamptz)
        {%- endif %}
        {%- if loaded_at is not none %}
        and loaded_at <= cast('{{ loaded_at }}' as timestamptz)
        {%- endif %}
        {%- if not include_pending %}
        and posting_state = 'posted'
        {%- endif %}
    group by
        source_system, legal_entity, party_id, item_type, item_id, installment_no, currency, base_currency, due_date,
        document_date
    having sum(amount) <> 0
),
{%- if rates is not none %}
foreign_currencies as (
    select distinct source_system, currency, base_currency, {{ day }} as day
    from items
    where currency <> base_currency
),
closing as (
    {{ closing_rates('foreign_currencies', rates, known_at, loaded_at, rate_type) }}
),
{%- endif %}
aged as (
    select
        items.source_system,
        items.legal_entity,
        {{ 'coalesce(hierarchy.top_party_id, items.party_id) as party_id' if group_by == 'parent' else 'items.party_id' }},
        items.item_id,
        items.installment_no,
        items.currency,
        items.base_currency,
        items.due_date,
        items.open_amount,
        items.base_open_amount,
        {%- if rates is not none %}
        case
            when items.currency = items.base_currency then cast(items.open_amount as decimal(38, 4))
            else {{ revalued('items.open_amount', 'closing.rate', 'items.base_currency') }}
        end as revalued_amount,
        {%- endif %}
        items.item_type <> 'installment' as is_unapplied,
        {{ day }} - coalesce({{ 'items.due_date, items.document_date' if by == 'due_date' else 'items.document_date, items.due_date' }}, {{ day }}) as days
    from items
    {%- if rates is not none %}
    left join closing
        on
            items.source_system = closing.source_system
            and items.currency = closing.currency
            and items.base_currency = closing.base_currency
    {%- endif %}
    {%- if group_by == 'parent' %}
    left join {{ parties }} as hierarchy
        on items.source_system = hierarchy.source_system and items.party_id = hierarchy.party_id
    {%- endif %}
),
summed as (
    select
        legal_entity,
        {{ 'source_system,' if per_party else '' }}
        {{ 'party_id,' if per_party else '' }}
        {{ 'item_id, installment_no, is_unapplied, due_date,' if per_document else '' }}
        currency,
        base_currency,
        {%- for name, low, high in buckets %}
        cast(sum(case when
            {%- if unapplied == 'column' %} not is_unapplied and{% endif %}
            {%- if low is not none %} days >= {{ low }}{% endif %}
            {%- if low is not none and high is not none %} and{% endif %}
            {%- if high is not none %} days <= {{ high }}{% endif %} then open_amount else 0 end) as decimal(38, 4)) as {{ name }},
        {%- endfor %}
        cast(sum(case when {{ 'is_unapplied' if unapplied == 'column' else '1 = 0' }} then open_amount else 0 end) as decimal(38, 4))
            as unapplied,
        cast(sum(open_amount) as decimal(38, 4)) as total,
        cast(case when count(base_open_amount) = count(*) then sum(base_open_amount) end as decimal(38, 4)) as base_total
        {%- if rates is not none %},
        cast(case when count(revalued_amount) = count(*) then sum(revalued_amount) end as decimal(38, 4)) as revalued_total
        {%- endif %}
    from aged
    group by
        legal_entity,
        {{ 'source_system, party_id,' if per_party else '' }}
        {{ 'item_id, installment_no, is_unapplied, due_date,' if per_document else '' }}
        currency,
        base_currency
)
select
    summed.legal_entity,
    {{ 'summed.party_id' if per_party else 'cast(null as text) as party_id' }},
    {%- if parties is not none %}
    {{ 'coalesce(parties.party_name, summed.party_id) as party_name' if per_party else 'cast(null as text) as party_name' }},
    {%- endif %}
    {%- if per_document %}
    summed.item_id as document_id,
    summed.installment_no,
    case when not summed.is_unapplied then summed.due_date end as due_date,
    cast(case
        when summed.is_unapplied then null
        when summed.due_date < {{ day }} then {{ day }} - summed.due_date
        else 0
    end as bigint) as days_late,
    {%- endif %}
    summed.currency,
    {%- for name, low, high in buckets %}
    summed.{{ name }},
    {%- endfor %}
    summed.unapplied,
    summed.total,
    summed.base_total,
    {%- if rates is not none %}
    cast(summed.revalued_total - summed.base_total as decimal(38, 4)) as revaluation,
    summed.revalued_total,
    {%- endif %}
    summed.base_currency,
    {{ 'summed.source_system' if per_party else 'cast(null as text) as source_system' }}
from summed
{%- if per_party and parties is not none %}
left join {{ parties }} as parties
    on summed.source_system = parties.source_system and summed.party_id = parties.party_id
{%- endif %}
where
    summed.total <> 0
    or summed.unapplied <> 0
    {%- for name, low, high in buckets %}
    or summed.{{ name }} <> 0
    {%- endfor %}
order by
    summed.legal_entity,
    {%- if per_party %}
    {{ 'party_name,' if parties is not none }}
    summed.party_id,
    summed.source_system,
    {%- endif %}
    {%- if per_document %}
    summed.due_date,
    summed.item_id,
    summed.installment_no,
    {%- endif %}
    summed.currency
{%- endmacro %}
