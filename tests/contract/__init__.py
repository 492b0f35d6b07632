"""The one suite that every connector passes. A connector hooks up with a module in ``cases`` that defines ``CASE``."""
