{{ stage_raw('files', 'adjustments') }}
