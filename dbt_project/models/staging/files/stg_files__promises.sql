{{ stage_raw('files', 'promises') }}
