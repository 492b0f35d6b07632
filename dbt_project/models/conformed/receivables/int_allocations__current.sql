{{ current_version(ref('int_allocations__unioned'), 'allocations') }}
