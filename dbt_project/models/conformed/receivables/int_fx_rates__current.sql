{{ current_version(ref('int_fx_rates__unioned'), 'fx_rates') }}
