with lines as (
    select
        bank_line_id,
        source_system,
        {{ normalised_account('structured_reference') }} as structured_reference,
        {{ split('referred_document', '[\\n\\r]+') }} as documents,
        {{ normalised_reference('end_to_end_id') }} as end_to_end_id,
        {{ split(upper_case('remittance_text'), '[^A-Z0-9]+') }} as pieces
    from {{ ref('int_bank_credit_lines') }}
),

places as (
    select bank_line_id, source_system, pieces, {{ positions('pieces') }} as place
    from lines
),

-- A document number may be written in one piece (INV7001), or in neighbouring ones (INV-7001, 2024/INV 7001).
runs as (
    select
        bank_line_id,
        source_system,
        pieces[place] as one,
        pieces[place] || pieces[place + 1] as two,
        pieces[place] || pieces[place + 1] || pieces[place + 2] as three
    from places
),

words as (
    select bank_line_id, source_system, one as word
    from runs
    union all
    select bank_line_id, source_system, two as word
    from runs
    union all
    select bank_line_id, source_system, three as word
    from runs
    union all
    select bank_line_id, source_system, end_to_end_id as word
    from lines
    where {{ is_reference('end_to_end_id') }}
),

listed as (
    select bank_line_id, source_system, documents, {{ positions('documents') }} as place
    from lines
),

found as (
    select bank_line_id, source_system, 'text_token' as kind, ltrim(word, '0') as token
    from words
    where length(word) between 4 and 40 and {{ matches('word', '[1-9]') }}
    union all
    select bank_line_id, source_system, 'document_reference' as kind, {{ normalised_reference('documents[place]') }} as token
    from listed
    union all
    select bank_line_id, source_system, 'structured_reference' as kind, ltrim(structured_reference, '0') as token
    from lines
    union all
    -- ISO 11649: RF, two check digits, then the creditor's own number
    select bank_line_id, source_system, 'structured_reference' as kind, ltrim(substr(structured_reference, 5), '0') as token
    from lines
    where substr(structured_reference, 1, 2) = 'RF' and length(structured_reference) > 4
    union all
    -- Swiss QR and ESR references: 26 digits and a check digit; others end in one too
    select
        bank_line_id, source_system, 'structured_reference' as kind,
        ltrim(substr(structured_reference, 1, length(structured_reference) - 1), '0') as token
    from lines
    where substr(structured_reference, 1, 2) <> 'RF' and length(structured_reference) > 4
)

select distinct
    bank_line_id,
    source_system,
    kind,
    token
from found
where token <> '' and (kind <> 'text_token' or length(token) >= 4)
