{{ stage_raw('files', 'gl_balances') }}
