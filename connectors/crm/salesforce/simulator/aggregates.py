"""Adds up what a query found, as the vendor does, currencies included.

Belongs here: COUNT and SUM by group. Not here: parsing, finding records.

In an organisation with several currencies an aggregate of a currency field is in the organisation's own currency, at
its own rates: whoever takes such a sum for money of the records' currency is wrong, here as there.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from connectors.crm.salesforce.simulator.schema import NUMBERS
from connectors.crm.salesforce.simulator.soql import Aggregate, Query, Record, SoqlError

#: Units of a currency for one of the organisation's own; a currency that is not here is worth 1.
RATES = {"EUR": Decimal("0.8"), "GBP": Decimal("0.5"), "JPY": Decimal(125), "CHF": Decimal("0.64")}


def aggregated(query: Query, records: Iterable[Record], *, multi_currency: bool) -> list[Record]:
    """Return a row for each group; without GROUP BY one row, whatever was found."""
    groups: dict[tuple[Any, ...], list[Record]] = {} if query.grouped else {(): []}
    for record in records:
        groups.setdefault(tuple(record.get(f) for f in query.grouped), []).append(record)
    return [
        {"attributes": {"type": "AggregateResult"}}
        | {f: found[0].get(f) for f in query.fields}
        | {a.name: _value(a, found, multi_currency) for a in query.aggregates}
        for found in groups.values()
    ]


def _value(asked: Aggregate, records: list[Record], multi_currency: bool) -> Any:
    field = asked.field
    stated = [r for r in records if r.get(field.name) is not None]
    if asked.function == "COUNT":
        return len(stated)
    if not field.aggregatable or (field.type not in NUMBERS and field.type != "int"):
        raise SoqlError("MALFORMED_QUERY", f"field {field.name} does not support aggregate operator SUM")
    convert = multi_currency and field.type == "currency"
    parts = [
        Decimal(str(r[field.name])) / (RATES.get(str(r.get("CurrencyIsoCode")), 1) if convert else 1) for r in stated
    ]
    return float(sum(parts)) if parts else None
