{#- The bank's entities, the same whichever bank or format they came from. -#}
{% macro banking_vocabulary() -%}
    {{ return({
        'bank_statements': [
            ('statement_id', 'text'), ('account', 'text'), ('currency', 'text'), ('format', 'text'),
            ('sequence_no', 'text'), ('from_date', 'date'), ('to_date', 'date'),
            ('opening_balance', 'decimal(18,4)'), ('closing_balance', 'decimal(18,4)'),
            ('entries_sum', 'decimal(18,4)'), ('entries', 'bigint'), ('transactions', 'bigint'),
            ('notes', 'text')
        ],
        'bank_lines': [
            ('bank_line_id', 'text'), ('statement_id', 'text'), ('account', 'text'),
            ('entry_no', 'bigint'), ('transaction_no', 'bigint'), ('booking_date', 'date'),
            ('value_date', 'date'), ('amount', 'decimal(18,4)'), ('currency', 'text'), ('status', 'text'),
            ('is_reversal', 'boolean'), ('bank_reference', 'text'), ('entry_reference', 'text'),
            ('end_to_end_id', 'text'),
            ('uetr', 'text'), ('mandate_id', 'text'), ('transaction_code', 'text'),
            ('return_reason', 'text'), ('original_reference', 'text'), ('structured_reference', 'text'),
            ('referred_document', 'text'), ('charges', 'decimal(18,4)'),
            ('instructed_amount', 'decimal(18,4)'), ('instructed_currency', 'text'),
            ('counterparty_bank', 'text'), ('person', 'text')
        ],
        'bank_lines__personal': [
            ('person', 'text'), ('counterparty_name', 'text'), ('counterparty_account', 'text'),
            ('remittance_text', 'text')
        ],
    }) }}
{%- endmacro %}
