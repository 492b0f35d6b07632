{{ config(enabled='tryton' in var('connectors')) }}

select
    parties.source_system as target_source,
    parties.party_id as target_key,
    status.currency,
    status.open_amount,
    status.past_due_amount,
    status.oldest_days_late,
    status.on_hold,
    status.as_of
from {{ ref('int_parties__current') }} as parties
inner join {{ ref('fct_party_ar_status') }} as status
    on parties.source_system = status.source_system and parties.party_id = status.party_id
where parties.connector = 'tryton' and status.left_out_because is null
