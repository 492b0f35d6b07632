{{ stage_raw('sql', 'goals') }}
