{{ stage_raw('files', 'installments') }}
