{#- The receivables entities, as any ERP gives them: the file drop's names and types. -#}
{% macro receivables_vocabulary() -%}
    {{ return({
        'parties': [
            ('party_id', 'text'), ('parent_party_id', 'text'), ('duns', 'text'), ('country', 'text'),
            ('currency', 'text'), ('payment_terms', 'text'), ('credit_limit', 'decimal(18,4)'),
            ('customer_since', 'date'), ('legal_entity', 'text'), ('person', 'text')
        ],
        'parties__personal': [
            ('person', 'text'), ('name', 'text'), ('tax_id', 'text'), ('email', 'text'),
            ('phone', 'text'), ('street', 'text'), ('city', 'text'), ('postal_code', 'text')
        ],
        'party_bank_accounts': [
            ('party_id', 'text'), ('iban_or_account', 'text'), ('bic_or_routing', 'text')
        ],
        'orders': [
            ('order_id', 'text'), ('party_id', 'text'), ('legal_entity', 'text'), ('order_date', 'date'),
            ('currency', 'text'), ('amount', 'decimal(18,4)'), ('status', 'text'),
            ('delivered_amount', 'decimal(18,4)'), ('billed_amount', 'decimal(18,4)')
        ],
        'documents': [
            ('document_id', 'text'), ('document_type', 'text'), ('party_id', 'text'),
            ('legal_entity', 'text'), ('document_date', 'date'), ('currency', 'text'),
            ('amount', 'decimal(18,4)'), ('posting_date', 'date'), ('due_date', 'date'),
            ('status', 'text'), ('voided_on', 'date'), ('base_amount', 'decimal(18,4)'),
            ('tax_amount', 'decimal(18,4)'), ('reference', 'text'), ('order_id', 'text'),
            ('gl_account', 'text'), ('fx_rate', 'decimal(28,10)'), ('payment_terms', 'text')
        ],
        'installments': [
            ('document_id', 'text'), ('installment_no', 'bigint'), ('due_date', 'date'),
            ('amount', 'decimal(18,4)')
        ],
        'receipts': [
            ('receipt_id', 'text'), ('legal_entity', 'text'), ('receipt_date', 'date'),
            ('currency', 'text'), ('amount', 'decimal(18,4)'), ('party_id', 'text'),
            ('posting_date', 'date'), ('fx_rate', 'decimal(28,10)'), ('method', 'text'),
            ('reference', 'text'), ('bank_line_ref', 'text'), ('gl_account', 'text')
        ],
        'receipt_events': [
            ('receipt_id', 'text'), ('event_type', 'text'), ('event_date', 'date'),
            ('amount', 'decimal(18,4)')
        ],
        'allocations': [
            ('allocation_id', 'text'), ('source_type', 'text'), ('source_id', 'text'),
            ('document_id', 'text'), ('amount', 'decimal(18,4)'), ('source_amount', 'decimal(18,4)'),
            ('installment_no', 'bigint'), ('allocation_date', 'date'), ('effective_date', 'date'),
            ('reverses_id', 'text'), ('base_amount', 'decimal(18,4)')
        ],
        'adjustments': [
            ('adjustment_id', 'text'), ('document_id', 'text'), ('adjustment_type', 'text'),
            ('amount', 'decimal(18,4)'), ('effective_date', 'date'), ('installment_no', 'bigint'),
            ('reason_code', 'text'), ('reverses_id', 'text')
        ],
        'gl_balances': [
            ('legal_entity', 'text'), ('gl_account', 'text'), ('currency', 'text'), ('date', 'date'),
            ('balance', 'decimal(18,4)'), ('base_balance', 'decimal(18,4)')
        ],
        'fx_rates': [
            ('from_currency', 'text'), ('to_currency', 'text'), ('date', 'date'),
            ('rate', 'decimal(28,10)'), ('rate_type', 'text')
        ],
        'disputes': [
            ('dispute_id', 'text'), ('document_id', 'text'), ('opened_on', 'date'),
            ('amount', 'decimal(18,4)'), ('reason', 'text'), ('closed_on', 'date')
        ],
        'promises': [
            ('promise_id', 'text'), ('document_id', 'text'), ('promised_on', 'date'), ('due_on', 'date'),
            ('amount', 'decimal(18,4)'), ('withdrawn', 'boolean')
        ],
        'payment_plans': [
            ('plan_id', 'text'), ('document_id', 'text'), ('due_on', 'date'), ('amount', 'decimal(18,4)')
        ],
        'credit_profiles': [
            ('party_id', 'text'), ('legal_entity', 'text'), ('limit', 'decimal(18,4)'),
            ('currency', 'text'), ('risk_class', 'text'), ('score', 'decimal(18,4)'),
            ('valid_from', 'date')
        ],
        'contacts': [
            ('party_id', 'text'), ('role', 'text'), ('language', 'text'), ('person', 'text')
        ],
        'contacts__personal': [
            ('person', 'text'), ('email', 'text'), ('name', 'text')
        ],
        'goals': [
            ('legal_entity', 'text'), ('measure', 'text'), ('period', 'text'), ('target', 'decimal(18,4)')
        ],
    }) }}
{%- endmacro %}
