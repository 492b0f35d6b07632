{{ stage_raw('files', 'parties__personal') }}
