{{ stage_raw('sql', 'promises') }}
