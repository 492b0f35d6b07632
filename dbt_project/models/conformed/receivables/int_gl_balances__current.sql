{{ current_version(ref('int_gl_balances__unioned'), 'gl_balances') }}
