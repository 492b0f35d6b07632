{{ stage_raw('files', 'payment_plans') }}
