{#- What the measures need beside the ledger, version by version: `macros/measures.sql` and
  `macros/payment_behaviour.sql` take those known at a moment. -#}
{{ config(materialized='view') }}

with versions as (
    select
        source_system, 'documents' as entity, row_key, document_id, cast(null as text) as receipt_id,
        status as kind, voided_on, tax_amount as amount, cast(null as date) as promised_on, cast(null as date) as due_on,
        deleted, recorded_at, loaded_at, source_file, source_line, row_hash
    from {{ ref('int_documents__unioned') }}
    union all
    select
        source_system, 'adjustments' as entity, row_key, document_id, cast(null as text) as receipt_id,
        adjustment_type as kind, cast(null as date) as voided_on, cast(null as decimal(18, 4)) as amount,
        cast(null as date) as promised_on, cast(null as date) as due_on,
        deleted, recorded_at, loaded_at, source_file, source_line, row_hash
    from {{ ref('int_adjustments__unioned') }}
    union all
    select
        source_system, 'receipt_events' as entity, row_key, cast(null as text) as document_id, receipt_id,
        event_type as kind, cast(null as date) as voided_on, cast(null as decimal(18, 4)) as amount,
        cast(null as date) as promised_on, cast(null as date) as due_on,
        deleted, recorded_at, loaded_at, source_file, source_line, row_hash
    from {{ ref('int_receipt_events__unioned') }}
    union all
    select
        source_system, 'receipts' as entity, row_key, cast(null as text) as document_id, receipt_id,
        nullif({{ trimmed('method') }}, '') as kind, cast(null as date) as voided_on, cast(null as decimal(18, 4)) as amount,
        cast(null as date) as promised_on, cast(null as date) as due_on,
        deleted, recorded_at, loaded_at, source_file, source_line, row_hash
    from {{ ref('int_receipts__unioned') }}
    union all
    select
        source_system, 'promises' as entity, row_key, document_id, cast(null as text) as receipt_id,
        case when coalesce(withdrawn, false) then 'withdrawn' else 'promised' end as kind, cast(null as date) as voided_on,
        amount, promised_on, due_on,
        deleted, recorded_at, loaded_at, source_file, source_line, row_hash
    from {{ ref('int_promises__unioned') }}
),

-- Of documents only those that ever stated a tax or a void, of receipts those with a method: the ledger says the rest.
needed as (
    select distinct source_system, entity, row_key
    from versions
    where
        entity not in ('documents', 'receipts')
        or (entity = 'documents' and (coalesce(amount, 0) <> 0 or coalesce(kind, '') = 'void'))
        or (entity = 'receipts' and kind is not null)
),

numbered as (
    select
        versions.*,
        row_number() over (
            partition by versions.source_system, versions.entity, versions.row_key
            order by
                versions.recorded_at asc, versions.loaded_at asc, coalesce(versions.source_file, '') asc,
                coalesce(versions.source_line, 0) asc, versions.row_hash asc
        ) as version_no
    from versions
    inner join needed
        on
            versions.source_system = needed.source_system
            and versions.entity = needed.entity
            and versions.row_key = needed.row_key
)

select
    source_system,
    entity,
    row_key,
    cast(version_no as bigint) as version_no,
    document_id,
    receipt_id,
    kind,
    voided_on,
    {{ money('amount') }} as amount,
    promised_on,
    due_on,
    deleted,
    recorded_at,
    loaded_at
from numbered
