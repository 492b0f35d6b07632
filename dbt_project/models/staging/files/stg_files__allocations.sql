{{ stage_raw('files', 'allocations') }}
