with credits as (
    select
        bank_line_id, source_system, legal_entity, currency, amount, value_date, booking_date,
        {{ spelled('bank_line_id') }} as own_id,
        {{ spelled('bank_reference') }} as bank_reference
    from {{ ref('int_bank_credit_lines') }}
),

receipts as (
    select
        receipt_id, source_system, legal_entity, party_id, currency, amount, receipt_date,
        {{ spelled('reference') }} as reference,
        {{ spelled('bank_line_ref') }} as bank_line_ref
    from {{ ref('int_receipts__current') }}
),

line_references as (
    select bank_line_id, source_system, legal_entity, currency, amount, own_id as reference, true as is_own_id
    from credits
    union
    select bank_line_id, source_system, legal_entity, currency, amount, bank_reference as reference, false as is_own_id
    from credits
    where {{ is_reference('bank_reference') }} and bank_reference <> own_id
),

receipt_references as (
    select receipt_id, source_system, reference
    from receipts
    where reference <> ''
    union
    select receipt_id, source_system, bank_line_ref as reference
    from receipts
    where bank_line_ref <> ''
),

by_reference as (
    select distinct
        lines.bank_line_id,
        lines.source_system as bank_source,
        receipts.source_system,
        receipts.receipt_id,
        receipts.amount,
        lines.amount as line_amount,
        case when receipts.currency = lines.currency then 1 else 0 end as same_currency
    from line_references as lines
    inner join receipt_references as quoted on lines.reference = quoted.reference
    inner join receipts
        on quoted.source_system = receipts.source_system and quoted.receipt_id = receipts.receipt_id
    where lines.is_own_id or lines.legal_entity is null or lines.legal_entity = receipts.legal_entity
),

summed_by_reference as (
    select
        by_reference.*,
        count(*) over (partition by bank_source, bank_line_id) as quoting,
        count(*) over (partition by bank_source, bank_line_id, source_system) as quoting_of_source,
        sum(amount) over (partition by bank_source, bank_line_id) as quoting_amount,
        min(same_currency) over (partition by bank_source, bank_line_id) as quoting_currency
    from by_reference
),

-- Receipts of one source that all quote the line, and are its amount together, are its parts: one candidate.
judged_by_reference as (
    select
        bank_line_id, bank_source, source_system, receipt_id,
        quoting > 1 and quoting = quoting_of_source and quoting_currency = 1 and quoting_amount = line_amount as is_part,
        case when amount = line_amount and same_currency = 1 then 1 else 0 end as same_amount
    from summed_by_reference
),

best_by_reference as (
    select
        bank_line_id, bank_source, source_system, receipt_id, is_part,
        case when is_part then 1 else same_amount end as same_amount,
        max(case when is_part then 1 else same_amount end) over (partition by bank_source, bank_line_id) as best_of_line,
        max(case when is_part then 1 else same_amount end) over (partition by source_system, receipt_id) as best_of_receipt
    from judged_by_reference
),

linked_by_reference as (
    select bank_line_id, bank_source, source_system, receipt_id, is_part
    from best_by_reference
    where same_amount = best_of_line and same_amount = best_of_receipt
),

line_days as (
    select bank_line_id, source_system, legal_entity, currency, amount, value_date as paid_on
    from credits
    union
    select bank_line_id, source_system, legal_entity, currency, amount, booking_date as paid_on
    from credits
),

linked_by_amount as (
    select distinct
        line_days.bank_line_id,
        line_days.source_system as bank_source,
        receipts.source_system,
        receipts.receipt_id
    from line_days
    inner join receipts
        on
            line_days.legal_entity = receipts.legal_entity
            and line_days.currency = receipts.currency
            and line_days.amount = receipts.amount
            and line_days.paid_on = receipts.receipt_date
    left join linked_by_reference as named
        on line_days.source_system = named.bank_source and line_days.bank_line_id = named.bank_line_id
    left join linked_by_reference as taken
        on receipts.source_system = taken.source_system and receipts.receipt_id = taken.receipt_id
    where named.bank_line_id is null and taken.receipt_id is null
),

linked as (
    select bank_line_id, bank_source, source_system, receipt_id, is_part, 'reference' as how
    from linked_by_reference
    union all
    select bank_line_id, bank_source, source_system, receipt_id, false as is_part, 'amount' as how
    from linked_by_amount
)

select
    linked.bank_line_id,
    linked.bank_source,
    linked.source_system,
    linked.receipt_id,
    receipts.legal_entity,
    receipts.party_id,
    receipts.currency,
    receipts.amount as receipt_amount,
    linked.how,
    case
        when linked.is_part then 1
        else count(*) over (partition by linked.bank_source, linked.bank_line_id)
    end as receipts_of_line,
    count(*) over (partition by linked.source_system, linked.receipt_id) as lines_of_receipt
from linked
inner join receipts
    on linked.source_system = receipts.source_system and linked.receipt_id = receipts.receipt_id
