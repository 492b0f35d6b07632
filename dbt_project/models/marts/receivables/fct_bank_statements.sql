-- depends_on: {{ source('ops', 'match_decision') }}
-- With the other marts, after the matching: what is published and judged is of one pass.
with statements as (
    select
        source_system, statement_id, account, currency, format, sequence_no, from_date, to_date, opening_balance,
        closing_balance, entries_sum, entries, transactions, notes, source_file, loaded_at,
        coalesce(to_date, from_date) as stated_on,
        case
            when {{ matches('sequence_no', '^[0-9]{1,18}(/.*)?$') }}
                then cast(split_part(sequence_no, '/', 1) as bigint)
        end as number
    from {{ ref('int_bank_statements__current') }}
),

-- Statements of one day and number are one place: the same one sent again, or in several messages.
placed as (
    select
        statements.*,
        dense_rank() over (
            partition by source_system, account, currency, format
            order by stated_on nulls first, number nulls first, sequence_no nulls first
        ) as place
    from statements
),

compared as (
    select
        own.source_system, own.statement_id,
        max(case when earlier.place < own.place then earlier.number end) as previous_number,
        max(case when earlier.place < own.place then earlier.closing_balance end) as previous_closing,
        max(case when earlier.closing_balance = own.opening_balance then 1 else 0 end) as meets
    from placed as own
    inner join placed as earlier
        on
            own.source_system = earlier.source_system
            and own.account = earlier.account
            and own.format = earlier.format
            and own.statement_id <> earlier.statement_id
            and coalesce(own.currency, '') = coalesce(earlier.currency, '')
            and earlier.place in (own.place - 1, own.place)
    group by own.source_system, own.statement_id
),

judged as (
    select
        placed.*,
        compared.previous_number,
        compared.previous_closing,
        case
            when placed.place = 1 then 'first'
            when compared.meets = 1 then 'follows'
            when placed.number > compared.previous_number + 1 then 'numbers missing'
            when placed.opening_balance <> compared.previous_closing then 'balance differs'
            when placed.number = compared.previous_number + 1 then 'follows'
            else 'not known'
        end as continuity
    from placed
    left join compared
        on placed.source_system = compared.source_system and placed.statement_id = compared.statement_id
)

select
    source_system || ':' || statement_id as statement_key,
    source_system,
    statement_id,
    {{ masked_account('account') }} as account_ending,
    currency,
    format,
    sequence_no,
    from_date,
    to_date,
    opening_balance,
    closing_balance,
    entries_sum,
    entries,
    transactions,
    continuity,
    case when continuity = 'numbers missing' then previous_number + 1 end as missing_from_no,
    case when continuity = 'numbers missing' then number - 1 end as missing_to_no,
    {{ money("case when continuity in ('numbers missing', 'balance differs') then opening_balance - previous_closing end") }}
        as balance_break,
    notes,
    source_file,
    loaded_at
from judged
