{#- A view, for the name in it (see dim_party); `otc aging` renders the same macro for any other day or grouping. -#}
{{ config(materialized='view') }}

select
    {{ today() }} as as_of,
    aged.*
from (
    {{ aging(
        ledger=ref('fct_ar_ledger'),
        parties=ref('dim_party'),
        as_of=var('today') or run_started_at.strftime('%Y-%m-%d'),
        edges=var('aging_edges'),
        by=var('aging_by'),
        rates=ref('fct_fx_rates'),
        rate_type=var('revaluation_rate_type')
    ) }}
) as aged
