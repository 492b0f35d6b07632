{#- What the columns of an entity are called from staging on; the entities are beside this file, by role. -#}
{% macro entity_columns(entity) -%}
    {%- set known = {} -%}
    {%- for part in (receivables_vocabulary(), banking_vocabulary(), crm_vocabulary()) -%}
        {%- do known.update(part) -%}
    {%- endfor -%}
    {%- if entity not in known -%}
        {{ exceptions.raise_compiler_error("entity " ~ entity ~ " is not in macros/vocabulary/; add its columns there") }}
    {%- endif -%}
    {{ return(known[entity]) }}
{%- endmacro %}

{#- Columns that every version carries, after the entity's own. -#}
{% macro version_columns(entity) -%}
    {%- if entity.endswith('__personal') -%}
        {{ return([('loaded_at', 'timestamptz')]) }}
    {%- endif -%}
    {{ return([
        ('recorded_at', 'timestamptz'), ('recorded_by_source', 'boolean'), ('deleted', 'boolean'), ('extra', 'text'),
        ('row_key', 'text'), ('row_hash', 'text'), ('loaded_at', 'timestamptz'), ('load_id', 'text'),
        ('source_file', 'text'), ('source_line', 'bigint')
    ]) }}
{%- endmacro %}

{#- An identifier; quoted where it is a word of SQL. -#}
{% macro column(name) -%}
    {{ '"' ~ name ~ '"' if name in ('limit', 'date') else name }}
{%- endmacro %}
