{#- The days on which fct_measures has customers: today and the last three month-ends. -#}
{%- set as_of = [] -%}
{%- for asked in measure_days() if asked[0] == 'party' -%}{%- do as_of.append(asked[1]) -%}{%- endfor -%}
select
    cast(as_of as text) || '|' || legal_entity || '|' || source_system || '|' || coalesce(party_id, '') || '|'
    || base_currency as behaviour_key,
    behaviour.*
from (
    {{ payment_behaviour(
        ledger=ref('fct_ar_ledger'),
        inputs=ref('fct_measure_inputs'),
        parties=ref('dim_party'),
        as_of=as_of,
        days=var('behaviour_days'),
        alarm_rate=var('alarm_rate')
    ) }}
) as behaviour
