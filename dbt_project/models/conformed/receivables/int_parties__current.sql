with parties as (
    {{ current_version(ref('int_parties__unioned'), 'parties') }}
)

select
    parties.*,
    parties.source_system || ':' || parties.party_id as party_key,
    personal.name,
    personal.tax_id,
    personal.email,
    personal.phone,
    personal.street,
    personal.city,
    personal.postal_code
from parties
left join {{ ref('int_parties__personal') }} as personal
    on parties.source_system = personal.source_system and parties.person = personal.person
