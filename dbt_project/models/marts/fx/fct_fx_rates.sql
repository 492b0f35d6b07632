{#- A view: every version, so that any day can be revalued as it was known at any time. -#}
{{ config(materialized='view') }}

select
    source_system,
    row_key,
    from_currency,
    to_currency,
    "date" as rate_date,
    rate_type,
    rate,
    coalesce(deleted, false) as is_deleted,
    recorded_at,
    loaded_at,
    source_file,
    source_line
from {{ ref('int_fx_rates__unioned') }}
