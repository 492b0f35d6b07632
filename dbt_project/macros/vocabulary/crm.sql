{#- The entities of a CRM, whoever its vendor is. -#}
{% macro crm_vocabulary() -%}
    {{ return({
        'crm_accounts': [
            ('account_id', 'text'), ('customer_key', 'text'), ('account_number', 'text'),
            ('parent_account_id', 'text'), ('type', 'text'), ('industry', 'text'),
            ('billing_country', 'text'), ('currency', 'text'), ('owner_id', 'text'),
            ('created_at', 'timestamptz'), ('person', 'text')
        ],
        'crm_accounts__personal': [
            ('person', 'text'), ('name', 'text'), ('phone', 'text'), ('website', 'text'),
            ('billing_street', 'text'), ('billing_city', 'text'), ('billing_postal_code', 'text')
        ],
        'crm_contacts': [
            ('contact_id', 'text'), ('account_id', 'text'), ('title', 'text'),
            ('mailing_country', 'text'), ('created_at', 'timestamptz'), ('person', 'text')
        ],
        'crm_contacts__personal': [
            ('person', 'text'), ('first_name', 'text'), ('last_name', 'text'), ('email', 'text'),
            ('phone', 'text')
        ],
        'crm_opportunities': [
            ('opportunity_id', 'text'), ('account_id', 'text'), ('name', 'text'), ('stage', 'text'),
            ('amount', 'decimal(18,4)'), ('currency', 'text'), ('close_date', 'date'),
            ('probability', 'decimal(18,4)'), ('is_closed', 'boolean'), ('is_won', 'boolean'),
            ('owner_id', 'text'), ('created_at', 'timestamptz')
        ],
        'crm_orders': [
            ('crm_order_id', 'text'), ('order_key', 'text'), ('order_number', 'text'),
            ('account_id', 'text'), ('contract_id', 'text'), ('opportunity_id', 'text'),
            ('status', 'text'), ('status_code', 'text'), ('effective_date', 'date'), ('end_date', 'date'),
            ('total_amount', 'decimal(18,4)'), ('currency', 'text'), ('created_at', 'timestamptz')
        ],
        'crm_contracts': [
            ('contract_id', 'text'), ('contract_number', 'text'), ('account_id', 'text'),
            ('status', 'text'), ('start_date', 'date'), ('end_date', 'date'), ('term_months', 'bigint'),
            ('created_at', 'timestamptz')
        ],
        'crm_cases': [
            ('case_id', 'text'), ('case_number', 'text'), ('account_id', 'text'), ('contact_id', 'text'),
            ('type', 'text'), ('reason', 'text'), ('status', 'text'), ('priority', 'text'),
            ('origin', 'text'), ('is_closed', 'boolean'), ('closed_at', 'timestamptz'),
            ('created_at', 'timestamptz'), ('person', 'text')
        ],
        'crm_cases__personal': [
            ('person', 'text'), ('subject', 'text')
        ],
    }) }}
{%- endmacro %}
