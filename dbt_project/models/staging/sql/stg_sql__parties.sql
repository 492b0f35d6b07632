{{ stage_raw('sql', 'parties') }}
