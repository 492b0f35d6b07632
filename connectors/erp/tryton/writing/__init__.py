"""What each object that is written to Tryton is there: receipts, credit limits, notes. The loop is ``writer``."""
