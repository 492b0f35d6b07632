{#- The columns that aging has its amounts in: its buckets by their edges, and what is not applied. `edges`, `by`: as in `aging`. -#}
{% macro aging_columns(edges, by) -%}
{%- if by == 'due_date' %}not_due, {% endif -%}
{%- for edge in edges -%}
d{{ edges[loop.index0 - 1] + 1 if not loop.first else (1 if by == 'due_date' else 0) }}_{{ edge }}, {% endfor -%}
d{{ edges[-1] + 1 }}_plus, unapplied
{%- endmacro %}
