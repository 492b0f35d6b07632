{#-
  Sample standard deviation of whole numbers to two decimals, half up, the same digit on every warehouse; null below two.

  Plain Jinja: `otc behaviour` renders this file too. A double gives the root but for its last digit; whole numbers decide
  which hundredth is nearest.
    n, total, squares   expressions: how many numbers, their sum, the sum of their squares
-#}
{% macro deviation(n, total, squares) -%}
    {%- set above = "cast(" ~ n ~ " * " ~ squares ~ " - " ~ total ~ " * " ~ total ~ " as decimal(38, 0))" -%}
    {%- set below = "cast(" ~ n ~ " * (" ~ n ~ " - 1) as decimal(38, 0))" -%}
    {%- set near = "cast(round(sqrt(cast(" ~ above ~ " as double precision) / cast(" ~ below ~ " as double precision)) * 100) as bigint)" -%}
    {%- set near = "cast(" ~ near ~ " as decimal(38, 0))" -%}
    cast(case
        when {{ n }} > 1 then (
            {{ near }} + case
                when (2 * {{ near }} + 1) * (2 * {{ near }} + 1) * {{ below }} <= 40000 * {{ above }} then 1
                when {{ near }} > 0 and (2 * {{ near }} - 1) * (2 * {{ near }} - 1) * {{ below }} > 40000 * {{ above }} then -1
                else 0
            end
        ) * cast(0.01 as decimal(3, 2))
    end as decimal(38, 2))
{%- endmacro %}
