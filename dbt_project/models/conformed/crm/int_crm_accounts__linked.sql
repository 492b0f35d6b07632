-- A key names its customer with the source (erp:C10001), or without it where only one source has such a customer.
with spelled as (
    select party_key, party_key as spelling
    from {{ ref('int_parties__current') }}
    union all
    select min(party_key) as party_key, party_id as spelling
    from {{ ref('int_parties__current') }}
    group by party_id
    having count(*) = 1
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
