{{ stage_raw('sql', 'payment_plans') }}
