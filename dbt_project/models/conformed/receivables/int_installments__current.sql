{{ current_version(ref('int_installments__unioned'), 'installments') }}
