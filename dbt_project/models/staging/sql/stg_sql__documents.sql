{{ stage_raw('sql', 'documents') }}
