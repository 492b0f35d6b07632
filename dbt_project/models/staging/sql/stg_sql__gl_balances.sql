{{ stage_raw('sql', 'gl_balances') }}
