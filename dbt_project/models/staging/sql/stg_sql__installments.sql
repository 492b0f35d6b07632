{{ stage_raw('sql', 'installments') }}
