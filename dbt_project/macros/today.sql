{#- The day that "now" means for this run, as a literal: a view built with it stays on that day until the next run. -#}
{% macro today() -%}
    cast('{{ var("today") or run_started_at.strftime("%Y-%m-%d") }}' as date)
{%- endmacro %}
