-- What the ERP has posted, by a reference that leaves no doubt, needs no candidates any more.
with credits as (
    select
        bank_line_id, source_system, legal_entity, currency, amount, counterparty_account, counterparty_name_normalised,
        coalesce(value_date, booking_date) as paid_on
    from {{ ref('int_bank_credits') }}
    where posted_receipt_id is null or posted_how <> 'reference'
),

items as (
    select
        source_system, legal_entity, document_id, installment_no, party_key, party_id, currency, due_date, open_amount,
        document_date,
        sum(open_amount) over (partition by source_system, legal_entity, document_id, currency) as document_open,
        min(due_date) over (partition by source_system, legal_entity, document_id, currency) as document_due
    from {{ ref('int_installment_balances') }}
),

-- An amount can pay an instalment, or all that is open of its document. By the amount alone nobody pays what is not
-- billed yet.
payable as (
    select items.*, open_amount as pays
    from items
    where open_amount > 0
    union
    select items.*, document_open as pays
    from items
    where open_amount > 0
),

payable_ranked as (
    select
        payable.*,
        dense_rank() over (
            partition by legal_entity, currency, pays order by document_due, source_system, document_id
        ) as nth
    from payable
),

payer_accounts as (
    select distinct
        {{ normalised_account('iban_or_account') }} as account,
        source_system || ':' || party_id as party_key
    from {{ ref('int_party_bank_accounts__current') }}
),

payer_names as (
    select distinct
        {{ normalised_name('name') }} as name,
        party_key
    from {{ ref('int_parties__current') }}
    where name is not null
),

by_reference as (
    select
        credits.bank_line_id, credits.source_system as bank_source,
        items.source_system, items.legal_entity, items.document_id, items.installment_no, items.party_key, items.party_id,
        items.currency, items.due_date, items.open_amount,
        quoted.kind, quoted.token as evidence
    from credits
    inner join {{ ref('int_bank_line_references') }} as quoted
        on credits.source_system = quoted.source_system and credits.bank_line_id = quoted.bank_line_id
    inner join {{ ref('int_document_references') }} as spelled on quoted.token = spelled.token
    inner join items
        on spelled.source_system = items.source_system and spelled.document_id = items.document_id
),

payers as (
    select credits.bank_line_id, credits.source_system, payer_accounts.party_key, 'account' as known_by
    from credits
    inner join payer_accounts on credits.counterparty_account = payer_accounts.account
    union all
    select credits.bank_line_id, credits.source_system, payer_names.party_key, 'name' as known_by
    from credits
    inner join payer_names on credits.counterparty_name_normalised = payer_names.name
),

by_payer as (
    select
        credits.bank_line_id, credits.source_system as bank_source,
        payable.source_system, payable.legal_entity, payable.document_id, payable.installment_no, payable.party_key,
        payable.party_id, payable.currency, payable.due_date, payable.open_amount,
        'payer_' || payers.known_by || '_amount' as kind, payers.known_by || ' of ' || payable.party_key as evidence
    from credits
    inner join payers
        on credits.source_system = payers.source_system and credits.bank_line_id = payers.bank_line_id
    inner join payable
        on
            payers.party_key = payable.party_key
            and credits.legal_entity = payable.legal_entity
            and credits.currency = payable.currency
            and credits.amount = payable.pays
            and (payable.document_date is null or credits.paid_on is null or credits.paid_on >= payable.document_date)
),

-- The amount alone is asked only where the line names no document and its payer's account is not known.
spoken_of as (
    select bank_line_id, bank_source
    from by_reference
    union
    select bank_line_id, source_system as bank_source
    from payers
    where known_by = 'account'
),

by_amount as (
    select
        credits.bank_line_id, credits.source_system as bank_source,
        payable.source_system, payable.legal_entity, payable.document_id, payable.installment_no, payable.party_key,
        payable.party_id, payable.currency, payable.due_date, payable.open_amount,
        'amount_only' as kind, cast(credits.amount as text) as evidence
    from credits
    inner join payable_ranked as payable
        on
            credits.legal_entity = payable.legal_entity
            and credits.currency = payable.currency
            and credits.amount = payable.pays
            and (payable.document_date is null or credits.paid_on is null or credits.paid_on >= payable.document_date)
    left join spoken_of
        on credits.source_system = spoken_of.bank_source and credits.bank_line_id = spoken_of.bank_line_id
    where payable.nth <= {{ var('amount_candidates_at_most', 5) }} and spoken_of.bank_line_id is null
),

candidates as (
    select * from by_reference
    union all
    select * from by_payer
    union all
    select * from by_amount
)

select
    bank_line_id,
    bank_source,
    source_system,
    legal_entity,
    document_id,
    installment_no,
    party_key,
    party_id,
    currency,
    due_date,
    open_amount,
    kind,
    min(evidence) as evidence
from candidates
group by
    bank_line_id, bank_source, source_system, legal_entity, document_id, installment_no, party_key, party_id, currency,
    due_date, open_amount, kind
