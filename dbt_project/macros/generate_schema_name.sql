{#-
  Schemas are named plainly: staging, conformed, marts, outbound. Where people read `marts` in the same database, dbt
  builds them beside it and publishing swaps them in: OTC_MARTS_BUILT_IN names that schema.
-#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if custom_schema_name == 'marts' -%}
        {{ env_var('OTC_MARTS_BUILT_IN', 'marts') }}
    {%- else -%}
        {{ custom_schema_name if custom_schema_name else target.schema }}
    {%- endif -%}
{%- endmacro %}
