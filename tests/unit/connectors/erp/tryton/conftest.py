"""A simulated Tryton with a few invoices, and a writer for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.erp.tryton.settings import TrytonSettings
from connectors.erp.tryton.simulator import DATABASE, USER, Bookkeeping, TrytonSimulator, serve
from connectors.erp.tryton.writer import TrytonWriter
from connectors.kit.contract import Intent, Outcome
from tests.contract.any_tryton import options

ACCOUNT, EUROS = "4400123456", "DE89370400440532013000"
DAY = date(2026, 3, 5)


@dataclass
class Erp:
    """The simulator, its clerk, invoices of a party (100, 250 in two parts, 70 EUR) and of another (40)."""

    sim: TrytonSimulator
    clerk: Bookkeeping
    party: int
    other: int
    invoices: dict[str, int]
    settings: dict[str, Any] = field(default_factory=dict)

    def writer(self, **more: Any) -> TrytonWriter:
        """A writer with a client of its own."""
        return TrytonWriter(TrytonSettings(**{**self.settings, **more}), sleep=lambda seconds: None)

    def receipt(self, key: str, total: str, on: dict[str, str], **fields: Any) -> Intent:
        """An intent to post a receipt on these invoices."""
        said = ",".join(f"{self.invoices[n]}:{Decimal(v):.4f}" for n, v in on.items())
        stated = {
            "bank_account": ACCOUNT,
            "reference": f"B-{key}",
            "value_date": DAY.isoformat(),
            "currency": "USD",
            "amount": total,
            "party_id": str(self.party),
            "allocations": said,
        }
        return Intent(key, {**stated, **fields}, f"i-{key}", 1)

    def put(self, *intents: Intent, object_name: str = "receipt", **more: Any) -> list[Outcome]:
        """Write with a new writer; the outcomes."""
        return list(self.writer(**more).write(object_name, intents))

    def to_pay(self, name: str) -> Decimal:
        """What the ERP says is left of an invoice."""
        (found,) = self.sim.call("account.invoice", "read", [self.invoices[name]], ["amount_to_pay"])
        amount: Decimal = found["amount_to_pay"]
        return amount

    def euros(self, rate: str) -> None:
        """Keep a statement journal in EUR, at so many dollars a euro."""
        euro = self.clerk.currencies["EUR"]
        day, per_dollar = date(2026, 3, 1), 1 / Decimal(rate)
        self.sim.call(
            "currency.currency.rate", "create", [{"currency": euro, "date": day, "rate": round(per_dollar, 6)}]
        )
        [like] = self.sim.records("account.statement.journal")
        values = {name: like[name] for name in ("journal", "company", "validation", "account")}
        self.sim.call("account.statement.journal", "create", [{**values, "name": "Bank EUR", "currency": euro}])
        self.settings["receipt_journals"] = {**self.settings["receipt_journals"], EUROS: "Bank EUR"}

    def drafts(self) -> list[Decimal]:
        """What the moves that are still drafts book on receivables."""
        moves = {m["id"] for m in self.sim.records("account.move") if m["state"] == "draft"}
        lines = [r for r in self.sim.records("account.move.line") if r["move"] in moves and r["party"]]
        return [r["debit"] - r["credit"] for r in lines]

    def owed(self) -> Decimal:
        """The balance of the receivable accounts, of posted moves."""
        posted = {m["id"] for m in self.sim.records("account.move") if m["state"] == "posted"}
        lines = [r for r in self.sim.records("account.move.line") if r["move"] in posted and r["party"]]
        return sum((r["debit"] - r["credit"] for r in lines), Decimal(0))

    def receivable(self, code: str) -> int:
        """Add a receivable account."""
        like = next(r for r in self.sim.records("account.account") if r["code"] == "1200")
        values = {name: like[name] for name in ("name", "company", "type", "party_required", "reconcile")}
        (key,) = self.sim.call("account.account", "create", [{**values, "code": code}])
        return int(key)

    def statements(self) -> list[tuple[str, str]]:
        """Name and state of every statement."""
        return [(s["name"], s["state"]) for s in self.sim.records("account.statement")]


@pytest.fixture
def erp(tmp_path: Path) -> Iterator[Erp]:
    with serve(tmp_path / "erp") as sim:
        clerk = Bookkeeping(sim)
        party, other = clerk.party("Cedar Ltd"), clerk.party("Dune SA")
        day, later = date(2026, 1, 5), date(2026, 2, 5)
        parts = ((later, Decimal("150.00")), (date(2026, 3, 5), Decimal("100.00")))
        invoices = {
            "A": clerk.invoice(party, Decimal("100.00"), day),
            "B": clerk.invoice(party, Decimal("250.00"), day, parts),
            "E": clerk.invoice(party, Decimal("70.00"), day, currency="EUR", rate=Decimal("1.1")),
            "O": clerk.invoice(other, Decimal("40.00"), day),
        }
        settings = options(sim.url, DATABASE, USER, sim.password, receipt_journals={ACCOUNT: "Bank USD"})
        yield Erp(sim, clerk, party, other, invoices, settings)
