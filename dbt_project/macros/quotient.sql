{#-
  n × times ÷ d to four decimals, half away from zero, the same digit on every warehouse; null where d is not above 0.

  Plain Jinja: `otc metrics` renders this file too, so no dispatch. One warehouse divides decimals as binary floating
  point, the other cuts them at some digit; both know the rest of a whole division exactly. What is left after taking it
  away divides without remainder, and a double says such a quotient exactly below 2**50, that is to 10**11 with four
  decimals. A quotient too large for a bigint is null.
    n, d       expressions of money, no more than four decimals
    times      what n is multiplied by before, never negative; no more than four decimals either
-#}
{% macro quotient(n, d, times='1') -%}
    {%- set up = "cast(abs(" ~ n ~ ") * 10000 as decimal(38, 0))" -%}
    {%- set low = "cast((" ~ d ~ ") * 10000 as decimal(38, 0))" -%}
    {%- set top = "(2 * " ~ up ~ " * cast(" ~ times ~ " * 10000 as decimal(38, 0)) + " ~ low ~ ")" -%}
    {%- set bottom = "(2 * " ~ low ~ ")" -%}
    {%- set whole = "cast(" ~ top ~ " - " ~ top ~ " % " ~ bottom ~ " as double precision) / cast(" ~ bottom ~ " as double precision)" -%}
    case
        when {{ d }} > 0 and {{ n }} = 0 then 0
        when {{ d }} > 0 then case when {{ whole }} < 900000000000000000
            then cast(
                case when {{ n }} < 0 then -1 else 1 end * cast(round({{ whole }}) as bigint)
                * cast(0.0001 as decimal(5, 4)) as decimal(38, 4)
            )
        end
    end
{%- endmacro %}
