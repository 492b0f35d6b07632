{{ stage_raw('sql', 'parties__personal') }}
