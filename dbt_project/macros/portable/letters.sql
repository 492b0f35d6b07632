{#-
  A text in upper case, letter by letter: the same letters whatever a server's locale says upper case is.
  Latin (Western, Central and Northern Europe, Turkish), Greek and Cyrillic; other scripts have no case, or stay.
-#}
{% macro upper_case(expression) -%}
    {{ return(adapter.dispatch('upper_case', 'otc')(expression)) }}
{%- endmacro %}

{% macro default__upper_case(expression) -%}
    upper({{ expression }})
{%- endmacro %}

{#- In the locale C, `upper` knows A to Z; the rest is spelled out, for the few texts that have more. -#}
{% macro postgres__upper_case(expression) -%}
    {%- set small = 'µàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿāăąćĉċčďđēĕėęěĝğġģĥħĩīĭįıĳĵķĺļľŀłńņňŋōŏőœŕŗřśŝşšţťŧũūŭůűųŵŷźżžſșțάέήίαβγδεζηθικλμνξοπρςστυφχψωϊϋόύώабвгдежзийклмнопрстуфхцчшщъыьэюяѐёђѓєѕіїјљњћќѝўџґ' -%}
    {%- set capital = 'ΜÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞŸĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮIĲĴĶĹĻĽĿŁŃŅŇŊŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŹŻŽSȘȚΆΈΉΊΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΣΤΥΦΧΨΩΪΫΌΎΏАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЀЁЂЃЄЅІЇЈЉЊЋЌЍЎЏҐ' -%}
    case
        when octet_length({{ expression }}) = length({{ expression }}) then upper(({{ expression }}) collate "C")
        else translate(upper(({{ expression }}) collate "C"), '{{ small }}', '{{ capital }}')
    end
{%- endmacro %}

{#- A text without the blanks around it, all that Unicode calls a space. -#}
{% macro trimmed(expression) -%}
    {{ return(adapter.dispatch('trimmed', 'otc')(expression)) }}
{%- endmacro %}

{% macro default__trimmed(expression) -%}
    trim({{ expression }})
{%- endmacro %}

{% macro postgres__trimmed(expression) -%}
    {%- set spaces = ' \\u00A0\\u1680\\u2000\\u2001\\u2002\\u2003\\u2004\\u2005\\u2006\\u2007\\u2008\\u2009\\u200A\\u202F\\u205F\\u3000' -%}
    btrim({{ expression }}, E'{{ spaces }}')
{%- endmacro %}
