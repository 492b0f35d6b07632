{{ stage_raw('sql', 'orders') }}
