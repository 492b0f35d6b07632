{{ stage_raw('sql', 'receipts') }}
