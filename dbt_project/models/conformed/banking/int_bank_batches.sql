with parts as (
    select
        source_system, whole_line_id,
        count(*) as payments,
        {{ money('sum(amount)') }} as payments_amount
    from {{ ref('int_bank_batch_parts') }}
    group by source_system, whole_line_id
),

batches as (
    select
        wholes.source_system, wholes.bank_line_id as whole_line_id, wholes.statement_id, wholes.account,
        wholes.legal_entity, wholes.currency, wholes.entry_reference, wholes.booking_date, wholes.value_date,
        wholes.amount, parts.payments, parts.payments_amount,
        wholes.amount - parts.payments_amount as difference,
        {{ spelled('wholes.bank_line_id') }} as own_id,
        {{ spelled('wholes.entry_reference') }} as spelled_reference
    from parts
    inner join {{ ref('int_bank_lines__current') }} as wholes
        on parts.source_system = wholes.source_system and parts.whole_line_id = wholes.bank_line_id
),

receipts as (
    select
        legal_entity, currency, amount, receipt_date,
        {{ spelled('reference') }} as reference,
        {{ spelled('bank_line_ref') }} as bank_line_ref
    from {{ ref('int_receipts__current') }}
),

-- The ERP has the sum as one receipt: it quotes the entry, or is the only thing of its amount and day.
posted as (
    select distinct batches.source_system, batches.whole_line_id
    from batches
    inner join receipts on batches.currency = receipts.currency and batches.amount = receipts.amount
    where
        receipts.reference in (batches.own_id, batches.spelled_reference)
        or receipts.bank_line_ref in (batches.own_id, batches.spelled_reference)
        or (
            receipts.legal_entity = batches.legal_entity
            and receipts.receipt_date in (batches.booking_date, batches.value_date)
        )
)

select
    batches.source_system,
    batches.whole_line_id,
    batches.statement_id,
    batches.account,
    batches.legal_entity,
    batches.currency,
    batches.entry_reference,
    batches.booking_date,
    batches.value_date,
    batches.amount,
    batches.payments,
    batches.payments_amount,
    {{ money('batches.difference') }} as difference,
    case
        when batches.difference <> 0 then 'differs'
        when posted.whole_line_id is not null then 'as one sum'
        else 'in payments'
    end as counted
from batches
left join posted
    on batches.source_system = posted.source_system and batches.whole_line_id = posted.whole_line_id
