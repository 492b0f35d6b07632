select
    grouped_by || '|' || cast(as_of as text) || '|' || legal_entity || '|' || coalesce(segment, '') || '|'
    || coalesce(source_system, '') || '|' || coalesce(party_id, '') || '|' || base_currency as measure_key,
    measured.*
from (
    {{ measures(
        ledger=ref('fct_ar_ledger'),
        inputs=ref('fct_measure_inputs'),
        parties=ref('dim_party'),
        asked=measure_days(),
        days=var('measures_days'),
        segment=var('measures_segment')
    ) }}
) as measured
