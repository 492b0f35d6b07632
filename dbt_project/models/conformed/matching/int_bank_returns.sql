-- A return quotes the payment that it gives back: its end-to-end id, its UETR, or the bank's own reference of it.
with quoted as (
    select source_system, bank_line_id, account, currency, -amount as amount, booking_date, {{ spelled('original_reference') }} as reference
    from {{ ref('int_bank_lines__current') }}
    where amount < 0 and original_reference <> ''
    union
    select source_system, bank_line_id, account, currency, -amount as amount, booking_date, {{ spelled('end_to_end_id') }} as reference
    from {{ ref('int_bank_lines__current') }}
    where amount < 0 and (return_reason <> '' or coalesce(is_reversal, false)) and end_to_end_id <> ''
),

spelled as (
    select source_system, bank_line_id, account, currency, amount, booking_date, {{ spelled('end_to_end_id') }} as reference
    from {{ ref('int_bank_lines__current') }}
    where amount > 0 and end_to_end_id <> ''
    union
    select source_system, bank_line_id, account, currency, amount, booking_date, {{ spelled('uetr') }} as reference
    from {{ ref('int_bank_lines__current') }}
    where amount > 0 and uetr <> ''
    union
    select source_system, bank_line_id, account, currency, amount, booking_date, {{ spelled('bank_reference') }} as reference
    from {{ ref('int_bank_lines__current') }}
    where amount > 0 and bank_reference <> ''
)

select
    spelled.source_system,
    spelled.bank_line_id,
    min(quoted.bank_line_id) as returned_by_line_id
from spelled
inner join quoted
    on
        spelled.source_system = quoted.source_system
        and spelled.account = quoted.account
        and spelled.currency = quoted.currency
        and spelled.amount = quoted.amount
        and spelled.reference = quoted.reference
where
    {{ is_reference('spelled.reference') }}
    and (quoted.booking_date is null or spelled.booking_date is null or quoted.booking_date >= spelled.booking_date)
group by spelled.source_system, spelled.bank_line_id
