{{ stage_raw('files', 'goals') }}
