-- Where each line was reported, in every version of every file: a line that two messages report is one line.
with reported as (
    select distinct
        source_system, statement_id, entry_no, bank_line_id, account, currency, entry_reference, bank_reference,
        booking_date, value_date, amount
    from {{ ref('int_bank_lines__unioned') }}
    where entry_reference <> '' and coalesce(status, 'booked') = 'booked' and not deleted
),

several as (
    select source_system, account, currency, entry_reference
    from reported
    group by source_system, account, currency, entry_reference
    having count(distinct bank_line_id) > 1
),

statements as (
    select distinct source_system, statement_id
    from {{ ref('int_bank_statements__unioned') }}
    where format in ('camt.053', 'mt940')
),

measured as (
    select
        reported.*,
        case when statements.statement_id is null then 0 else 1 end as in_statement,
        count(*) over entry as lines_of_entry,
        {{ money('sum(reported.amount) over entry') }} as entry_amount,
        min(reported.bank_line_id) over entry as first_line_id
    from reported
    inner join several
        on
            reported.source_system = several.source_system
            and reported.account = several.account
            and reported.currency = several.currency
            and reported.entry_reference = several.entry_reference
    left join statements
        on reported.source_system = statements.source_system and reported.statement_id = statements.statement_id
    window entry as (
        partition by
            reported.source_system, reported.statement_id, reported.account, reported.currency, reported.entry_no,
            reported.entry_reference
    )
),

lines as (
    select
        source_system, account, currency, entry_reference, bank_line_id, amount,
        min(bank_reference) as bank_reference,
        min(booking_date) as booking_date,
        min(value_date) as value_date,
        min(lines_of_entry) as lines_of_entry,
        max(in_statement) as in_statement
    from measured
    group by source_system, account, currency, entry_reference, bank_line_id, amount
),

detailed as (
    select
        source_system, account, currency, entry_reference, first_line_id, entry_amount,
        min(booking_date) as booking_date,
        min(value_date) as value_date
    from measured
    where lines_of_entry > 1
    group by source_system, account, currency, entry_reference, first_line_id, entry_amount
),

-- One message that gives both speaks of two entries.
apart as (
    select distinct wholes.source_system, wholes.bank_line_id as whole_line_id, parts.bank_line_id
    from measured as wholes
    inner join measured as parts
        on
            wholes.source_system = parts.source_system
            and wholes.statement_id = parts.statement_id
            and wholes.entry_reference = parts.entry_reference
            and wholes.bank_line_id <> parts.bank_line_id
),

-- The same entry: one sum here, the same sum in payments there.
same_sum as (
    select distinct
        wholes.source_system, wholes.account, wholes.currency, wholes.entry_reference, wholes.amount,
        wholes.bank_line_id as whole_line_id,
        detailed.first_line_id
    from lines as wholes
    inner join detailed
        on
            wholes.source_system = detailed.source_system
            and wholes.account = detailed.account
            and wholes.currency = detailed.currency
            and wholes.entry_reference = detailed.entry_reference
            and wholes.amount = detailed.entry_amount
            and (wholes.booking_date = detailed.booking_date or wholes.value_date = detailed.value_date)
    left join apart
        on
            wholes.source_system = apart.source_system
            and wholes.bank_line_id = apart.whole_line_id
            and detailed.first_line_id = apart.bank_line_id
    where wholes.lines_of_entry = 1 and apart.bank_line_id is null
),

-- Twins of one reference and amount are paired one to one, so that each is left out for one batch only.
ranked as (
    select
        same_sum.*,
        dense_rank() over (
            partition by source_system, account, currency, entry_reference, amount order by whole_line_id
        ) as nth_whole,
        dense_rank() over (
            partition by source_system, account, currency, entry_reference, amount order by first_line_id
        ) as nth_batch
    from same_sum
),

paired as (
    select source_system, entry_reference, whole_line_id, first_line_id
    from ranked
    where nth_whole = nth_batch
),

paired_parts as (
    select distinct
        paired.source_system, paired.whole_line_id, measured.bank_line_id, measured.amount
    from paired
    inner join measured
        on
            paired.source_system = measured.source_system
            and paired.entry_reference = measured.entry_reference
            and paired.first_line_id = measured.first_line_id
    where measured.lines_of_entry > 1
),

settled as (
    select source_system, whole_line_id as bank_line_id
    from paired
    union
    select source_system, bank_line_id
    from paired_parts
),

rest as (
    select lines.*
    from lines
    left join settled
        on lines.source_system = settled.source_system and lines.bank_line_id = settled.bank_line_id
    where settled.bank_line_id is null
),

-- What notifications say of an entry of the statement's, in however many messages.
notified as (
    select
        wholes.source_system, wholes.account, wholes.currency, wholes.entry_reference,
        wholes.bank_line_id as whole_line_id,
        wholes.amount as whole_amount,
        parts.bank_line_id,
        parts.amount,
        {{ money('sum(parts.amount) over (partition by wholes.source_system, wholes.bank_line_id)') }} as notified_amount
    from rest as wholes
    inner join rest as parts
        on
            wholes.source_system = parts.source_system
            and wholes.account = parts.account
            and wholes.currency = parts.currency
            and wholes.entry_reference = parts.entry_reference
            and (wholes.booking_date = parts.booking_date or wholes.value_date = parts.value_date)
    left join apart
        on
            wholes.source_system = apart.source_system
            and wholes.bank_line_id = apart.whole_line_id
            and parts.bank_line_id = apart.bank_line_id
    where
        wholes.in_statement = 1
        and wholes.lines_of_entry = 1
        and wholes.bank_reference = wholes.entry_reference
        and parts.in_statement = 0
        and wholes.amount * parts.amount > 0
        and apart.bank_line_id is null
),

-- Several entries of the statement under one reference: the notified payments are those of the one they add up to.
chosen as (
    select
        source_system, whole_line_id,
        row_number() over (
            partition by source_system, account, currency, entry_reference
            order by case when min(whole_amount) = min(notified_amount) then 0 else 1 end, whole_line_id
        ) as nth,
        count(*) over (partition by source_system, account, currency, entry_reference) as wholes,
        min(whole_amount) - min(notified_amount) as difference
    from notified
    group by source_system, account, currency, entry_reference, whole_line_id
)

select source_system, whole_line_id, bank_line_id, amount
from paired_parts
union all
select notified.source_system, notified.whole_line_id, notified.bank_line_id, notified.amount
from notified
inner join chosen
    on notified.source_system = chosen.source_system and notified.whole_line_id = chosen.whole_line_id
where chosen.nth = 1 and (chosen.difference = 0 or chosen.wholes = 1)
