{{ current_version(ref('int_documents__unioned'), 'documents') }}
