{{ stage_raw('files', 'parties') }}
