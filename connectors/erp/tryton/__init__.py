"""Tryton, read and written through its JSON-RPC: receivables, sales, cash and the control account."""
