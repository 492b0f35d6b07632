{{ stage_raw('files', 'receipts') }}
