"""The domain's invariants, one file each or few together: a property over generated histories, and a mutant it catches.

``OTC_PROPERTY_EXAMPLES`` says how many histories each property sees (default 150; the deep run uses thousands).
"""
