{#- What industries come to: the rows of the file that the instance names, else those shipped (seeds/reference_values.csv). -#}
{%- set columns = ['measure', 'industry', 'region', 'year', 'value', 'unit', 'source', 'note'] -%}
with stated as (
    {% if var('reference_values') is none -%}
        select {{ columns | join(', ') }} from {{ ref('reference_values') }}
    {%- else -%}
        {{ reference_rows(var('reference_values'), columns) }}
    {%- endif %}
)

select
    measure,
    industry,
    region,
    cast(year as bigint) as year,
    {{ money('value') }} as value,
    unit,
    source,
    note
from stated
