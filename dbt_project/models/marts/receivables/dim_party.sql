{#- A view: names live in the personal tables and nowhere else, so that erasing a person is one place. -#}
{{ config(materialized='view') }}

with recursive stated as (
    select
        source_system, party_id, party_key, name, parent_party_id, duns, country, currency, payment_terms, credit_limit,
        customer_since, legal_entity
    from {{ ref('int_parties__current') }}
),

-- All that stand above each customer, by parents that are customers of the same source. Each is found once, so that
-- this ends however deep the hierarchy is, and where it goes round in a circle.
climb as (
    select children.source_system, children.party_id, parents.party_id as ancestor_id
    from stated as children
    inner join stated as parents
        on children.source_system = parents.source_system and children.parent_party_id = parents.party_id
    where children.party_id <> parents.party_id
    union
    select climb.source_system, climb.party_id, parents.party_id as ancestor_id
    from climb
    inner join stated as children
        on climb.source_system = children.source_system and climb.ancestor_id = children.party_id
    inner join stated as parents
        on children.source_system = parents.source_system and children.parent_party_id = parents.party_id
    where children.party_id <> parents.party_id
),

circles as (
    select distinct source_system, party_id
    from climb
    where party_id = ancestor_id
),

-- Below a circle nobody stands at the top: its first key does, for all that are in it or below it.
tops as (
    select
        climb.source_system,
        climb.party_id,
        min(climb.ancestor_id) as top_party_id
    from climb
    left join circles
        on climb.source_system = circles.source_system and climb.ancestor_id = circles.party_id
    left join climb as above
        on climb.source_system = above.source_system and climb.ancestor_id = above.party_id
    where circles.party_id is not null or above.party_id is null
    group by climb.source_system, climb.party_id
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
