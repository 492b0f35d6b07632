select
    lines.*,
    {{ money("case when batches.counted = 'differs' then batches.difference end") }} as batch_difference
from {{ ref('int_bank_lines__current') }} as lines
left join {{ ref('int_bank_lines__left_out') }} as left_out
    on lines.source_system = left_out.source_system and lines.bank_line_id = left_out.bank_line_id
left join {{ ref('int_bank_batches') }} as batches
    on lines.source_system = batches.source_system and lines.bank_line_id = batches.whole_line_id
where left_out.bank_line_id is null
