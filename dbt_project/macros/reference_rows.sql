{#- Rows that a run was told, as a relation of text columns; none: an empty one. Quotes in a text are doubled. -#}
{% macro reference_rows(rows, columns) -%}
    {%- for row in rows %}
    select
        {%- for column in columns %}
        {%- set value = row[column] %}
        {{ 'cast(null as text)' if value is none or value == '' else "'" ~ (value | string | replace("'", "''")) ~ "'" }} as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    {{ 'union all' if not loop.last }}
    {%- else %}
    select {% for column in columns %}cast(null as text) as {{ column }}{{ ', ' if not loop.last }}{% endfor %}
    where 1 = 0
    {%- endfor %}
{%- endmacro %}
