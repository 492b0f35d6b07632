{{ current_version(ref('int_adjustments__unioned'), 'adjustments') }}
