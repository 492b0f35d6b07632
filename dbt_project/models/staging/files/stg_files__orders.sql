{{ stage_raw('files', 'orders') }}
