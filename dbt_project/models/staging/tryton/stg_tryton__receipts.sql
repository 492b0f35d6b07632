{{ config(enabled='tryton' in var('connectors')) }}
-- Every line that lowers what a party owes and is no credit note: paid on an invoice, from a statement, keyed by hand.
select
    raw.source_system,
    'line-' || cast(raw.id as text) as receipt_id,
    raw.legal_entity,
    raw."date" as receipt_date,
    raw.currency,
    {{ money('abs(raw.amount)') }} as amount,
    cast(raw.party as text) as party_id,
    raw."date" as posting_date,
    raw.rate as fx_rate,
    case
        when raw.origin like 'account.payment,%' then 'direct_debit'
        when raw.origin like 'account.statement%' then 'bank'
        else raw.journal_type
    end as method,
    raw.reference,
    raw.bank_reference as bank_line_ref,
    raw.account as gl_account,
    {{ raw_version(
        'raw', "'line-' || raw._key", recorded_at='case when raw.deleted then raw.recorded_at else raw.created_at end',
        deleted="raw.deleted or raw.kind <> 'receipt'"
    ) }}
from {{ source('raw_tryton', 'receivable_lines') }} as raw
where raw.kind in ('receipt', 'write_off', 'exchange') and raw.base_amount < 0
