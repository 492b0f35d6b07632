{{ config(enabled='salesforce' in var('connectors')) }}

select
    accounts.source_system as target_source,
    accounts.customer_key as target_key,
    status.open_amount,
    status.past_due_amount,
    status.oldest_days_late,
    status.on_hold,
    status.as_of,
    status.currency
from {{ ref('int_crm_accounts__linked') }} as accounts
inner join {{ ref('fct_party_ar_status') }} as status on accounts.party_key = status.party_key
where accounts.connector = 'salesforce' and accounts.accounts_of_key = 1 and status.left_out_because is null
