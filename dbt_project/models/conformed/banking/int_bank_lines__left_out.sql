select parts.source_system, parts.bank_line_id
from {{ ref('int_bank_batch_parts') }} as parts
inner join {{ ref('int_bank_batches') }} as batches
    on parts.source_system = batches.source_system and parts.whole_line_id = batches.whole_line_id
where batches.counted <> 'in payments'
union
select source_system, whole_line_id as bank_line_id
from {{ ref('int_bank_batches') }}
where counted = 'in payments'
