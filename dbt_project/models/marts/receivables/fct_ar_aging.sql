{#- A view, for the name in it (see dim_party). -#}
{{ config(materialized='view') }}

select
    amounts.as_of,
    amounts.legal_entity,
    amounts.party_id,
    coalesce(parties.party_name, amounts.party_id) as party_name,
    amounts.currency,
    {%- for name in aging_columns(var('aging_edges'), var('aging_by')).split(', ') %}
        amounts.{{ name }},
    {%- endfor %}
    amounts.total,
    amounts.base_total,
    amounts.revaluation,
    amounts.revalued_total,
    amounts.base_currency,
    amounts.source_system
from {{ ref('fct_ar_aging_amounts') }} as amounts
left join {{ ref('dim_party') }} as parties
    on amounts.source_system = parties.source_system and amounts.party_id = parties.party_id
