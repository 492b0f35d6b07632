{{ stage_raw('bank_files', 'bank_lines') }}
