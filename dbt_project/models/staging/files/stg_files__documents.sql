{{ stage_raw('files', 'documents') }}
