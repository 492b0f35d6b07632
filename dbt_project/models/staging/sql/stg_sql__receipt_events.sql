{{ stage_raw('sql', 'receipt_events') }}
