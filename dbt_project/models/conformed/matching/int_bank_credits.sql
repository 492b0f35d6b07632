with payers as (
    select
        {{ normalised_account('iban_or_account') }} as account,
        count(distinct source_system || ':' || party_id) as parties,
        min(source_system || ':' || party_id) as party_key
    from {{ ref('int_party_bank_accounts__current') }}
    group by {{ normalised_account('iban_or_account') }}
),

posted as (
    select
        bank_source,
        bank_line_id,
        max(case when receipts_of_line > lines_of_receipt then receipts_of_line else lines_of_receipt end) as candidates,
        min(receipt_id) as receipt_id,
        min(source_system) as receipt_source,
        min(how) as how
    from {{ ref('int_bank_posted_candidates') }}
    group by bank_source, bank_line_id
)

select
    credits.bank_line_id,
    credits.source_system,
    credits.legal_entity,
    credits.account,
    credits.currency,
    credits.amount,
    credits.value_date,
    credits.booking_date,
    credits.counterparty_name_normalised,
    credits.counterparty_account,
    case when payers.parties = 1 then payers.party_key end as party_key,
    case when posted.candidates = 1 then posted.receipt_id end as posted_receipt_id,
    case when posted.candidates = 1 then posted.receipt_source end as posted_source_system,
    cast(coalesce(posted.candidates, 0) as bigint) as posted_candidates,
    posted.how as posted_how,
    returns.returned_by_line_id,
    credits.batch_difference
from {{ ref('int_bank_credit_lines') }} as credits
left join payers on credits.counterparty_account = payers.account
left join posted
    on credits.source_system = posted.bank_source and credits.bank_line_id = posted.bank_line_id
left join {{ ref('int_bank_returns') }} as returns
    on credits.source_system = returns.source_system and credits.bank_line_id = returns.bank_line_id
