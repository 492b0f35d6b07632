select
    bank_line_id,
    source_system,
    legal_entity,
    account,
    currency,
    amount,
    value_date,
    booking_date,
    bank_reference,
    end_to_end_id,
    structured_reference,
    referred_document,
    remittance_text,
    batch_difference,
    {{ normalised_name('counterparty_name') }} as counterparty_name_normalised,
    {{ normalised_account('counterparty_account') }} as counterparty_account
from {{ ref('int_bank_lines__counted') }}
where amount > 0 and coalesce(status, 'booked') = 'booked' and not coalesce(is_reversal, false)
