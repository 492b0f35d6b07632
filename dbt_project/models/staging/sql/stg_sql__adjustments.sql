{{ stage_raw('sql', 'adjustments') }}
