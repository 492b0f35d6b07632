{#- amount × part ÷ whole, all positive, half up to four decimals, by decimal arithmetic on every warehouse. -#}
{% macro share_of(amount, part, whole) -%}
    {{ return(adapter.dispatch('share_of', 'otc')(amount, part, whole)) }}
{%- endmacro %}

{#- Whole numbers of ten-thousandths, and a division without a remainder: a quotient cut at some digit rounds twice. -#}
{% macro default__share_of(amount, part, whole) -%}
    {%- set a = "cast(" ~ amount ~ " * 10000 as numeric)" -%}
    {%- set p = "cast(" ~ part ~ " * 10000 as numeric)" -%}
    {%- set w = "cast(" ~ whole ~ " * 10000 as numeric)" -%}
    cast(div(2 * {{ a }} * {{ p }} + {{ w }}, 2 * {{ w }}) * 0.0001 as decimal(18, 4))
{%- endmacro %}

{#- DuckDB divides decimals as DOUBLE; whole numbers of ten-thousandths stay exact. -#}
{% macro duckdb__share_of(amount, part, whole) -%}
    {%- set a = "cast(" ~ amount ~ " * 10000 as hugeint)" -%}
    {%- set p = "cast(" ~ part ~ " * 10000 as hugeint)" -%}
    {%- set w = "cast(" ~ whole ~ " * 10000 as hugeint)" -%}
    cast(((2 * {{ a }} * {{ p }} + {{ w }}) // (2 * {{ w }})) * cast(0.0001 as decimal(5, 4)) as decimal(18, 4))
{%- endmacro %}
