{#- Money is decimal(18,4); what is computed is cast back to it, or the two warehouses differ in the last digit. -#}
{% macro money(expression) -%}
    cast({{ expression }} as decimal(18, 4))
{%- endmacro %}

{#- A sum of many amounts: each fits decimal(18,4), and one absurd amount in a source must not stop all the marts. -#}
{% macro total(expression) -%}
    cast({{ expression }} as decimal(38, 4))
{%- endmacro %}

{#- An amount, rounded half up to the decimals that ISO 4217 gives its currency: 2 but for these. -#}
{% macro rounded(expression, currency, kind='decimal(18, 4)') -%}
    case
        when {{ currency }} in (
            'BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND', 'VUV', 'XAF', 'XOF', 'XPF'
        ) then cast(round({{ expression }}, 0) as {{ kind }})
        when {{ currency }} in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then cast(round({{ expression }}, 3) as {{ kind }})
        when {{ currency }} in ('CLF', 'UYW') then cast(round({{ expression }}, 4) as {{ kind }})
        else cast(round({{ expression }}, 2) as {{ kind }})
    end
{%- endmacro %}
