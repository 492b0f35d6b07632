"""What the buttons of a bank statement do at the simulated server: validate, post, cancel.

Belongs here: the effects of trytond's account_statement module, with its refusals. Not here: moves, reconciling.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from connectors.erp.tryton.simulator.accounting import LINE, MOVE, MOVE_LINE, STATEMENT, Accounting
from connectors.erp.tryton.simulator.computed import ZERO, amount_to_pay, lines_to_pay, reconciled
from connectors.erp.tryton.simulator.database import Database, Record, Refused


class Statements:
    """The bank statements of the simulated company."""

    def __init__(self, db: Database, accounting: Accounting) -> None:
        self._db = db
        self._accounting = accounting

    def check(self, key: int) -> None:
        """Refuse a statement that lacks what its journal asks for, or has a line that could not be booked."""
        statement = self._db.one(STATEMENT, key)
        journal = self._db.one("account.statement.journal", statement["journal"])
        for line in self._lines(key):
            self._check_line(line)
        needed = {"balance": ("end_balance", "start_balance"), "amount": ("total_amount",)}
        for name in needed.get(journal["validation"], ("number_of_lines",)):
            if statement[name] is None:
                label = name.replace("_", " ").title()
                raise Refused(
                    f'A value is required for field "{label}" in record "{statement["name"]}" of "Account Statement".'
                )

    def _check_line(self, line: Record) -> None:
        if line["party"] is None and self._db.one("account.account", line["account"])["party_required"]:
            name = self._db.one(STATEMENT, line["statement"])["name"]
            raise Refused(f'A value is required for field "Party" in record "{name}" of "Account Statement Line".')
        if line["related_to"] is None:
            return
        invoice = self._db.one("account.invoice", int(line["related_to"].partition(",")[2]))
        statement = self._db.one(STATEMENT, line["statement"])
        journal = self._db.one("account.statement.journal", statement["journal"])
        fits = (
            invoice["state"] == "posted"
            and invoice["currency"] == journal["currency"]
            and line["party"] in (None, invoice["party"])
            and line["account"] == invoice["account"]
        )
        if not fits:
            raise Refused(
                f'The value "{invoice["number"]}" for field "Related To" in record "{statement["name"]}" '
                'of "Account Statement Line" is not valid according to its domain.',
                extra=[[], {}],
            )

    def button(self, name: str, ids: Sequence[int]) -> None:
        """Press a button of statements; Refused where their state does not offer it."""
        offered = {"validate_statement": ("draft",), "post": ("validated",), "cancel": ("draft", "validated")}
        for key in ids:
            statement = self._db.get(STATEMENT, key)
            if statement is None or statement["state"] not in offered[name]:
                called = statement["name"] if statement else key
                raise Refused(f'You can not call "{name}" on "{called}" of "Account Statement".')
        for key in ids:
            {"validate_statement": self._validate, "post": self._post, "cancel": self._cancel}[name](key)

    def _validate(self, key: int) -> None:
        statement = self._db.one(STATEMENT, key)
        lines = self._lines(key)
        self._check_total(statement, lines)
        gone = [r for r in lines if r["related_to"] and self._invoice(r)["state"] in ("cancelled", "paid")]
        if gone:
            raise self._warning(
                "statement_paid_cancelled_invoice_lines",
                gone,
                "Validating the statements will remove already paid or cancelled invoices from the statements' lines.",
            )
        for _, group in groupby(lines, key=lambda r: (r["number"] or r["id"], r["date"], r["party"])):
            self._book(statement, list(group))
        self._db.write(STATEMENT, [key], {"state": "validated"})
        waiting = [
            r
            for s in self._db.all(STATEMENT)
            if s["state"] == "draft"
            for r in self._lines(s["id"])
            if r["related_to"] and reconciled(self._db, self._invoice(r))
        ]
        if waiting:
            raise self._warning(
                "", waiting, "Validating the statements will remove paid invoices from other draft statements."
            )

    def _check_total(self, statement: Record, lines: Sequence[Record]) -> None:
        total = sum((r["amount"] for r in lines), ZERO)
        journal = self._db.one("account.statement.journal", statement["journal"])
        name, how = statement["name"], journal["validation"]
        if how == "number_of_lines":
            groups = len(list(groupby(lines, key=lambda r: (r["number"] or r["id"], r["date"], r["party"]))))
            if groups != statement["number_of_lines"]:
                n = groups - statement["number_of_lines"]
                raise Refused(f'To validate statement "{name}" you must remove {n} line(s).')
            return
        said, wanted = (
            ("end balance", statement["end_balance"])
            if how == "balance"
            else ("total amount", statement["total_amount"])
        )
        found = total + (statement["start_balance"] if how == "balance" else ZERO)
        if found != wanted:
            raise Refused(
                f'To validate statement "{name}" you must change lines to have {said} of ${wanted:,.2f} '
                f"instead of ${found:,.2f}."
            )

    def _book(self, statement: Record, lines: Sequence[Record]) -> None:
        company = self._db.one("company.company", statement["company"])
        journal = self._db.one("account.statement.journal", statement["journal"])
        foreign = None if journal["currency"] == company["currency"] else journal["currency"]
        day = lines[0]["date"]
        move = self._db.create(
            MOVE,
            {
                "company": company["id"],
                "date": day,
                "period": self._accounting.period(company["id"], day),
                "journal": journal["journal"],
                "origin": f"{STATEMENT},{statement['id']}",
            },
        )
        self._db.write(LINE, [r["id"] for r in lines], {"move": move})
        total = ZERO
        for line in lines:
            base = self._accounting.converted(line["amount"], journal["currency"], company["currency"], day)
            total += base
            self._db.create(
                MOVE_LINE,
                {
                    "move": move,
                    "account": line["account"],
                    "party": line["party"],
                    "origin": f"{LINE},{line['id']}",
                    **_sides(-base),
                    **({"second_currency": foreign, "amount_second_currency": -line["amount"]} if foreign else {}),
                },
            )
        second = (
            {"second_currency": foreign, "amount_second_currency": sum(r["amount"] for r in lines)} if foreign else {}
        )
        self._db.create(MOVE_LINE, {"move": move, "account": journal["account"], **_sides(total), **second})
        made = self._db.pointing(MOVE_LINE, "move", move)
        for line, move_line in zip(lines, made, strict=False):
            if line["related_to"]:
                self._pay(self._invoice(line), line, move_line, foreign)

    def _pay(self, invoice: Record, line: Record, move_line: Record, foreign: int | None) -> None:
        paying = self._db.pointing(MOVE_LINE, "invoice_payment", invoice["id"])
        unsettled = [r for r in (*paying, *lines_to_pay(self._db, invoice)) if r["reconciliation"] is None]
        lines, left = self._accounting.best(unsettled, foreign, line["amount"])
        self._db.write("account.invoice", [invoice["id"]], {"payment_lines": [("add", [move_line["id"]])]})
        if amount_to_pay(self._db, self._db.one("account.invoice", invoice["id"])) * (invoice["total_amount"] or 1) < 0:
            raise Refused(
                f'Payment lines amount on invoice "{invoice["number"]}" can not be greater than the invoice amount.'
            )
        if not left:
            self._accounting.reconcile([*lines, self._db.one(MOVE_LINE, move_line["id"])])

    def _post(self, key: int) -> None:
        self._db.write(STATEMENT, [key], {"state": "posted"})
        for move in sorted({r["move"] for r in self._lines(key) if r["move"] is not None}):
            self._accounting.post(move)

    def _cancel(self, key: int) -> None:
        moves = sorted({r["move"] for r in self._lines(key) if r["move"] is not None})
        made = [r for m in moves for r in self._db.pointing(MOVE_LINE, "move", m)]
        sets = sorted({r["reconciliation"] for r in made if r["reconciliation"] is not None})
        freed = {r["move"] for s in sets for r in self._db.pointing(MOVE_LINE, "reconciliation", s)} - set(moves)
        self._db.delete("account.move.reconciliation", sets)
        self._db.write(LINE, [r["id"] for r in self._lines(key)], {"move": None})
        self._db.delete(MOVE, moves)
        self._db.write(STATEMENT, [key], {"state": "cancelled"})
        self._accounting.process(freed)

    def _lines(self, statement: int) -> list[Record]:
        found = self._db.pointing(LINE, "statement", statement)
        return sorted(found, key=lambda r: (r["sequence"] is None, r["sequence"] or 0, r["id"]))

    def _invoice(self, line: Mapping[str, Any]) -> Record:
        return self._db.one("account.invoice", int(line["related_to"].partition(",")[2]))

    def _warning(self, name: str, lines: Sequence[Record], message: str) -> Refused:
        listed = "|".join(f"{LINE},{r['id']}" for r in lines)
        digest = hashlib.md5(listed.encode(), usedforsecurity=False).hexdigest()
        return Refused(message, "UserWarning", f"{digest}.{name}" if name else "_".join(str(r["id"]) for r in lines))


def _sides(balance: Decimal) -> dict[str, Decimal]:
    return {"debit": max(balance, ZERO), "credit": max(-balance, ZERO)}
