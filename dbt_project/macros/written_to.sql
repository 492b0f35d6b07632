{#- The connectors, of those configured, that an outbound object can be written to: a list for `in`. -#}
{% macro written_to(object) -%}
'{{ var('outbound').get(object, []) | join("', '") }}'
{%- endmacro %}
