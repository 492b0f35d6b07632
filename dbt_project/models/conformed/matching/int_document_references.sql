with spelled as (
    select source_system, document_id, {{ normalised_reference('document_id') }} as token
    from {{ ref('int_documents__current') }}
    where document_type not in ('credit_memo', 'pro_forma')
    union
    select source_system, document_id, {{ normalised_reference('reference') }} as token
    from {{ ref('int_documents__current') }}
    where document_type not in ('credit_memo', 'pro_forma')
),

counted as (
    select
        source_system,
        document_id,
        token,
        count(*) over (partition by token) as documents
    from spelled
    where token is not null
)

select
    source_system,
    document_id,
    token
from counted
where documents <= {{ var('reference_names_at_most', 20) }}
