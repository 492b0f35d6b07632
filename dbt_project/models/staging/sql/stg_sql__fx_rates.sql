{{ stage_raw('sql', 'fx_rates') }}
