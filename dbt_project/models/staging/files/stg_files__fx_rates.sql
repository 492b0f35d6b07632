{{ stage_raw('files', 'fx_rates') }}
