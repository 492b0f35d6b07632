{{ stage_raw('sql', 'allocations') }}
