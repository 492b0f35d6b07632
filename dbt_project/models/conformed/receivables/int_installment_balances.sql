with parts as (
    select
        source_system,
        legal_entity,
        item_id as document_id,
        installment_no,
        party_id,
        document_type,
        document_date,
        due_date,
        currency,
        base_currency,
        sum(amount) as open_amount,
        sum(case when movement_type = 'document' then amount else 0 end) as original_amount,
        coalesce(sum(case when base_amount is null then amount end), 0) as without_base,
        sum(base_amount) as base_open_amount
    from {{ source('ops', 'ar_movement') }}
    where item_type = 'installment' and effective_date <= {{ today() }}
    group by
        source_system, legal_entity, item_id, installment_no, party_id, document_type, document_date, due_date, currency,
        base_currency
),

ranked as (
    select
        parts.*,
        row_number() over (
            partition by source_system, legal_entity, document_id, installment_no
            order by
                case when open_amount <> 0 then 0 else 1 end asc,
                case when original_amount <> 0 then 0 else 1 end asc,
                due_date desc nulls last,
                party_id asc,
                document_type asc,
                document_date asc,
                currency asc,
                base_currency asc
        ) as nth
    from parts
)

select
    source_system,
    legal_entity,
    document_id,
    installment_no,
    source_system || ':' || document_id as document_key,
    max(case when nth = 1 then party_id end) as party_id,
    max(case when nth = 1 then source_system || ':' || party_id end) as party_key,
    max(case when nth = 1 then document_type end) as document_type,
    max(case when nth = 1 then document_date end) as document_date,
    max(case when nth = 1 then due_date end) as due_date,
    max(case when nth = 1 then currency end) as currency,
    max(case when nth = 1 then base_currency end) as base_currency,
    {{ money('sum(original_amount)') }} as original_amount,
    {{ money('sum(open_amount)') }} as open_amount,
    {{ money('case when sum(without_base) = 0 then coalesce(sum(base_open_amount), 0) end') }} as base_open_amount
from ranked
group by source_system, legal_entity, document_id, installment_no
