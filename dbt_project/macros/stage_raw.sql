{#-
  A whole staging model of a vendor that speaks the house's vocabulary: the raw table's columns by name, all versions.
  `raw`: the raw table's own name where it is not the entity's. `renamed`: {our column: the vendor's column}.
  The model is built only when its connector is configured.
-#}
{% macro stage_raw(connector, entity, raw=none, renamed={}) -%}
{{ config(enabled=connector in var('connectors')) }}
select
    source_system,
    {%- for name, type in entity_columns(entity) %}
    {%- set theirs = renamed.get(name, name) %}
    {{ column(theirs) }}{{ ' as ' ~ column(name) if theirs != name }},
    {%- endfor %}
    {%- if entity.endswith('__personal') %}
    _loaded_at as loaded_at
    {%- else %}
    recorded_at,
    recorded_by_source,
    deleted,
    _extra as extra,
    _key as row_key,
    _row_hash as row_hash,
    _loaded_at as loaded_at,
    _load_id as load_id,
    _file as source_file,
    _line as source_line
    {%- endif %}
from {{ source('raw_' ~ connector, raw or entity) }}
{%- endmacro %}
