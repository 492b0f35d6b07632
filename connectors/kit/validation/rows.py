"""Puts the columns' verdicts together: good rows typed, each other row a ``Reject`` with all its reasons.

Belongs here: rules over a row (required, tombstones, an amount and its currency). Not here: what a value looks like.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from connectors.kit.contract import ARROW_TYPES, DELETED, Batch, Entity, Field, FieldType, Reject
from connectors.kit.validation.columns import Checked, Fault, check_column, has_nul, too_long, too_precise
from connectors.kit.validation.extra import extra_json

#: A decimal column is money in the row's currency when it is named so; scores and counts are not.
_MONEY = re.compile(r"(?:^|_)(?:amount|balance|limit|charges|sum|total|price)$")
_OTHER_CURRENCY = re.compile(r"^(?:base|source)_")
_PLACES = ("_file", "_line")


@dataclass(frozen=True)
class Validated:
    """``good``: every declared column typed by ``ARROW_TYPES``, then ``_file``, ``_line``, ``_extra``.

    A declared column that the batch does not carry is null in ``good``; ``Batch.absent`` says which those are.
    """

    good: pa.Table
    rejects: list[Reject]


def validate(batch: Batch) -> Validated:
    """Judge every row of a batch by its entity's declaration; nothing is dropped, nothing is coerced silently."""
    entity, rows = batch.entity, _as_text(batch)
    given = {name: _flat(rows, name) for name in rows.column_names if name not in _PLACES}
    checked = {f.name: check_column(f, given[f.name]) for f in entity.fields if f.name in given}
    unknown = [name for name in given if name not in {f.name for f in entity.fields}]
    faults = _faults(entity, given, checked, rows.num_rows)
    faults += [(name, fault) for name in unknown for fault in (too_long(name, given[name]), has_nul(name, given[name]))]
    reasons = _reasons(faults, given)
    good = _good(entity, rows, checked, unknown)
    if not reasons:
        return Validated(good, [])
    bad = sorted(reasons)
    kept = pc.invert(pc.is_in(pa.array(range(rows.num_rows), pa.int64()), value_set=pa.array(bad, pa.int64())))
    return Validated(
        good.filter(kept), _rejects(entity, rows.take(pa.array(bad, pa.int64())), [reasons[i] for i in bad])
    )


def is_money(entity: Entity, field: Field) -> bool:
    """Say whether a column is an amount in the row's own currency: neither a score nor another currency's."""
    return (
        field.type is FieldType.DECIMAL
        and _MONEY.search(field.name) is not None
        and not _OTHER_CURRENCY.match(field.name)
        and f"{field.name.rpartition('_')[0]}_currency" not in {f.name for f in entity.fields}
    )


def key_text(rows: pa.Table, entity: Entity) -> pa.Array:
    """Return each row's key values joined by ``|``, as quarantine and the warehouse's ``_key`` show them."""
    parts = [
        pc.fill_null(_flat(rows, name).cast(pa.string()), "") if name in rows.column_names else _empty(rows.num_rows)
        for name in entity.key
    ]
    return pc.binary_join_element_wise(*parts, "|")


def key_columns(rows: pa.Table, entity: Entity) -> pa.Table:
    """Return the key columns as they read once typed (``01`` and ``1.0`` are 1), so that sweeps compare alike."""
    typed = {name: check_column(entity.column(name), _flat(rows, name)).values for name in entity.key}
    return pa.table({name: values.cast(pa.string()) for name, values in typed.items()})


def _empty(count: int) -> pa.Array:
    return pa.array([""] * count, pa.string())


def _flat(rows: pa.Table, name: str) -> pa.Array:
    column = rows.column(name).combine_chunks()
    return pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column


def _as_text(batch: Batch) -> pa.Table:
    """Return the rows with every column as plain text; a float is refused, it may have lost a cent already."""
    fields = []
    for column in batch.rows.schema:
        if pa.types.is_floating(column.type):
            raise TypeError(f"{batch.entity.name}.{column.name} is {column.type}; a batch has text columns only")
        fields.append(pa.field(column.name, pa.int64() if column.name == "_line" else pa.string()))
    return batch.rows.cast(pa.schema(fields))


def _faults(
    entity: Entity, given: dict[str, pa.Array], checked: dict[str, Checked], count: int
) -> list[tuple[str, Fault]]:
    alive = pa.array([True] * count, pa.bool_())
    if DELETED.name in checked:
        alive = pc.invert(pc.fill_null(checked[DELETED.name].values, False))
    found: list[tuple[str, Fault]] = []
    for field in entity.fields:
        if field.name not in given:
            if field.required:
                needed = pa.array([True] * count, pa.bool_()) if field.name in entity.key else alive
                found.append((field.name, _missing(needed, f"{field.name} is missing: there is no such column")))
            continue
        column, typed = given[field.name], checked[field.name]
        if field.required:
            blank = pc.fill_null(pc.equal(pc.binary_length(pc.utf8_trim_whitespace(column)), 0), True)
            needed = blank if field.name in entity.key else pc.and_(blank, alive)
            found.append((field.name, _missing(needed, f"{field.name} is missing")))
        found += [(field.name, fault) for fault in typed.faults]
        currency = _currency_of(entity, field)
        if currency in checked:
            found.append((field.name, too_precise(field, typed.values, checked[currency].values)))
        found.append((field.name, too_long(field.name, column)))
        if field.type is FieldType.TEXT and not field.choices:
            found.append((field.name, has_nul(field.name, column)))
    return found


def _missing(mask: pa.Array, reason: str) -> Fault:
    return Fault(mask, lambda _: reason)


def _currency_of(entity: Entity, field: Field) -> str:
    """Return the column that says which currency a money column is in, or nothing where the row does not say."""
    if field.type is not FieldType.DECIMAL or not _MONEY.search(field.name) or _OTHER_CURRENCY.match(field.name):
        return ""
    own = f"{field.name.rpartition('_')[0]}_currency"
    names = {f.name for f in entity.fields if f.type is FieldType.CURRENCY}
    return own if own in names else "currency" if "currency" in names else ""


def _reasons(faults: list[tuple[str, Fault]], given: dict[str, pa.Array]) -> dict[int, list[str]]:
    reasons: dict[int, list[str]] = defaultdict(list)
    for name, fault in faults:
        if not pc.any(fault.mask).as_py():
            continue
        at = pc.indices_nonzero(fault.mask)
        values = given[name].take(at).to_pylist() if name in given else [""] * len(at)
        for index, value in zip(at.to_pylist(), values, strict=True):
            reasons[index].append(fault.explain(value or ""))
    return reasons


def _good(entity: Entity, rows: pa.Table, checked: dict[str, Checked], unknown: list[str]) -> pa.Table:
    count = rows.num_rows
    columns = {
        f.name: checked[f.name].values if f.name in checked else pa.nulls(count, ARROW_TYPES[f.type])
        for f in entity.fields
    }
    columns["_file"] = _flat(rows, "_file") if "_file" in rows.column_names else pa.nulls(count, pa.string())
    columns["_line"] = _flat(rows, "_line") if "_line" in rows.column_names else pa.nulls(count, pa.int64())
    columns["_extra"] = extra_json(rows, unknown)
    return pa.table(columns)


def _rejects(entity: Entity, rows: pa.Table, reasons: list[list[str]]) -> list[Reject]:
    keys = key_text(rows, entity).to_pylist()
    return [
        Reject(
            entity.name,
            "; ".join(why),
            file=row.pop("_file", None) or "",
            line=row.pop("_line", None),
            key=key,
            row={name: value for name, value in row.items() if value is not None},
        )
        for row, why, key in zip(rows.to_pylist(), reasons, keys, strict=True)
    ]
