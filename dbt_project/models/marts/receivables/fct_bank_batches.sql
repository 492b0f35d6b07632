-- depends_on: {{ source('ops', 'match_decision') }}
-- With the other marts, after the matching: what is published and judged is of one pass.
select
    source_system || ':' || whole_line_id as batch_key,
    source_system,
    whole_line_id,
    statement_id,
    {{ masked_account('account') }} as account_ending,
    legal_entity,
    currency,
    entry_reference,
    booking_date,
    value_date,
    amount,
    payments,
    payments_amount,
    difference,
    counted
from {{ ref('int_bank_batches') }}
