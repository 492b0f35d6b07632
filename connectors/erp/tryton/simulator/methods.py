"""The methods that can be called at the simulated server, by model.

Belongs here: which there are, and what each is made of. Not here: requests, sessions, errors (``serving``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.erp.tryton.simulator.accounting import MOVE, PAYMENT, STATEMENT, Accounting
from connectors.erp.tryton.simulator.books import COMPANY
from connectors.erp.tryton.simulator.database import Database, MissingError, Refused
from connectors.erp.tryton.simulator.search import matching, read, search
from connectors.erp.tryton.simulator.statements import Statements

WRITING = frozenset({"create", "write", "delete", "validate_statement", "post", "cancel"})
_BUTTONS = ("validate_statement", "post", "cancel")
_PREFERENCES = {
    "company_filter": "one",
    "employees": [],
    "companies": [COMPANY],
    "company": COMPANY,
    "language": "en",
    "language_direction": "ltr",
    "administrator": False,
    "groups": [],
}


class Methods:
    """What can be called. A caller sees to it that a call is one transaction."""

    def __init__(self, db: Database, accounting: Accounting, clock: Callable[[], datetime]) -> None:
        self.db = db
        self.accounting = accounting
        self._statements = Statements(db, accounting)
        self._clock = clock

    def known(self, kind: str, model: str, name: str) -> bool:
        """Say whether a method may be called; MissingError where there is no such model."""
        if kind == "model" and model not in self.db.models and model not in _SERVICES:
            raise MissingError(model)
        return kind == "model" and name in _METHODS

    def call(self, model: str, name: str, args: list[Any], context: Mapping[str, Any]) -> Any:
        """Call a method; Refused where the server refuses."""
        if model in _SERVICES:
            return _SERVICES[model](self, name, args)
        if name in ("search", "search_read", "search_count"):
            return self._searched(model, name, args, context)
        if name == "read":
            return read(self.db, model, args[0], args[1], context)
        if name == "fields_get":
            told = {n: (f.type, f.label) for n, f in self.db.model(model).fields.items()} | {"id": ("integer", "ID")}
            wanted = (args[0] if args else None) or list(told)
            return {n: dict(zip(("name", "type", "string"), (n, *told[n]), strict=True)) for n in wanted if n in told}
        if name == "create":
            return self._created(model, args[0], context)
        if name == "write":
            for ids, values in zip(args[::2], args[1::2], strict=True):
                self._written(model, ids, values)
            return None
        if name == "delete":
            self.accounting.may_delete(model, args[0])
            self._deleted(model, args[0])
            return None
        if name == "get_by_bank_account":
            return self._journal(*args)
        if name in _BUTTONS and model == STATEMENT:
            self._statements.button(name, args[0])
            return None
        if (model, name) == (MOVE, "post"):
            for key in args[0]:
                self.accounting.post(key)
            return None
        raise MissingError(name)

    def _searched(self, model: str, name: str, args: list[Any], context: Mapping[str, Any]) -> Any:
        if name == "search_count":
            return len(matching(self.db, model, args[0], context))
        domain, offset, limit, order = [*args[:4], None, None, None][:4]
        ids = search(self.db, model, domain, offset or 0, limit, order, context)
        return ids if name == "search" else read(self.db, model, ids, args[4], context)

    def _created(self, model: str, rows: Sequence[Mapping[str, Any]], context: Mapping[str, Any]) -> list[int]:
        given: dict[str, Any] = {"company": context.get("company")} if "company" in self.db.model(model).fields else {}
        if model == STATEMENT:
            given["date"] = self._clock().date()
        if model == PAYMENT:
            if any("number" in values for values in rows):
                raise Refused('You are not allowed to modify the field "Number" of "Account Payment".')
            rows = [{**values, "number": self.accounting.next_number("payment")} for values in rows]
        ids = [self.db.create(model, {**given, **values}) for values in rows]
        if model == STATEMENT:
            for key in ids:
                self._statements.check(key)
        return ids

    def _written(self, model: str, ids: Sequence[int], values: Mapping[str, Any]) -> None:
        if model == "account.move.reconciliation":
            raise Refused("You cannot modify any reconciliation.")
        if model == "ir.note" and "message" in values:
            raise Refused(f'You are not allowed to modify the field "Message" in record "({ids[0]})" of "Note".')
        self.db.write(model, ids, values)

    def _deleted(self, model: str, ids: Sequence[int]) -> None:
        moves: set[int] = set()
        if model == "account.move.reconciliation":
            lines = (r for i in ids for r in self.db.pointing("account.move.line", "reconciliation", i))
            moves = {r["move"] for r in lines}
        self.db.delete(model, ids)
        self.accounting.process(moves)

    def _journal(self, company: int, number: str, currency: str | None = None) -> int | None:
        domain: list[Any] = [("company", "=", company), ("bank_account.numbers.number", "=", number)]
        if currency:
            domain.append(("currency.code", "=", currency))
        found = matching(self.db, "account.statement.journal", domain, {})
        return found[0]["id"] if len(found) == 1 else None

    def preferences(self, name: str, args: list[Any]) -> Any:
        """Answer what a user prefers."""
        if name != "get_preferences":
            raise MissingError(name)
        party = self.db.one("company.company", COMPANY)["party"]
        return {**_PREFERENCES, "company.rec_name": self.db.one("party.party", party)["name"]}

    def today(self, name: str, args: list[Any]) -> Any:
        """Answer the server's day."""
        if name != "today":
            raise MissingError(name)
        return self._clock().date()


_SERVICES: dict[str, Callable[[Methods, str, list[Any]], Any]] = {
    "res.user": Methods.preferences,
    "ir.date": Methods.today,
}
_READING = ("search", "search_read", "search_count", "read", "fields_get")
_METHODS = WRITING | {*_READING, "get_by_bank_account", "get_preferences", "today"}
