"""Enterprise resource planning systems: what is owed, billed and posted."""
