{#-
  Every configured connector's staging model of an entity, one below the other; `connector` says whose row it is.
  Decimals are cast to the vocabulary's: PostgreSQL forgets the decimals of whatever was computed, `abs(x)` too.
  No connector has it: an empty relation of the same columns and types, so that what is built on it still builds.
-#}
{% macro union_connectors(entity) -%}
{%- set shared = entity_columns(entity) + version_columns(entity) -%}
{%- for connector in var('staged').get(entity, []) if connector in var('connectors') %}
select
    cast('{{ connector }}' as text) as connector,
    source_system,
    {%- for name, type in shared %}
    {{ 'cast(' ~ column(name) ~ ' as ' ~ type ~ ') as ' ~ column(name) if type.startswith('decimal') else column(name) -}}
    {{ ',' if not loop.last }}
    {%- endfor %}
from {{ ref('stg_' ~ connector ~ '__' ~ entity) }}
{{ 'union all' if not loop.last }}
{%- else %}
select
    cast(null as text) as connector,
    cast(null as text) as source_system,
    {%- for name, type in shared %}
    cast(null as {{ type }}) as {{ column(name) }}{{ ',' if not loop.last }}
    {%- endfor %}
where 1 = 0
{%- endfor %}
{%- endmacro %}
