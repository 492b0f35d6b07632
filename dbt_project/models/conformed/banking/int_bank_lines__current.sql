with lines as (
    {{ current_version(ref('int_bank_lines__unioned'), 'bank_lines') }}
)

select
    lines.*,
    owner.legal_entity,
    owner.gl_account,
    personal.counterparty_name,
    personal.counterparty_account,
    personal.remittance_text
from lines
left join {{ source('ops', 'bank_account') }} as owner
    on {{ normalised_account('lines.account') }} = {{ normalised_account('owner.account') }}
left join {{ ref('int_bank_lines__personal') }} as personal
    on lines.source_system = personal.source_system and lines.person = personal.person
