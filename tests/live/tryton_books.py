"""A simulated Tryton beside the company's other books: what its clerks keyed at first, and some days later.

Belongs here: records of every kind that the staging models tell apart. Not here: any expectation.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

from connectors.bank.bank_files.simulator import BankEntry, write_camt053
from connectors.erp.tryton.simulator import DATABASE, USER, Bookkeeping, TrytonSimulator

ACCOUNT = "4400555555"
_PASSWORD = "OTC_TEST_TRYTON_PASSWORD"
_MORE = "FR7630006000011234567890189"


@dataclass
class Books:
    """The simulator, its clerk, and what the clock on the wall of both says."""

    moment: datetime
    sim: TrytonSimulator
    clerk: Bookkeeping
    keyed: dict[str, int]

    def configure(self, document: dict[str, Any]) -> None:
        """Add this ERP, and the bank account that its customers pay to, to an otc.yaml."""
        options = {"url": self.sim.url, "database": DATABASE, "username": USER, "password": f"${{{_PASSWORD}}}"}
        source = {"name": "books", "connector": "tryton", "legal_entity": "US", "allow_private": True, **options}
        document["sources"].append(source)
        document["bank_accounts"][ACCOUNT] = {"legal_entity": "US", "gl_account": "1010"}

    def owed(self, invoice: int) -> list[int]:
        """The receivable lines of an invoice."""
        (kept,) = (r for r in self.sim.records("account.invoice") if r["id"] == invoice)
        lines = (r for r in self.sim.records("account.move.line") if r["move"] == kept["move"])
        return [r["id"] for r in lines if r["account"] == self.clerk.accounts["1200"]]

    def start(self) -> None:
        """Invoices in three currencies, in parts, on credit, cancelled, draft; paid whole, in part, on account."""
        clerk, day, due = self.clerk, date(2025, 12, 15), date(2026, 1, 14)
        parties = [
            clerk.party("Müller & Söhne\u00a0GmbH", country="DE", term="NET30", city="Ulm", street="Weg\u20037"),
            clerk.party("müller & söhne gmbh", term="3X30"),
            clerk.party("O'Brien \\ 50% {{ x }}", country="US"),
        ]
        clerk.bank_account(parties[0], _MORE, "AGRIFRPPXXX")
        clerk.contact(parties[0], "email", "ap@mueller.example")
        thirds = [(date(2026, m, 14), Decimal(a)) for m, a in ((1, "33.33"), (2, "33.33"), (3, "33.34"))]
        self.keyed |= {"party": parties[0], "other": parties[1]}
        self.keyed["whole"] = clerk.invoice(parties[0], Decimal("80.00"), day, tax=Decimal("12.77"), number="TRY-70001")
        self.keyed["thirds"] = clerk.invoice(parties[1], Decimal("100.00"), day, thirds, number="try-70002")
        self.keyed["euros"] = clerk.invoice(
            *(parties[2], Decimal("60.00"), day), currency="EUR", rate=Decimal("1.0837"), number="TRY-70003"
        )
        self.keyed["yen"] = clerk.invoice(
            *(parties[0], Decimal("12345"), day), currency="JPY", rate=Decimal("0.006667"), number="TRY-70004"
        )
        self.keyed["credit"] = clerk.invoice(parties[1], Decimal("-25.00"), due, number="TRY-70005")
        self.keyed["cancelled"] = clerk.invoice(parties[2], Decimal("9.99"), day, number="TRY-70006")
        self.keyed["open"] = clerk.invoice(parties[0], Decimal("417.20"), day, number="TRY-70007")
        clerk.invoice(parties[2], Decimal("55.00"), day, post=False)
        clerk.cancel(self.keyed["cancelled"], due)
        clerk.receipt(
            *(parties[2], [(self.keyed["euros"], Decimal("10.01"))], due), currency="EUR", rate=Decimal("1.1913")
        )
        (line,) = clerk.receipt(parties[0], [(self.keyed["whole"], Decimal("80.00"))], due, description="PAID-1")
        clerk.reconcile([*self.owed(self.keyed["whole"]), line])
        clerk.receipt(parties[1], [(self.keyed["thirds"], Decimal("50.00")), (None, Decimal("7.77"))], due)
        clerk.reconcile(
            [*self.owed(self.keyed["credit"]), *clerk.receipt(parties[1], [(None, Decimal("-25.00"))], due)]
        )

    def go_on(self) -> None:
        """Days later: a reconciliation undone, the rest paid with a difference, names and numbers changed."""
        clerk, day = self.clerk, self.moment.date()
        undone = self.sim.records("account.move.reconciliation")[0]["id"]
        self.sim.call("account.move.reconciliation", "delete", [undone])
        clerk.receipt(self.keyed["other"], [(self.keyed["thirds"], Decimal("50.00"))], day, description="REST")
        paid = clerk.receipt(
            *(self.keyed["party"], [(self.keyed["yen"], Decimal("12345"))], day), currency="JPY", rate=Decimal("0.0071")
        )
        clerk.reconcile([*self.owed(self.keyed["yen"]), *paid])
        self.sim.call("party.party", "write", [self.keyed["party"]], {"name": "MÜLLER & SÖHNE"})
        clerk.invoice(self.keyed["other"], Decimal("0.01"), day, number="TRY-70008")


def pay_by_bank(folder: Path) -> None:
    """A statement on which customers pay these invoices: one line each, one line for two, one for nothing known."""
    day = date(2026, 2, 6)
    entries = [
        BankEntry(Decimal(amount), day, day, bank_reference=f"TB{nth}", remittance_text=text)
        for nth, (amount, text) in enumerate(
            [("417.20", "try 70007"), ("100.01", "TRY-70002, TRY-70003"), ("3.33", "thank you")]
        )
    ]
    write_camt053(folder / "tryton_customers.xml", ACCOUNT, "USD", 1, day, Decimal(0), entries)


@contextmanager
def books(folder: Path, moment: datetime) -> Iterator[Books]:
    """Serve them, with their first days keyed."""
    wall: list[Books] = []
    with TrytonSimulator(folder, clock=lambda: wall[0].moment if wall else moment) as sim:
        kept = Books(moment, sim, Bookkeeping(sim), {})
        wall.append(kept)
        kept.start()
        with patch.dict(os.environ, {_PASSWORD: sim.password}):
            yield kept
