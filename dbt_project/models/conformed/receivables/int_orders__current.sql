{{ current_version(ref('int_orders__unioned'), 'orders') }}
