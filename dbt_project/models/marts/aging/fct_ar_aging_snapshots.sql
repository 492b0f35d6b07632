{#- A view: rows are kept in ops, written by the step that posts. The columns follow the configured bucket edges. -#}
{{ config(materialized='view') }}

select snapshots.*
from (
    {{ aging_snapshots(
        rows=source('ops', 'aging_snapshot'),
        days=source('ops', 'aging_snapshot_day'),
        parties=ref('dim_party'),
        edges=var('aging_edges'),
        by=var('aging_by')
    ) }}
) as snapshots
