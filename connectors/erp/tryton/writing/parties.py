"""Writes what a party is told: its credit limit, and a note on how its receivables stand.

Belongs here: the two objects and reading them back. Not here: cash (receipts).

A note's text cannot be changed in Tryton, so that a new one takes the place of the old. It is known by its first line;
notes of people are left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.erp.tryton.changes import EVERY
from connectors.erp.tryton.writing.calls import Calls, NotWrittenError
from connectors.kit.contract import Intent

HEADING = "Receivables status"
_LIMIT = "credit_limit_amount"
_NOTE_FIELDS = ("currency", "open_amount", "past_due_amount", "oldest_days_late", "on_hold", "as_of")
_TRUTH = {"yes": True, "no": False}


class CreditLimits:
    """``credit_limit``: the most that a party may owe, in the company's currency; none: no limit."""

    vendor = "party.party"
    fields = (_LIMIT, "currency")

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def put(self, intent: Intent) -> str:
        """Set the limit of one party."""
        party, currency = party_id(intent.key), intent.fields.get("currency")
        if currency not in (None, self._calls.books.currency):
            raise NotWrittenError(f"a limit in {currency} cannot be set; {self._calls.books.currency} is kept here")
        self._calls.change(self.vendor, "write", [party], {_LIMIT: amount(_LIMIT, intent.fields.get(_LIMIT))})
        return str(party)

    def held(self, keys: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return the limits of parties."""
        found = self._calls.find(self.vendor, [("id", "in", _ids(keys)), EVERY], (_LIMIT,))
        return {str(r["id"]): {_LIMIT: _said(r[_LIMIT]), "currency": self._calls.books.currency} for r in found}


class Notes:
    """``party_ar_status``: a note on a party that says what is open, past due, how late, and whether it is on hold."""

    vendor = "ir.note"
    fields = _NOTE_FIELDS

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def put(self, intent: Intent) -> str:
        """Leave exactly one note of ours on a party, saying this."""
        party = party_id(intent.key)
        message = text_of(intent.fields)
        ours = self._ours([intent.key]).get(intent.key, [])
        kept = next((n for n in reversed(ours) if n["message"] == message), None)
        key = kept["id"] if kept else self._create(party, message)
        old = [n["id"] for n in ours if n["id"] != key]
        if old:
            self._calls.change(self.vendor, "delete", old)
        return str(key)

    def held(self, keys: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return what our newest note on each party says."""
        return {key: fields_of(notes[-1]["message"]) for key, notes in self._ours(keys).items()}

    def _create(self, party: int, message: str) -> int:
        made = self._calls.change(self.vendor, "create", [{"resource": f"party.party,{party}", "message": message}])
        return int(made[0])

    def _ours(self, keys: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        wanted = [f"party.party,{i}" for i in _ids(keys)]
        domain = [("resource", "in", wanted), ("message", "like", f"{HEADING}%")]
        found: dict[str, list[dict[str, Any]]] = {}
        for note in self._calls.find(self.vendor, domain, ("resource", "message")):
            if str(note["message"]).split("\n")[0] == HEADING:
                found.setdefault(str(note["resource"]).partition(",")[2], []).append(note)
        return found


def text_of(fields: Mapping[str, Any]) -> str:
    """Return a note's text: a heading, then a line for each field, always in the same order."""
    lines = [
        f"{name.replace('_', ' ').capitalize()}: {_shown(fields[name])}" for name in _NOTE_FIELDS if name in fields
    ]
    return "\n".join([HEADING, *lines])


def fields_of(message: str) -> dict[str, Any]:
    """Return the fields that a note's text states."""
    found: dict[str, Any] = {}
    for line in message.split("\n")[1:]:
        label, _, value = line.partition(": ")
        found[label.lower().replace(" ", "_")] = _TRUTH.get(value, value or None)
    return found


def party_id(key: str) -> int:
    """Return the id of a party; NotWrittenError where a key is none."""
    if not (key.isascii() and key.isdigit() and len(key) < 18):
        raise NotWrittenError(f"{key!r} is not the id of a party")
    return int(key)


def amount(name: str, value: Any) -> Decimal | None:
    """Return an amount of an intent; NotWrittenError where it is none."""
    if value in (None, ""):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        raise NotWrittenError(f"{name} {value!r} is not an amount")
    return number


def _ids(keys: Sequence[str]) -> list[int]:
    return [int(k) for k in keys if k.isascii() and k.isdigit() and len(k) < 18]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _said(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"
