-- Both sides were counted at the same moment, when the source was asked; here they are only compared.
with sides as (
    select
        totals.*,
        rows_here - rows_there as rows_difference,
        amount_here - amount_there as amount_difference
    from {{ source('ops', 'source_total') }} as totals
),

compared as (
    select
        sides.*,
        coalesce(rows_difference = 0 and coalesce(amount_difference, 0) = 0, false) as is_same,
        sum(coalesce(rows_difference, 0)) over (partition by source_system, entity, coalesce(column_name, '')) as entity_difference,
        max(coalesce(rows_difference, 0)) over (partition by source_system, entity, coalesce(column_name, '')) as most
    from sides
)

select
    source_system || ':' || entity || ':' || coalesce(legal_entity, '') || ':' || coalesce(currency, '')
    || ':' || coalesce(column_name, '') as source_total_key,
    source_system,
    connector,
    entity,
    legal_entity,
    currency,
    column_name,
    asked_at,
    read_until,
    rows_there,
    rows_here,
    rows_difference,
    {{ total('amount_there') }} as amount_there,
    {{ total('amount_here') }} as amount_here,
    {{ total('amount_difference') }} as amount_difference,
    quarantined,
    case
        when reason is not null then 'not checked'
        when is_same then 'tied'
        when quarantined_counted > 0 and most <= 0 and entity_difference >= -quarantined_counted then 'quarantined'
        else 'difference'
    end as status,
    reason,
    named
from compared
