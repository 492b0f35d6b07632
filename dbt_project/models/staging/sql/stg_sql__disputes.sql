{{ stage_raw('sql', 'disputes') }}
