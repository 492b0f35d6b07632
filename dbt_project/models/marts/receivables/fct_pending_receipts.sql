-- Cash that was matched and that the ERP has not posted, a row per bank line: what there is to post.
with decided as (
    select
        decisions.bank_source, decisions.bank_line_id, decisions.document_source, decisions.document_id,
        decisions.party_id, decisions.amount, decisions.value_date, decisions.rule, decisions.decided_at
    from {{ source('ops', 'match_decision') }} as decisions
    where
        decisions.outcome = 'applied'
        and decisions.superseded_at is null
        and decisions.receipt_id is null
        and decisions.document_id is not null
),

by_document as (
    select
        decided.bank_source, decided.bank_line_id, decided.document_source, decided.document_id,
        min(decided.party_id) as party_id, min(decided.value_date) as value_date, min(decided.rule) as rule,
        max(decided.decided_at) as decided_at,
        {{ money('sum(decided.amount)') }} as amount,
        min(documents.connector) as connector,
        min(case when documents.document_type = 'invoice' then 1 else 0 end) as is_invoice
    from decided
    left join {{ ref('int_documents__current') }} as documents
        on decided.document_source = documents.source_system and decided.document_id = documents.document_id
    group by decided.bank_source, decided.bank_line_id, decided.document_source, decided.document_id
),

by_line as (
    select
        bank_source, bank_line_id,
        count(distinct document_source) as sources,
        min(document_source) as source_system,
        min(connector) as connector,
        min(is_invoice) as only_invoices,
        min(party_id) as party_id,
        min(value_date) as value_date,
        min(rule) as rule,
        max(decided_at) as decided_at,
        {{ money('sum(amount)') }} as applied_amount,
        string_agg(document_id || ':' || cast(amount as text), ',' order by document_id) as allocations
    from by_document
    group by bank_source, bank_line_id
)

select
    by_line.bank_source,
    by_line.bank_line_id,
    by_line.source_system,
    by_line.connector,
    credits.legal_entity,
    {{ masked_account('credits.account') }} as account_ending,
    coalesce(by_line.value_date, credits.value_date, credits.booking_date) as value_date,
    credits.currency,
    credits.amount,
    by_line.applied_amount,
    by_line.party_id,
    by_line.source_system || ':' || by_line.party_id as party_key,
    by_line.allocations,
    by_line.rule,
    by_line.decided_at,
    case
        when by_line.sources > 1 then 'it pays documents of several sources'
        when by_line.only_invoices = 0 then 'it pays a document that is no invoice'
        when credits.legal_entity is null then 'its account belongs to no legal entity'
        when count(*) over (partition by by_line.bank_line_id) > 1 then 'several bank sources have this line'
    end as left_out_because
from by_line
inner join {{ ref('int_bank_credits') }} as credits
    on by_line.bank_source = credits.source_system and by_line.bank_line_id = credits.bank_line_id
where credits.posted_candidates = 0 and credits.returned_by_line_id is null
