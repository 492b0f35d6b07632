{{ config(enabled='tryton' in var('connectors')) }}

select
    pending.source_system as target_source,
    pending.bank_line_id as target_key,
    credits.account as bank_account,
    lines.bank_reference as reference,
    pending.value_date,
    pending.currency,
    pending.amount,
    pending.party_id,
    pending.allocations
from {{ ref('fct_pending_receipts') }} as pending
inner join {{ ref('int_bank_credits') }} as credits
    on pending.bank_source = credits.source_system and pending.bank_line_id = credits.bank_line_id
inner join {{ ref('int_bank_credit_lines') }} as lines
    on pending.bank_source = lines.source_system and pending.bank_line_id = lines.bank_line_id
where pending.connector = 'tryton' and pending.left_out_because is null
