"""How counts and sums of a source are put together: which columns are added, by what rows are told apart.

Belongs here: what every connector that states totals, and who compares them, must do alike. Not here: asking.

A group is a legal entity and a currency, where the entity has columns for them; where rows name no currency the sum is
a control total: it proves that nothing is missing and is no amount of money.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

import pyarrow as pa

from connectors.kit.contract import Entity, Field, FieldType, Group
from connectors.kit.validation import is_money
from connectors.kit.validation.columns import check_column

_CURRENCIES = ("currency", "currency_iso_code")


def money_columns(entity: Entity) -> tuple[Field, ...]:
    """Return the columns that are added up: amounts in the row's own currency that land with the row."""
    return tuple(f for f in entity.fields if is_money(entity, f) and not f.personal)


def group_columns(entity: Entity) -> tuple[Field | None, Field | None]:
    """Return the columns that tell rows apart: legal entity, currency; None where the entity has none."""
    by_name = {f.name: f for f in entity.fields}
    currency = next((by_name[n] for n in _CURRENCIES if n in by_name), None)
    return by_name.get("legal_entity"), currency


@lru_cache(maxsize=1024)
def as_landed(column: Field, value: Any) -> Any:
    """Return a source's value as the warehouse has it: typed, blanks as null."""
    return check_column(column, pa.array([None if value is None else str(value)], pa.string())).values[0].as_py()


@dataclass
class Adding:
    """Adds rows, or parts that the source has added, to groups. ``columns``: of the amounts, those that are exact."""

    entity: Entity
    columns: Iterable[str]
    _groups: dict[tuple[str | None, str | None], tuple[int, dict[str, Decimal]]] = field(default_factory=dict)

    def add(self, rows: int, amounts: Mapping[str, Any], legal_entity: Any = None, currency: Any = None) -> None:
        """Add so many rows of a group, and what they come to; an amount that is not stated is 0."""
        by_entity, by_currency = group_columns(self.entity)
        group = (
            as_landed(by_entity, legal_entity) if by_entity else None,
            as_landed(by_currency, currency) if by_currency else None,
        )
        count, sums = self._groups.get(group, (0, dict.fromkeys(self.columns, Decimal(0))))
        for name in sums:
            sums[name] += _decimal(self.entity.column(name), amounts.get(name))
        self._groups[group] = (count + rows, sums)

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups so far."""
        return tuple(Group(count, sums, *group) for group, (count, sums) in self._groups.items())


def stripped_key(key: str) -> str:
    """Return a key without blanks around its parts: as it lands, and as columns of fixed width do not show it."""
    return "|".join(part.strip() for part in key.split("|"))


def alive(deleted: Any) -> bool:
    """Say whether a row with that value of ``deleted`` is one that lives."""
    return not as_landed(Field("deleted", FieldType.BOOLEAN), deleted)


def _decimal(column: Field, value: Any) -> Decimal:
    if value is None:
        return Decimal(0)
    if isinstance(value, str):
        try:
            return Decimal(value.strip() or 0)
        except InvalidOperation:  # such a row is in quarantine, and not asked for
            return Decimal(0)
    if isinstance(value, float):
        raise TypeError(f"{column.name} was added as a float; a source that cannot add exactly states no sum")
    return Decimal(value)
