with decided as (
    select
        bank_source,
        bank_line_id,
        min(outcome) as outcome,
        min(rule) as rule,
        min(receipt_id) as receipt_id,
        sum(case when outcome = 'applied' then amount else 0 end) as matched_amount
    from {{ source('ops', 'match_decision') }}
    where superseded_at is null
    group by bank_source, bank_line_id
)

select
    lines.source_system,
    lines.bank_line_id,
    lines.source_system || ':' || lines.bank_line_id as bank_line_key,
    lines.statement_id,
    lines.legal_entity,
    {{ masked_account('lines.account') }} as account_ending,
    lines.entry_no,
    lines.transaction_no,
    lines.booking_date,
    lines.value_date,
    lines.currency,
    lines.amount,
    lines.status as bank_status,
    coalesce(lines.is_reversal, false) as is_reversal,
    lines.bank_reference,
    lines.entry_reference,
    lines.batch_difference,
    lines.transaction_code,
    lines.return_reason,
    credits.party_key,
    case
        when credits.bank_line_id is null then 'no credit'
        when credits.posted_receipt_id is not null then 'posted'
        when decided.outcome = 'applied' and decided.receipt_id is not null then 'posted'
        when decided.outcome = 'applied' then 'pending'
        when decided.outcome is not null then decided.outcome
        else 'not decided'
    end as match_status,
    coalesce(credits.posted_receipt_id, decided.receipt_id) as receipt_id,
    decided.rule,
    {{ money('coalesce(decided.matched_amount, 0)') }} as matched_amount,
    lines.loaded_at
from {{ ref('int_bank_lines__counted') }} as lines
left join {{ ref('int_bank_credits') }} as credits
    on lines.source_system = credits.source_system and lines.bank_line_id = credits.bank_line_id
left join decided
    on lines.source_system = decided.bank_source and lines.bank_line_id = decided.bank_line_id
