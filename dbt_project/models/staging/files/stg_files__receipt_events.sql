{{ stage_raw('files', 'receipt_events') }}
