{#- Spellings that are compared with `=`: every join on text goes through one of these, never through `like`. -#}

{#- A reference as the bank or the books spell it: upper case, no blanks around it. -#}
{% macro spelled(expression) -%}
    {{ upper_case(trimmed(expression)) }}
{%- endmacro %}

{#- True of a spelled reference that names something: banks write words such as NONREF where there is none. -#}
{% macro is_reference(expression) -%}
    {{ expression }} not in ('', 'NONREF', 'NOTPROVIDED', 'NOTAVAILABLE')
{%- endmacro %}

{#- A document number or reference: letters and digits only, upper case, without leading zeros. -#}
{% macro normalised_reference(expression) -%}
    nullif(ltrim(regexp_replace({{ upper_case(expression) }}, '[^A-Z0-9]', '', 'g'), '0'), '')
{%- endmacro %}

{#- A bank account: letters and digits only, upper case. -#}
{% macro normalised_account(expression) -%}
    nullif(regexp_replace({{ upper_case(expression) }}, '[^A-Z0-9]', '', 'g'), '')
{%- endmacro %}

{#- A name: upper case, no accents, words apart by one blank, without the legal form at its end. -#}
{% macro normalised_name(expression) -%}
    {%- set accents = "translate(" ~ upper_case(expression) ~ ", 'ÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝŠŽĄĆĘŁŃŚŹŻ', 'AAAAAACEEEEIIIINOOOOOOUUUUYSZACELNSZZ')" -%}
    {%- set words = "trim(regexp_replace(" ~ accents ~ ", '[^A-Z0-9]+', ' ', 'g'))" -%}
    {%- set forms = "'( (LTD|LIMITED|LLC|LLP|INC|INCORPORATED|CORP|CORPORATION|CO|COMPANY|PLC|GMBH|MBH|AG|KG|UG|SE|SA|SAS|SARL|SRL|SPA|BV|NV|OY|AB|AS|APS|PTY|SP Z O O|S A|S R L|S P A|B V))+$'" -%}
    nullif(regexp_replace({{ words }}, {{ forms }}, ''), '')
{%- endmacro %}

{#- The last four characters of an account number: enough to recognise it, too little to use it. -#}
{% macro masked_account(expression) -%}
    '…' || right(regexp_replace({{ expression }}, '[^A-Za-z0-9]', '', 'g'), 4)
{%- endmacro %}
