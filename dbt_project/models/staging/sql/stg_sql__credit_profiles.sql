{{ stage_raw('sql', 'credit_profiles') }}
