"""Generated histories of a small company: everything that the ledger's rules speak of, in any order, in several loads.

A history comes from a seed, so that each is as rich as the last and a failure names the one number that repeats it.
Belongs here: making row versions. Not here: what they should come to.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.reference.rows import adjustment, allocation, document, event, fx_rate, installment, receipt

START = date(2026, 1, 1)
LOADS = [datetime(2026, 1, d, 12, tzinfo=UTC) for d in (4, 8, 12, 20)]
DECIMALS = {"JPY": 0, "KWD": 3, "USD": 2, "EUR": 2}


@dataclass(frozen=True)
class History:
    """Versions of rows, and the currency their books are kept in."""

    seed: int
    base: str
    rows: tuple[Any, ...]

    def __repr__(self) -> str:
        return f"seed {self.seed}, base {self.base}:\n" + "\n".join(f"  {row}" for row in self.rows)


def histories(*, clean: bool = False) -> st.SearchStrategy[History]:
    """Any history; ``clean``: one in one currency, of rows that never change, as a careful source sends them."""
    return st.integers(0, 2**32).map(lambda seed: Maker(seed, clean).history())


def moments() -> st.SearchStrategy[datetime]:
    """Any moment at which someone could ask."""
    return st.integers(0, 60).map(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=9 * n))


def days() -> st.SearchStrategy[date]:
    """Any day that someone could ask about."""
    return st.integers(-1, 30).map(lambda n: START + timedelta(days=n))


class Maker:
    """Makes one history."""

    def __init__(self, seed: int, clean: bool) -> None:
        self.seed, self.random, self.clean = seed, Random(seed), clean
        self.base = self.pick("USD", "JPY", "KWD")
        others = [c for c in ("EUR", "JPY", "KWD") if c != self.base]
        self.currencies = [self.base] if clean else self.pick([self.base], [self.base, *others], [others[0]])
        self.loads = self.pick(LOADS, LOADS[:1], LOADS[:2])
        self.says_when = self.pick(1.0, 0.7, 0.0)
        self.of: dict[str, str] = {}
        self.rows: list[Any] = []

    def pick(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def chance(self, of: float) -> bool:
        return self.random.random() < of

    def day(self, missing: float = 0.0) -> str | None:
        return None if self.chance(missing) else (START + timedelta(days=self.random.randint(0, 14))).isoformat()

    def money(self, currency: str, high: int = 30) -> str:
        return str(Decimal(self.random.randint(1, high)).scaleb(-DECIMALS[currency]))

    def stamp(self) -> dict[str, Any]:
        recorded = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=18 * self.random.randint(0, 20))
        return {"recorded": recorded if self.chance(self.says_when) else None, "loaded": self.random.choice(self.loads)}

    def add(self, money_of: str, make: Any, **stated: Any) -> None:
        """Add a row: one version of it, or more; another amount is in the currency of ``money_of``."""
        self.rows.append(make(**stated, **self.stamp()))
        if self.clean or not self.chance(0.15):
            return
        change = self.pick("deleted", "amount", "same", "back")
        if change == "deleted":
            self.rows.append(make(**stated, deleted=True, **self.stamp()))
        elif change in ("amount", "back") and stated.get("amount") is not None:
            sign = -1 if str(stated["amount"]).startswith("-") else 1
            other = str(sign * Decimal(self.money(self.of[money_of], 45)))
            self.rows.append(make(**(stated | {"amount": other}), **self.stamp()))
        if change in ("same", "back"):
            self.rows.append(make(**stated, **self.stamp()))

    def history(self) -> History:
        """Make one."""
        documents = [f"D{i}" for i in range(self.random.randint(1, 3))]
        credits = [f"C{i}" for i in range(self.random.randint(0, 1))]
        receipts = [f"R{i}" for i in range(self.random.randint(0 if credits else 1, 3))]
        for key in documents + credits:
            self.document(key, key in credits)
        for key in receipts:
            self.of[key] = self.random.choice(self.currencies)
            self.add(
                key,
                partial(receipt, key),
                amount=self.money(self.of[key]),
                on=self.day(),
                currency=self.of[key],
                rate=self.rate(),
                posting=self.day(0.7),
                party=self.pick("P1", None),
            )
        self.allocations(documents, credits, receipts)
        for key in receipts:
            for kind in self.random.sample(["cleared", "bounced", "charged_back", "refunded"], self.pick(0, 0, 1, 2)):
                amount = None if self.chance(0.4) else self.money(self.of[key])
                self.add(key, partial(event, key, kind, self.day()), amount=amount)
        for i in range(self.pick(0, 0, 1, 2)):
            target = self.random.choice(documents + credits)
            self.add(
                target,
                partial(adjustment, f"J{i}", target),
                amount=str(self.pick(1, 1, 1, -1) * Decimal(self.money(self.of[target], 15))),
                effective=self.day(),
                no=self.pick(None, None, 1),
                reverses=self.pick(None, "J0") if i else None,
            )
        for i in range(0 if self.clean else self.random.randint(0, 4)):
            pair = (self.pick("EUR", "JPY", "KWD"), self.base)
            on = (START + timedelta(days=3 * i - 2)).isoformat()
            self.add("", partial(fx_rate, on), rate=self.pick("1.25", "0.91"), pair=pair, kind=self.pick(None, "spot"))
        rows = [row._replace(source_line=i + 2) for i, row in enumerate(self.rows)]
        self.random.shuffle(rows)
        return History(self.seed, self.base, tuple(rows))

    def rate(self) -> str | None:
        return self.pick(None, "1.1", "0.3333", "15.55", "152.37")

    def document(self, key: str, credit: bool) -> None:
        currency = self.of[key] = self.random.choice(self.currencies)
        amount = self.money(currency)
        status = self.pick("posted", None) if self.clean or self.chance(0.8) else self.pick("draft", "void")
        kind = "credit_memo" if credit else self.pick("invoice", "debit_memo", "finance_charge", "opening_item")
        stated: dict[str, Any] = {
            "kind": kind if self.clean or self.chance(0.95) else "pro_forma",
            "on": self.day(),
            "due": self.day(0.5),
            "posting": self.day(0.7),
            "amount": amount,
            "currency": currency,
            "rate": self.rate(),
            "status": status,
            "voided": self.day(0.4),
            "party": self.pick("P1", "P2"),
            "base": self.money(self.base, 60) if not self.clean and self.chance(0.2) else None,
        }
        self.add(key, partial(document, key), **stated)
        if not self.clean and self.chance(0.1):
            change = self.pick(
                {"entity": "OTHER"}, {"status": "void"}, {"status": "draft"}, {"due": self.day()}, {"party": "P3"}
            )
            self.rows.append(document(key, **(stated | change), **self.stamp()))
        parts = 0 if credit else self.pick(0, 0, 2, 3)
        left, step = Decimal(amount), Decimal(1).scaleb(-DECIMALS[currency])
        for number in range(1, parts + 1):
            part = left if number == parts else step * self.random.randint(0, int(left / step))
            left -= part
            if self.clean or self.chance(0.97):
                when = {"recorded": None} if self.clean or self.chance(0.8) else {}
                due = self.day()
                self.rows.append(installment(key, number, due, str(part), **(self.stamp() | when)))
                if not self.clean and self.chance(0.06):
                    other = {"deleted": True} if self.chance(0.3) else {}
                    self.rows.append(installment(key, number, self.day(), str(part), **other, **(self.stamp() | when)))

    def allocations(self, documents: list[str], credits: list[str], receipts: list[str]) -> None:
        names = [f"A{i}" for i in range(self.random.randint(1, 7))]
        made: list[tuple[str, str, str]] = []
        for key in names:
            reverses = None
            if made and self.chance(0.3):
                reverses, source, target = self.random.choice(made)
                if not self.clean and self.chance(0.05):
                    reverses = self.pick(*names, "unknown")
            else:
                source = self.random.choice(receipts + credits)
                target = self.random.choice(documents)
                if not self.clean and self.chance(0.05):
                    source, target = self.pick((source, "missing"), ("missing", target), (source, source))
            made.append((key, source, target))
            currency = self.of[key] = self.of.get(target, self.base)
            across = self.of.get(source, self.base) != currency
            negative = reverses is not None or (not self.clean and self.chance(0.06))
            self.add(
                key,
                partial(allocation, key, source, target),
                amount=str((-1 if negative else 1) * Decimal(self.money(currency))),
                kind="credit_memo" if source in credits else "receipt",
                source_amount=self.money(self.of.get(source, self.base)) if across and self.chance(0.9) else None,
                no=None if self.chance(0.7) else self.pick(1, 2),
                keyed=self.day(0.5),
                effective=self.day(0.7),
                reverses=reverses,
            )
