with today_measured as (
    select * from {{ ref('fct_measures') }}
    where as_of = {{ today() }}
),

today_paid as (
    select * from {{ ref('fct_payment_behaviour') }}
    where as_of = {{ today() }}
)

select
    legal_entity || '|' || base_currency || '|' || measure || '|' || industry || '|' || coalesce(region, '') || '|'
    || cast(year as text) || '|' || source as comparison_key,
    compared.*
from (
    {{ reference_comparison(
        measured='today_measured',
        behaviour='today_paid',
        references=ref('dim_reference_values'),
        industries=var('industries')
    ) }}
) as compared
