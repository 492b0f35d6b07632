"""Decides which rows of a batch are good, types them, and says of each other row what is wrong with it.

Belongs here: what can be judged from one row and its entity's declaration. Not here: duplicates, references to other
rows, anything that needs the warehouse. Card numbers are removed before (``kit.redact``); a reason never shows one.
"""

from connectors.kit.validation.rows import Validated, is_money, key_columns, key_text, validate

__all__ = ["Validated", "is_money", "key_columns", "key_text", "validate"]
