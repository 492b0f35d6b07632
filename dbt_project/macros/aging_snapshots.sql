{#-
  Snapshots of aging, a row for each version of a day, customer and currency, with the columns of `aging`.
    rows, days, parties   relations: ops.aging_snapshot, ops.aging_snapshot_day, dim_party
    edges, by             as in `aging`: which series
-#}
{% macro aging_snapshots(rows, days, parties, edges, by) -%}
{%- set buckets = aging_columns(edges, by).split(', ') %}

with taken as (
    select
        as_of,
        row_key,
        taken_at,
        min(source_system) as source_system,
        min(legal_entity) as legal_entity,
        min(party_id) as party_id,
        min(currency) as currency,
        min(base_currency) as base_currency,
        {%- for name in buckets %}
        cast(sum(case when bucket = '{{ name }}' then amount else 0 end) as decimal(38, 4)) as {{ name }},
        {%- endfor %}
        cast(sum(amount) as decimal(38, 4)) as total,
        cast(case when count(base_amount) = count(*) then sum(base_amount) end as decimal(38, 4)) as base_total
    from {{ rows }}
    where buckets = '{{ by }} {{ edges | join(",") }}'
    group by as_of, row_key, taken_at
),

versions as (
    select
        taken.*,
        lead(taken_at) over (partition by as_of, row_key order by taken_at) as superseded_at
    from taken
)

select
    versions.as_of,
    versions.taken_at,
    versions.superseded_at,
    days.first_taken_at,
    versions.taken_at > days.first_taken_at as is_restated,
    versions.superseded_at is null as is_current,
    versions.legal_entity,
    versions.party_id,
    coalesce(parties.party_name, versions.party_id) as party_name,
    versions.currency,
    {%- for name in buckets %}
    versions.{{ name }},
    {%- endfor %}
    versions.total,
    versions.base_total,
    versions.base_currency,
    versions.source_system
from versions
inner join {{ days }} as days
    on versions.as_of = days.as_of and days.buckets = '{{ by }} {{ edges | join(",") }}'
left join {{ parties }} as parties
    on versions.source_system = parties.source_system and versions.party_id = parties.party_id
where
    versions.total <> 0
    {%- for name in buckets %}
    or versions.{{ name }} <> 0
    {%- endfor %}
{%- endmacro %}
