{{ current_version(ref('int_bank_statements__unioned'), 'bank_statements') }}
