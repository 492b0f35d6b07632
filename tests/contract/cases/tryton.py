"""Tryton under the contract suite: its simulator on loopback. The live server: tests/live/test_tryton_contract.py."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from connectors.erp.tryton.simulator import DATABASE, USER, Bookkeeping, TrytonSimulator, serve
from connectors.kit.contract import Settings
from connectors.kit.errors import ConfigError, ConnectorError
from connectors.simulation.faults import Fault
from tests.contract.any_tryton import WRITE, AnyTryton, options
from tests.contract.case import Keys, World

_PERIODS = 12


class Hands:
    """The server's clock, which a test may hold still or turn back."""

    def __init__(self) -> None:
        self.back = timedelta(0)
        self.still: datetime | None = None

    def __call__(self) -> datetime:
        return self.still or datetime.now(UTC) - self.back


class TrytonWorld(AnyTryton):
    """A company with a few parties, invoices, receipts by hand and by statement, and a reconciliation."""

    reading = "search_read"
    opening = 3

    def __init__(self, sim: TrytonSimulator, hands: Hands) -> None:
        self._sim = sim
        self._hands = hands
        hands.back = timedelta(minutes=40)
        self._clerk = Bookkeeping(sim)
        day, due = date(hands().year, 1, 15), date(hands().year, 2, 15)
        self._parties = [self._clerk.party(f"Company {n}", code=f"C{n}", city="Ulm") for n in range(6)]
        self._clerk.bank_account(self._parties[0], "DE89370400440532013000")
        halves = ((day, Decimal("30.00")), (due, Decimal("70.00")))
        paid = self._clerk.invoice(self._parties[0], Decimal("80.00"), day)
        self._clerk.invoice(self._parties[1], Decimal("100.00"), day, halves)
        self._clerk.invoice(self._parties[1], Decimal("55.00"), day, post=False)
        part = self._clerk.invoice(self._parties[2], Decimal("60.00"), day, currency="EUR", rate=Decimal("1.1"))
        self._clerk.receipt(self._parties[2], [(part, Decimal("10.00"))], due, currency="EUR", rate=Decimal("1.2"))
        (line,) = self._clerk.receipt(self._parties[0], [(paid, Decimal("80.00"))], due)
        owed = next(r for r in sim.records("account.move.line") if r["debit"] == Decimal("80.00") and r["party"])
        self._clerk.reconcile([owed["id"], line])
        self._clerk.statement(
            "January", due, [(self._parties[1], Decimal("12.00"), "TRF"), (None, Decimal("3.00"), "?")]
        )
        self._clerk.payment(self._parties[1], Decimal("30.00"), due)
        self._spare = self._clerk.party("Nobody")
        hands.back = timedelta(0)
        self.secrets = (sim.password,)
        super().__init__(options(sim.url, DATABASE, USER, sim.password), sim.faults)

    def keys(self) -> Keys:
        """What there is, told by the simulator's own records."""
        sim = self._sim
        accounts = {r["id"] for r in sim.records("account.account") if r["code"] == "1200"}
        lines = [r for r in sim.records("account.move.line") if r["account"] in accounts]
        invoices = {r["move"]: r["id"] for r in sim.records("account.invoice") if r["move"]}
        counted: Counter[int] = Counter(invoices[r["move"]] for r in lines if r["move"] in invoices)
        sets: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for line in lines:
            if line["reconciliation"]:
                sets[line["reconciliation"]].append(line)
        owners = {r["id"]: r["owners"] for r in sim.records("bank.account")}
        today = self._hands().date()
        ends = sorted((r["end_date"] for r in sim.records("account.period") if r["end_date"] < today), reverse=True)
        return {
            "parties": _ids(sim, "party.party"),
            "bank_accounts": {
                f"{r['id']}|{o}" for r in sim.records("bank.account.number") for o in owners[r["account"]]
            },
            "invoices": _ids(sim, "account.invoice"),
            "invoice_maturities": {f"{i}|{n}" for i, count in counted.items() for n in range(1, count + 1)},
            "invoice_lines": _ids(sim, "account.invoice.line"),
            "statements": _ids(sim, "account.statement"),
            "statement_lines": _ids(sim, "account.statement.line"),
            "payments": _ids(sim, "account.payment"),
            "receivable_lines": {str(r["id"]) for r in lines},
            "invoice_payments": {str(r["id"]) for r in lines if r["invoice_payment"]},
            "reconciliations": _ids(sim, "account.move.reconciliation"),
            "settlements": {
                f"{key}|{d['id']}|{c['id']}"
                for key, members in sets.items()
                for d in members
                for c in members
                if d["debit"] and c["credit"]
            },
            "account_balances": {f"{a}|{day}" for a in accounts for day in {*ends[:_PERIODS], today}},
            "currency_rates": _ids(sim, "currency.currency.rate"),
        }

    def add(self) -> set[tuple[str, str]]:
        return {("parties", str(self._clerk.party("Added")))}

    def change(self) -> set[tuple[str, str]]:
        party = self._parties[3]
        self._sim.call("party.party", "write", [party], {"name": "Cedar Ltd"})
        return {("parties", str(party))}

    def add_ties(self, count: int) -> tuple[str, set[str]]:
        self._hands.still = datetime.now(UTC) - timedelta(minutes=5)
        made = {str(i) for i in self._sim.call("party.party", "create", [{"name": f"T{n}"} for n in range(count)])}
        self._hands.still = None
        return "parties", made

    def add_late(self) -> tuple[str, str]:
        self._hands.back = timedelta(minutes=45)
        party = self._clerk.party("Late")
        self._hands.back = timedelta(0)
        return "parties", str(party)

    def delete(self) -> tuple[str, str]:
        self._sim.call("party.party", "delete", [self._spare])
        return "parties", str(self._spare)

    def unusable(self) -> Iterable[tuple[str, Settings, type[ConnectorError]]]:
        yield from super().unusable()
        yield "no such database", self.other(database="nowhere"), ConfigError

    def parties(self) -> list[str]:
        return [str(i) for i in self._parties]

    def refuse(self, keys: set[str]) -> None:
        self._sim.faults.add(Fault("row_error", path=WRITE, keys=frozenset(keys), code="Refused"))

    def writes(self) -> int:
        return len(self._sim.writes())


def _ids(sim: TrytonSimulator, model: str) -> set[str]:
    return {str(r["id"]) for r in sim.records(model)}


@contextmanager
def CASE(folder: Path) -> Iterator[World]:  # noqa: N802 - the name the suite looks for
    hands = Hands()
    with serve(folder, clock=hands) as sim:
        yield TrytonWorld(sim, hands)
