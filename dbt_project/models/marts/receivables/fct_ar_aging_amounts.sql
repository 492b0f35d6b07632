{#- The same macro that `otc aging` renders for any other day or grouping. -#}
select
    {{ today() }} as as_of,
    aged.*
from (
    {{ aging(
        ledger=ref('fct_ar_ledger'),
        parties=none,
        as_of=var('today') or run_started_at.strftime('%Y-%m-%d'),
        edges=var('aging_edges'),
        by=var('aging_by'),
        rates=ref('fct_fx_rates'),
        rate_type=var('revaluation_rate_type')
    ) }}
) as aged
