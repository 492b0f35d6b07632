{#- A text cut at a regular expression, as an array that counts from 1. -#}
{% macro split(expression, pattern) -%}
    {{ return(adapter.dispatch('split', 'otc')(expression, pattern)) }}
{%- endmacro %}

{% macro default__split(expression, pattern) -%}
    regexp_split_to_array({{ expression }}, '{{ pattern }}')
{%- endmacro %}

{#- The positions in an array, a row each; stands in a select list. -#}
{% macro positions(array) -%}
    {{ return(adapter.dispatch('positions', 'otc')(array)) }}
{%- endmacro %}

{% macro default__positions(array) -%}
    generate_subscripts({{ array }}, 1)
{%- endmacro %}

{#- Whether a part of a text matches a regular expression. -#}
{% macro matches(expression, pattern) -%}
    {{ return(adapter.dispatch('matches', 'otc')(expression, pattern)) }}
{%- endmacro %}

{% macro default__matches(expression, pattern) -%}
    {{ expression }} ~ '{{ pattern }}'
{%- endmacro %}

{% macro duckdb__matches(expression, pattern) -%}
    regexp_matches({{ expression }}, '{{ pattern }}')
{%- endmacro %}
