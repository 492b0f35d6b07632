{{ current_version(ref('int_receipts__unioned'), 'receipts') }}
