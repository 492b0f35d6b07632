"""Values on their way into Salesforce and back: exact numbers in JSON and CSV, amounts in their currency's decimals.

Belongs here: one value at a time. Not here: records, batches.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from connectors.crm.salesforce.bulk import CLEARS
from connectors.crm.salesforce.catalogue import Writable, WritableField
from connectors.kit.contract import FieldType
from connectors.kit.money import amount, rounded

_TRUTH = {True: True, False: False, "true": True, "false": False}


def checked(field: WritableField, value: Any) -> Any:
    """Return the value as its type wants it; ValueError names the field where it does not fit."""
    if value is None:
        return False if field.type is FieldType.BOOLEAN else None  # a checkbox cannot be empty
    try:
        if field.type is FieldType.BOOLEAN:
            return _TRUTH[value]
        if field.type is FieldType.DECIMAL:
            return amount(value)
        if field.type is FieldType.INTEGER:
            return int(str(value))
        if field.type is FieldType.DATE:
            return date.fromisoformat(str(value)[:10]).isoformat()
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{field.name} {value!r} is not a {field.type.value}") from None
    return str(value)


def as_json(value: Any, field: WritableField | None = None) -> str:
    """Write a value as JSON text. Decimals become JSON numbers without passing through a float."""
    fitting = value if field is None else checked(field, value)
    return format(fitting, "f") if isinstance(fitting, Decimal) else json.dumps(fitting)


def as_cell(field: WritableField, value: Any) -> str:
    """Write a value as a cell of an ingest CSV, where an empty cell would leave the field as it is."""
    fitting = checked(field, value)
    if fitting is None or fitting == "":
        return CLEARS
    if isinstance(fitting, bool):
        return "true" if fitting else "false"
    return format(fitting, "f") if isinstance(fitting, Decimal) else str(fitting)


def as_read(record: Mapping[str, Any], field: WritableField, target: Writable) -> str | int | bool | None:
    """Return a field of a record as an intent would state it."""
    value = record.get(field.vendor)
    if value is None or isinstance(value, bool):
        return value
    if field.type is FieldType.INTEGER:
        return int(value)
    if field.type is not FieldType.DECIMAL:
        return str(value)
    try:
        return format(rounded(amount(value), str(record.get(target.currency) or "")), "f")
    except ValueError:
        return format(amount(value), "f")
