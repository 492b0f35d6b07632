{#- A view: names live in the personal tables and nowhere else, so that erasing a person is one place. -#}
{{ config(materialized='view') }}

with recursive stated as (
    select
        source_system, party_id, party_key, name, parent_party_id, duns, country, currency, payment_terms, credit_limit,
        customer_since, legal_entity
    from {{ ref('int_parties__current') }}
),

-- Up the hierarchy from each customer, by parents that are customers themselves; the depth ends a circle.
climb as (
    select source_system, party_id, party_id as ancestor_id, parent_party_id as next_id, 0 as depth
    from stated
    union all
    select
        climb.source_system, climb.party_id, stated.party_id as ancestor_id, stated.parent_party_id as next_id,
        climb.depth + 1 as depth
    from climb
    inner join stated on climb.source_system = stated.source_system and climb.next_id = stated.party_id
    where climb.depth < 20 and stated.party_id <> climb.party_id
),

tops as (
    select source_system, party_id, ancestor_id as top_party_id
    from (
        select
            climb.*,
            row_number() over (partition by source_system, party_id order by depth desc) as nth
        from climb
    ) as ordered
    where nth = 1
),

mentioned as (
    select distinct source_system, party_id
    from {{ ref('fct_ar_ledger') }}
    where party_id is not null
)

select
    coalesce(stated.source_system, mentioned.source_system) as source_system,
    coalesce(stated.party_id, mentioned.party_id) as party_id,
    coalesce(stated.party_key, mentioned.source_system || ':' || mentioned.party_id) as party_key,
    coalesce(stated.name, stated.party_id, mentioned.party_id) as party_name,
    stated.parent_party_id,
    coalesce(tops.top_party_id, stated.party_id, mentioned.party_id) as top_party_id,
    stated.duns,
    stated.country,
    stated.currency,
    stated.payment_terms,
    stated.credit_limit,
    stated.customer_since,
    stated.legal_entity,
    stated.party_key is not null as is_stated
from stated
full outer join mentioned
    on stated.source_system = mentioned.source_system and stated.party_id = mentioned.party_id
left join tops
    on stated.source_system = tops.source_system and stated.party_id = tops.party_id
