{{ stage_raw('files', 'credit_profiles') }}
