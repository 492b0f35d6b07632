{{ stage_raw('files', 'disputes') }}
