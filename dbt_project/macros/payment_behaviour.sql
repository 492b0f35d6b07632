{#-
  How each customer pays, from the ledger, in base currency: a row per day asked, legal entity, source and customer.

  Plain Jinja, with `measures_of_parties`, `balances`, `payment_change`, `quotient` and `deviation`: `otc behaviour` renders these files.
    ledger, inputs, parties   relations: fct_ar_ledger, fct_measure_inputs, dim_party
    as_of        list of ISO days T
    days         N: payments of the N days to T are judged, and compared with those of the 3 N days before them
    alarm_rate   of the change flag: see `payment_change`
    known_at, loaded_at       ISO timestamps or none: what was recorded, or loaded, by then
  Judged is an instalment on a day on which it was paid; what was given back by T is no payment. A day on which a customer
  paid is one observation of the change, however many instalments and receipts it has: they are no independent ones.
-#}
{% macro payment_behaviour(
    ledger, inputs, parties, as_of, days, alarm_rate, known_at=none, loaded_at=none
) -%}
{%- set asked = [] -%}
{%- for day in as_of -%}{%- set _ = asked.append(('party', day)) -%}{%- endfor -%}
{%- set names = ['as_of', 'legal_entity', 'base_currency', 'source_system', 'party_id'] -%}
{%- set keys = names | join(', ') -%}
{%- set unknown = 'a base amount is unknown, for want of a rate' -%}
with {{ measures_of_parties(ledger, inputs, parties, asked, 36600, known_at, loaded_at, 'country') }},
{{ balances_of_items(as_of, "item_type = 'installment'") }},
settled as (
    select
        {{ keys }}, item_id, installment_no, receipt_id, effective_date as paid_on, days_late, days_to_pay, base_amount, unknown,
        case
            when effective_date > as_of - {{ days }} then 'recent'
            when effective_date > as_of - {{ 4 * days }} then 'earlier'
            else 'before'
        end as period
    from standing
    where amount > 0
),
judged_payments as (
    select
        {{ keys }}, period, paid_on, item_id, installment_no, days_late,
        sum(base_amount) as paid,
        sum(base_amount * days_to_pay) as paid_days,
        max(unknown) as unknown
    from settled
    where period <> 'before'
    group by {{ keys }}, period, paid_on, item_id, installment_no, days_late
),
ordered_payments as (
    select
        {{ keys }}, days_late,
        row_number() over (partition by {{ keys }} order by days_late) as nth,
        count(*) over (partition by {{ keys }}) as of_all
    from judged_payments
    where period = 'recent'
),
quantiles as (
    select
        {{ keys }},
        sum(case when 2 * nth between of_all and of_all + 2 then days_late else 0 end)
        * case when max(of_all) % 2 = 1 then 1.0 else 0.5 end as median,
        min(case when 10 * nth >= 9 * of_all then days_late end) as ninth_decile
    from ordered_payments
    group by {{ keys }}
),
summed as (
    select
        {{ keys }},
        count(distinct case when period = 'recent' then paid_on end) as payments,
        sum(case when period = 'recent' then 1 else 0 end) as instalments,
        sum(case when period = 'recent' then days_late else 0 end) as plain_days,
        sum(case when period = 'recent' then days_late * days_late else 0 end) as squared_days,
        max(unknown) as unknown
        {%- for name, of in (
            ('paid', 'paid'), ('late_days', 'paid * days_late'), ('paid_days', 'paid_days'),
            ('paid_late', 'case when days_late > 0 then paid else 0 end'),
            ('late_days_of_late', 'case when days_late > 0 then paid * days_late else 0 end'),
            ('paid_early', 'case when days_late < 0 then paid else 0 end'),
        ) %},
        case
            when max(case when period = 'recent' then unknown else 0 end) = 0
                then sum(case when period = 'recent' then {{ of }} else 0 end)
        end as {{ name }}
        {%- endfor %}
        {%- for name, of in (('earlier_paid', 'paid'), ('earlier_late_days', 'paid * days_late')) %},
        case
            when max(case when period = 'earlier' then unknown else 0 end) = 0
                then sum(case when period = 'earlier' then {{ of }} else 0 end)
        end as {{ name }}
        {%- endfor %}
    from judged_payments
    group by {{ keys }}
),
last_payments as (
    select {{ keys }}, max(paid_on) as last_paid_on
    from settled
    group by {{ keys }}
),
by_method as (
    select
        {% for name in names %}settled.{{ name }}, {% endfor %}
        inputs.kind as method,
        sum(settled.base_amount) as paid,
        row_number() over (
            partition by {% for name in names %}settled.{{ name }}{{ ', ' if not loop.last }}{% endfor %}
            order by sum(settled.base_amount) desc, inputs.kind
        ) as nth
    from settled
    inner join inputs
        on
            settled.source_system = inputs.source_system
            and settled.receipt_id = inputs.receipt_id
            and inputs.entity = 'receipts'
            and inputs.kind is not null
    where settled.period = 'recent'
    group by {% for name in names %}settled.{{ name }}, {% endfor %}inputs.kind
),
paid_by_day as (
    select
        {{ keys }}, period, paid_on,
        sum(paid) as paid,
        sum(paid * days_late) as late_days
    from judged_payments
    group by {{ keys }}, period, paid_on
),
observed as (
    select {{ keys }}, period, {{ quotient('late_days', 'paid') }} as value
    from paid_by_day
    where paid > 0
),
{{ payment_change('observed', keys, alarm_rate) }},
overdue as (
    select
        {{ keys }},
        sum(case when due_on < as_of then base_amount else 0 end) as amount,
        sum(case when due_on < as_of and without_base <> 0 then 1 else 0 end) as unknown,
        max(case when due_on < as_of then as_of - due_on end) as oldest_days
    from closing
    where amount > 0
    group by {{ keys }}
),
present as (
    select {{ keys }} from summed
    union
    select {{ keys }} from overdue
),
gathered as (
    select
        {% for name in names %}present.{{ name }}, {% endfor %}
        coalesce(summed.payments, 0) as payments,
        coalesce(summed.instalments, 0) as instalments,
        coalesce(summed.unknown, 0) as unknown,
        case when summed.unknown is null then 0 else summed.paid end as paid,
        {%- for name in ('plain_days', 'squared_days', 'late_days', 'paid_days', 'paid_late', 'late_days_of_late', 'paid_early',
            'earlier_paid', 'earlier_late_days') %}
        summed.{{ name }},
        {%- endfor %}
        quantiles.median,
        quantiles.ninth_decile,
        last_payments.last_paid_on,
        by_method.method,
        by_method.paid as paid_by_method,
        case when coalesce(overdue.unknown, 0) = 0 then coalesce(overdue.amount, 0) end as overdue,
        overdue.oldest_days,
        coalesce(changed.recent, 0) as recent,
        coalesce(changed.earlier, 0) as earlier,
        changed.later_pct,
        changed.statistic,
        coalesce(changed.change, 'too few') as change
    from present
    {%- for other, more in (
        ('summed', ''), ('quantiles', ''), ('last_payments', ''), ('by_method', ' and by_method.nth = 1'), ('overdue', ''),
        ('changed', '')
    ) %}
    left join {{ other }}
        on
            {%- for name in names %}
            {{ 'and ' if not loop.first }}present.{{ name }} = {{ other }}.{{ name }}
            {%- endfor %}
            {{ more }}
    {%- endfor %}
)
select
    as_of,
    legal_entity,
    source_system,
    nullif(party_id, '') as party_id,
    base_currency,
    cast({{ days }} as bigint) as days,
    cast(payments as bigint) as payments,
    cast(instalments as bigint) as instalments,
    cast(paid as decimal(38, 4)) as paid,
    cast(coalesce(late_days, paid) as decimal(38, 4)) as late_days,
    cast({{ quotient('late_days', 'paid') }} as decimal(38, 4)) as days_late,
    cast({{ quotient('plain_days', 'instalments') }} as decimal(38, 4)) as days_late_plain,
    {{ deviation('instalments', 'plain_days', 'squared_days') }} as days_late_deviation,
    cast(median as decimal(38, 1)) as days_late_median,
    cast(ninth_decile as bigint) as days_late_p90,
    cast({{ quotient('paid_days', 'paid') }} as decimal(38, 4)) as days_to_pay,
    cast(coalesce(paid_late, paid) as decimal(38, 4)) as paid_late,
    cast({{ quotient('paid_late * 100', 'paid') }} as decimal(38, 4)) as late_pct,
    cast({{ quotient('late_days_of_late', 'paid_late') }} as decimal(38, 4)) as days_late_of_late,
    cast(coalesce(paid_early, paid) as decimal(38, 4)) as paid_early,
    cast({{ quotient('paid_early * 100', 'paid') }} as decimal(38, 4)) as early_pct,
    case when paid > 0 then method end as preferred_method,
    cast({{ quotient('paid_by_method * 100', 'paid') }} as decimal(38, 4)) as preferred_method_pct,
    last_paid_on,
    cast(overdue as decimal(38, 4)) as overdue,
    cast(oldest_days as bigint) as oldest_overdue_days,
    cast({{ 3 * days }} as bigint) as earlier_days,
    cast({{ quotient('earlier_late_days', 'earlier_paid') }} as decimal(38, 4)) as earlier_days_late,
    case when unknown = 0 then change end as change,
    cast('Mann-Whitney rank sum, two-sided, ties corrected; days of payment, recent {{ days }} against the {{ 3 * days }} before' as text)
        as change_test,
    cast({{ alarm_rate }} as decimal(5, 4)) as change_alarm_rate,
    cast(recent as bigint) as change_recent,
    cast(earlier as bigint) as change_earlier,
    cast(case when unknown = 0 then statistic end as decimal(38, 4)) as change_statistic,
    cast(case when unknown = 0 then later_pct end as decimal(38, 4)) as change_later_pct,
    nullif(concat_ws('; ',
        case when paid is null then 'paid: {{ unknown }}' end,
        case when payments = 0 then 'days_late: nothing was paid in the window' end,
        case when unknown > 0 then 'change: {{ unknown }}' end,
        case when overdue is null then 'overdue: {{ unknown }}' end
    ), '') as notes
from gathered
order by as_of, legal_entity, source_system, party_id nulls first, base_currency
{%- endmacro %}
