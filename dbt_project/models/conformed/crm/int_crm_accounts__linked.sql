with spelled as (
    {{ spellings(ref('int_parties__current'), 'party_id', 'party_key', 'party_key') }}
)

select
    accounts.connector,
    accounts.source_system,
    accounts.account_id,
    accounts.customer_key,
    count(*) over (partition by accounts.source_system, accounts.customer_key) as accounts_of_key,
    spelled.party_key
from {{ ref('int_crm_accounts__current') }} as accounts
left join spelled on accounts.customer_key = spelled.spelling
where accounts.customer_key is not null
