{{ current_version(ref('int_receipt_events__unioned'), 'receipt_events') }}
