{#-
  How a key may be spelled: with its source (erp:C10001), or without it where only one source has such an id.
  Columns: the key under the name given, and `spelling`.
-#}
{% macro spellings(relation, identifier, key, name) -%}
    select {{ key }} as {{ name }}, {{ key }} as spelling
    from {{ relation }}
    union all
    select min({{ key }}) as {{ name }}, {{ identifier }} as spelling
    from {{ relation }}
    group by {{ identifier }}
    having count(*) = 1
{%- endmacro %}
