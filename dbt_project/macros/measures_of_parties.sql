{#-
  What the measures are made of, party by party, from the ledger: the common table expressions that `measures` begins with.

  Gives `moves` (what was posted), `by_day` (what happened on a day), `standing` (payments), `judged` (promises) and `youth`
  (first sale of each party). Belongs here: which movement is a sale, cash, a write-off, a payment. Not here: what is open on
  a day (`balances`), groups, any ratio.
-#}
{% macro measures_of_parties(ledger, inputs, parties, asked, days, known_at, loaded_at, segment) -%}
{%- set party = 'legal_entity, base_currency, segment, source_system, party_id' -%}
{%- set known = [] -%}
{%- if known_at is not none -%}{%- set _ = known.append("and recorded_at <= cast('" ~ known_at ~ "' as timestamptz)") -%}{%- endif -%}
{%- if loaded_at is not none -%}{%- set _ = known.append("and loaded_at <= cast('" ~ loaded_at ~ "' as timestamptz)") -%}{%- endif -%}
asked as (
    {%- for what, day in asked %}
    select '{{ what }}' as grouped_by, cast('{{ day }}' as date) as as_of
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),
days_asked as (
    select
        as_of,
        as_of - {{ days }} as opening_on,
        as_of - cast(extract(day from as_of) as integer) + 1 as month_on
    from (select distinct as_of from asked) as distinct_days
),
last_day as (
    select max(as_of) as as_of from asked
),
moves as (
    select
        coalesce(ledger.legal_entity, '') as legal_entity,
        ledger.base_currency,
        {{ "coalesce(parties." ~ segment ~ ", 'not stated')" }} as segment,
        ledger.source_system,
        coalesce(ledger.party_id, '') as party_id,
        ledger.item_type,
        ledger.item_id,
        coalesce(ledger.installment_no, 0) as installment_no,
        ledger.document_type,
        ledger.document_date,
        coalesce(ledger.due_date, ledger.document_date) as due_on,
        ledger.currency,
        ledger.movement_type,
        ledger.cause_entity,
        ledger.cause_id,
        ledger.effective_date,
        ledger.amount,
        ledger.base_amount,
        ledger.without_base
    from (
        select
            legal_entity, base_currency, source_system, party_id, item_type, item_id, installment_no, document_type,
            document_date, due_date, currency, movement_type, cause_entity, cause_id, effective_date,
            sum(amount) as amount,
            coalesce(sum(base_amount), 0) as base_amount,
            sum(case when base_amount is null then amount else 0 end) as without_base
        from {{ ledger }}
        where
            posting_state = 'posted' and effective_date <= (select as_of from last_day)
            {%- for condition in known %}
            {{ condition }}
            {%- endfor %}
        group by
            legal_entity, base_currency, source_system, party_id, item_type, item_id, installment_no, document_type,
            document_date, due_date, currency, movement_type, cause_entity, cause_id, effective_date
        having sum(amount) <> 0 or sum(base_amount) <> 0
    ) as ledger
    left join {{ parties }} as parties
        on ledger.source_system = parties.source_system and ledger.party_id = parties.party_id
),
inputs as (
    select *
    from (
        select
            versions.*,
            row_number() over (partition by source_system, entity, row_key order by version_no desc) as nth
        from {{ inputs }} as versions
        where
            1 = 1
            {%- for condition in known %}
            {{ condition }}
            {%- endfor %}
    ) as ordered
    where nth = 1
),
-- Documents as they were posted, and the day from which a void one counts nothing.
posted as (
    select
        {{ party }}, item_id, document_type, currency, effective_date as posted_on,
        sum(amount) as amount,
        sum(base_amount) as base_amount,
        sum(without_base) as without_base
    from moves
    where movement_type = 'document'
    group by {{ party }}, item_id, document_type, currency, effective_date
),
documents as (
    select
        posted.*,
        case when inputs.kind = 'void' then inputs.voided_on end as void_on,
        case when inputs.amount > 0 and inputs.amount <= abs(posted.amount) then inputs.amount else 0 end as tax
    from posted
    left join inputs
        on
            posted.source_system = inputs.source_system
            and posted.item_id = inputs.document_id
            and inputs.entity = 'documents'
            and not inputs.deleted
),
sold as (
    select
        {{ party }}, posted_on, void_on, document_type,
        base_amount as billed,
        case
            when tax = 0 then base_amount
            when currency = base_currency then base_amount - case when amount < 0 then -tax else tax end
            else base_amount - {{ quotient('base_amount', 'abs(amount)', times='tax') }}
        end as sales,
        case when without_base <> 0 then 1 else 0 end as unknown
    from documents
),
youth as (
    select
        days_asked.as_of, sold.legal_entity, sold.base_currency, sold.source_system, sold.party_id,
        min(sold.posted_on) as first_sale_on
    from days_asked
    inner join (
        select distinct {{ party }}, posted_on, void_on
        from sold
        where document_type in ('invoice', 'debit_memo')
    ) as sold
        on sold.posted_on <= days_asked.as_of and (sold.void_on is null or sold.void_on > days_asked.as_of)
    group by days_asked.as_of, sold.legal_entity, sold.base_currency, sold.source_system, sold.party_id
),
-- Cash on instalments: allocations and undos that also move a receipt, and what events took back.
of_receipts as (
    select distinct source_system, cause_entity, cause_id, item_id as receipt_id
    from moves
    where item_type = 'receipt' and cause_entity = 'allocations'
    union
    select source_system, 'receipt_events' as cause_entity, row_key as cause_id, receipt_id
    from inputs
    where entity = 'receipt_events'
),
void_documents as (
    select source_system, document_id as item_id, max(voided_on) as void_on
    from inputs
    where entity = 'documents' and kind = 'void' and voided_on is not null and not deleted
    group by source_system, document_id
),
cash as (
    select
        moves.legal_entity, moves.base_currency, moves.segment, moves.source_system, moves.party_id, moves.item_id,
        moves.installment_no, of_receipts.receipt_id, moves.cause_id, moves.effective_date,
        moves.effective_date - moves.document_date as days_to_pay,
        moves.effective_date - moves.due_on as days_late,
        void_documents.void_on,
        -moves.amount as amount,
        -moves.base_amount as base_amount,
        case when moves.without_base <> 0 then 1 else 0 end as unknown
    from moves
    inner join of_receipts
        on
            moves.source_system = of_receipts.source_system
            and moves.cause_entity = of_receipts.cause_entity
            and moves.cause_id = of_receipts.cause_id
    left join void_documents
        on moves.source_system = void_documents.source_system and moves.item_id = void_documents.item_id
    where moves.item_type = 'installment'
),
-- What still stands of a payment at T: what was given back of a receipt on an instalment takes its newest payment first.
payments as (
    select
        cash.*,
        coalesce(sum(amount) over (
            partition by source_system, item_id, installment_no, receipt_id order by effective_date, cause_id
            rows between unbounded preceding and 1 preceding
        ), 0) as amount_before,
        coalesce(sum(base_amount) over (
            partition by source_system, item_id, installment_no, receipt_id order by effective_date, cause_id
            rows between unbounded preceding and 1 preceding
        ), 0) as base_before,
        case when promised_documents.document_id is not null then 1 else 0 end as is_promised
    from cash
    left join (
        select distinct source_system as of_source, document_id
        from inputs
        where entity = 'promises'
    ) as promised_documents
        on cash.source_system = promised_documents.of_source and cash.item_id = promised_documents.document_id
    where amount > 0
),
left_at as (
    select
        days_asked.as_of, cash.source_system, cash.item_id, cash.installment_no, cash.receipt_id,
        sum(cash.amount) as amount,
        sum(cash.base_amount) as base_amount
    from cash
    inner join (
        select distinct source_system, item_id, installment_no, receipt_id
        from cash
        where amount < 0
    ) as given_back
        on
            cash.source_system = given_back.source_system
            and cash.item_id = given_back.item_id
            and cash.installment_no = given_back.installment_no
            and cash.receipt_id = given_back.receipt_id
    inner join days_asked on cash.effective_date <= days_asked.as_of
    group by days_asked.as_of, cash.source_system, cash.item_id, cash.installment_no, cash.receipt_id
),
standing as (
    select
        days_asked.as_of, days_asked.opening_on, payments.legal_entity, payments.base_currency, payments.segment,
        payments.source_system, payments.party_id, payments.item_id, payments.installment_no, payments.receipt_id,
        payments.effective_date, payments.days_to_pay, payments.days_late, payments.unknown,
        case
            when left_at.amount is null then payments.amount
            else greatest(0, least(payments.amount, left_at.amount - payments.amount_before))
        end as amount,
        case
            when left_at.amount is null or left_at.amount - payments.amount_before >= payments.amount
                then payments.base_amount
            when left_at.amount - payments.amount_before <= 0 then 0
            else greatest(0, least(payments.base_amount, left_at.base_amount - payments.base_before))
        end as base_amount
    from days_asked
    inner join payments
        on
            payments.effective_date <= days_asked.as_of
            and (payments.effective_date > days_asked.opening_on or payments.is_promised = 1)
            and (payments.void_on is null or payments.void_on > days_asked.as_of)
    left join left_at
        on
            days_asked.as_of = left_at.as_of
            and payments.source_system = left_at.source_system
            and payments.item_id = left_at.item_id
            and payments.installment_no = left_at.installment_no
            and payments.receipt_id = left_at.receipt_id
),
-- Promises made on one day for one document are a plan: what was paid fills them in the order of their days.
promised as (
    select
        documents.legal_entity, documents.base_currency, documents.segment, documents.source_system,
        documents.party_id, documents.item_id, documents.void_on, promises.row_key, promises.promised_on, promises.due_on,
        promises.amount,
        coalesce(sum(promises.amount) over (
            partition by promises.source_system, promises.document_id, promises.promised_on
            order by promises.due_on, promises.row_key rows between unbounded preceding and 1 preceding
        ), 0) as amount_before,
        case
            when documents.currency = documents.base_currency then promises.amount
            else {{ quotient('documents.base_amount', 'documents.amount', times='promises.amount') }}
        end as base_amount,
        case when documents.without_base <> 0 then 1 else 0 end as unknown
    from inputs as promises
    inner join documents
        on promises.source_system = documents.source_system and promises.document_id = documents.item_id
    where
        promises.entity = 'promises' and promises.kind = 'promised' and not promises.deleted and promises.amount > 0
        and documents.document_type <> 'credit_memo'
),
judged as (
    select
        days_asked.as_of, promised.legal_entity, promised.base_currency, promised.segment, promised.source_system,
        promised.party_id, promised.row_key, promised.base_amount, promised.unknown,
        case
            when coalesce(sum(standing.amount), 0) - promised.amount_before >= promised.amount then 1 else 0
        end as kept
    from days_asked
    inner join promised
        on
            promised.due_on > days_asked.opening_on
            and promised.due_on <= days_asked.as_of
            and (promised.void_on is null or promised.void_on > days_asked.as_of)
    left join standing
        on
            days_asked.as_of = standing.as_of
            and promised.source_system = standing.source_system
            and promised.item_id = standing.item_id
            and standing.effective_date >= promised.promised_on
            and standing.effective_date <= promised.due_on
    group by
        days_asked.as_of, promised.legal_entity, promised.base_currency, promised.segment, promised.source_system,
        promised.party_id, promised.row_key, promised.base_amount, promised.unknown, promised.amount_before, promised.amount
),
-- What happened, by day; within a window, and but for what is void by its last day, it counts.
happened as (
    select {{ party }}, posted_on as on_day, void_on, 'sales' as name, sales as amount, unknown
    from sold
    where document_type in ('invoice', 'debit_memo', 'credit_memo')
    union all
    select {{ party }}, posted_on as on_day, void_on, 'billed' as name, billed as amount, unknown
    from sold
    where document_type <> 'credit_memo'
    union all
    select {{ party }}, effective_date as on_day, void_on, 'cash_applied' as name, base_amount as amount, unknown
    from cash
    union all
    select {{ party }}, effective_date as on_day, cast(null as date) as void_on, 'receipts' as name, -base_amount as amount,
        case when without_base <> 0 then 1 else 0 end as unknown
    from moves
    where movement_type = 'receipt'
    union all
    select
        moves.legal_entity, moves.base_currency, moves.segment, moves.source_system, moves.party_id,
        moves.effective_date as on_day, void_documents.void_on, 'write_offs' as name, -moves.base_amount as amount,
        case when moves.without_base <> 0 then 1 else 0 end as unknown
    from moves
    inner join inputs
        on
            moves.source_system = inputs.source_system
            and moves.cause_entity = inputs.entity
            and moves.cause_id = inputs.row_key
            and inputs.kind = 'write_off'
    left join void_documents
        on
            moves.item_type <> 'receipt'
            and moves.source_system = void_documents.source_system
            and moves.item_id = void_documents.item_id
    where moves.cause_entity = 'adjustments'
),
by_day as (
    select {{ party }}, on_day, void_on, name, sum(amount) as amount, sum(unknown) as unknown
    from happened
    group by {{ party }}, on_day, void_on, name
)
{%- endmacro %}
