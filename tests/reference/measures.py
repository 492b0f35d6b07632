"""The measures once more, slowly: for one T, N, K and L, in exact fractions, from the reference ledger and the rows.

Written from the formulas alone; it shares nothing with the SQL. Belongs here: each measure. Not here: making rows.
"""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.reference.giving_back import in_time, without
from tests.reference.ledger import Reference, View
from tests.reference.visible import visible_at

SALES = ("invoice", "debit_memo", "credit_memo")


@dataclass(frozen=True)
class Promise:
    """One version of a promise."""

    promise_id: str
    document_id: str
    promised_on: date
    due_on: date
    amount: Decimal
    withdrawn: bool
    deleted: bool
    recorded_at: datetime
    loaded_at: datetime


@dataclass(frozen=True)
class Settled:
    """What stands of a payment of one receipt on one instalment; the base amount is None where it is unknown."""

    receipt_id: str
    document_id: str
    number: int
    paid_on: date
    due_on: date
    since: date
    base: Fraction | Decimal | None


class Totals:
    """Sums by name; one with an unknown part is unknown."""

    def __init__(self) -> None:
        self.sums: dict[str, Fraction] = defaultdict(Fraction)
        self.unknown: set[str] = set()

    def add(self, name: str, amount: Any) -> None:
        if amount is None:
            self.unknown.add(name)
        else:
            self.sums[name] += Fraction(amount)

    def of(self, name: str) -> Fraction | None:
        return None if name in self.unknown else self.sums[name]


def rounded(value: Fraction, places: int = 4) -> Decimal:
    whole = (abs(value) * 10**places + Fraction(1, 2)).__floor__()
    return Decimal(whole if value >= 0 else -whole).scaleb(-places)


def ratio(above: Fraction | None, below: Fraction | None, times: int = 1) -> Decimal | None:
    return None if above is None or below is None or below <= 0 else rounded(above * times / below)


class Measured:
    """What one company's rows come to. ``tax``, ``written_off``: what a version of a document, an adjustment is."""

    def __init__(
        self,
        rows: Iterable[Any],
        promises: Iterable[Promise],
        base: str,
        tax: Callable[[Any], Decimal],
        written_off: Callable[[Any], bool],
    ) -> None:
        self.ledger, self.promises, self.base = Reference(list(rows), base), list(promises), base
        self.tax, self.written_off = tax, written_off

    def at(self, t: date, n: int, known: datetime, loaded: datetime, party: str | None = None) -> dict[str, Any] | None:
        """The measures of the legal entity, or of a party ('': of nobody known); None where there is no row."""
        view = View(self.ledger, visible_at(self.ledger.arrived, known, loaded), loaded)
        return Question(self, view, t, n, known, loaded, party).answer()


class Question:
    """One question, answered item by item."""

    def __init__(
        self, books: Measured, view: View, t: date, n: int, known: datetime, loaded: datetime, party: str | None
    ) -> None:
        self.books, self.view, self.t, self.start, self.n, self.party = books, view, t, t - timedelta(days=n), n, party
        self.known, self.loaded = known, loaded
        self.sum = Totals()
        self.months: dict[tuple[int, int], list[Fraction | None]] = defaultdict(list)

    def row(self, item: dict[str, Any]) -> Any:
        rows = self.view.visible.receipts if item["kind"] == "receipt" else self.view.visible.documents
        return rows[item["id"]]

    def mine(self, item: dict[str, Any]) -> bool:
        return self.party is None or (self.row(item).party_id or "") == self.party

    def in_window(self, day: date) -> bool:
        return self.start < day <= self.t

    def void(self, item: dict[str, Any]) -> bool:
        return bool(item["voided"]) and item["voided"] <= self.t

    def answer(self) -> dict[str, Any] | None:
        items = [i for i in self.view.items.values() if i and self.mine(i)]
        moved = [i for i in items if i["posting"] <= self.t]
        if not moved and not any(self.touched(taker) for taker in self.view.takers):
            return None
        self.balances()
        first = [self.posted(i) for i in moved]
        self.steps()
        self.promised()
        days = self.n
        sold = [d for d in first if d]
        if self.party is not None and sold:
            days = min(self.n, (self.t - min(sold)).days + 1)
        nothing = not self.sum.unknown and not any(self.sum.sums.values())
        return None if self.party is not None and nothing else self.shown(days)

    def touched(self, taker: dict[str, Any]) -> bool:
        """An adjustment may be dated before its document."""
        sides = [i for i in (taker["document"], taker["source"]) if i and self.mine(i)]
        return bool(taker["got"] and sides) and taker["day"] <= self.t

    def balances(self) -> None:
        for day, opening in ((self.t, ""), (self.start, "opening_")):
            for (kind, item_id, number), (amount, base) in self.view.at(day).items():
                item = self.view.items["receipt" if kind == "receipt" else "document", item_id]
                if not amount or not item or not self.mine(item):
                    continue
                self.sum.add(opening + ("ar" if kind == "installment" else "unapplied"), base)
                if opening:
                    continue
                if kind == "installment":
                    due = next(s[1] for s in item["shares"] if s[0] == number)
                    if due >= self.t:
                        self.sum.add("not_due", base)
                elif kind == "receipt":
                    self.sum.add("cash", None if base is None else -base)
                    if item["posting"] > self.start:
                        self.sum.add("cash_of_window", None if base is None else -base)

    def posted(self, item: dict[str, Any]) -> date | None:
        """Count a document or receipt; return its day if it is the kind of sale that a party begins with."""
        if item["kind"] == "receipt":
            if self.in_window(item["posting"]) and item["amount"]:
                self.sum.add("receipts", item["base"])
            return None
        kind = self.row(item).document_type
        if self.void(item) or not item["amount"]:
            return None
        sign = 1 if item["kind"] == "debit" else -1
        if self.in_window(item["posting"]) and sign > 0:
            self.sum.add("billed", item["base"])
        if kind in SALES:
            net = self.net_of_tax(item)
            if self.in_window(item["posting"]):
                self.sum.add("sales", None if net is None else sign * net)
            month = (item["posting"].year, item["posting"].month)
            self.months[month].append(None if net is None else sign * net)
        return item["posting"] if kind in SALES and sign > 0 else None

    def net_of_tax(self, item: dict[str, Any]) -> Fraction | None:
        if item["base"] is None:
            return None
        tax = self.books.tax(self.row(item))
        if not 0 < tax <= item["amount"]:
            return Fraction(item["base"])
        in_base = (
            tax
            if item["currency"] == self.books.base
            else rounded(Fraction(item["base"]) * Fraction(tax) / Fraction(item["amount"]))
        )
        return Fraction(item["base"]) - Fraction(in_base)

    def steps(self) -> None:
        """What each allocation and adjustment moved, and what gave it back."""
        pairs: dict[Any, list[Any]] = defaultdict(list)
        for taker in self.view.takers:
            if not taker["got"]:
                continue
            adjusts = taker["entity"] == "adjustments"
            moved = [(taker["day"], taker["got"], -1, taker["id"])]
            left = taker["got"]
            for x in in_time(taker):
                left, gone = without(taker, left, x)
                if x["rule"] != "void":
                    moved.append((max(x["day"], taker["day"]), gone, 1, x["cause"]))
            document, source = taker["document"], taker["source"]
            if adjusts:
                self.wrote_off(document or source, moved, bool(document))
            elif (
                document and source and source["kind"] == "receipt" and self.mine(document) and not self.void(document)
            ):
                for day, parts, sign, cause in moved:
                    for number, amount, _ in parts:
                        if amount and day <= self.t:
                            base = self.view.base(document, amount)
                            pairs[source["id"], document["id"], number].append(
                                (day, cause, -sign * amount, None if base is None else -sign * base)
                            )
                            if self.in_window(day):
                                self.sum.add("applied", None if base is None else -sign * base)
        self.payments: list[tuple[Any, date, Decimal]] = []
        self.settled: list[Settled] = []
        for (source_id, document_id, number), moves in pairs.items():
            self.standing(self.view.items["document", document_id], moves, source_id, number)

    def wrote_off(self, item: dict[str, Any], moved: list[Any], owed: bool) -> None:
        if not self.mine(item) or self.void(item):
            return
        for day, parts, sign, cause in moved:
            if self.in_window(day) and self.books.written_off(self.view.visible.adjustments[cause]):
                for _, amount, in_source in parts:
                    of = amount if owed else -in_source
                    base = self.view.base(item, of)
                    self.sum.add("written_off", None if base is None else -sign * base)

    def standing(self, document: dict[str, Any], moves: list[Any], receipt_id: str, number: int) -> None:
        """What was given back takes the newest payment of the pair first."""
        taken: dict[tuple[date, str], list[Any]] = {}
        for day, cause, amount, base in moves:
            if amount > 0:
                held = taken.setdefault((day, cause), [Decimal(0), Decimal(0), base is None])
                held[0] += amount
                held[1] += base or 0
        given = -sum((m[2] for m in moves if m[2] < 0), Decimal(0))
        net_base = sum((m[3] or 0 for m in moves), Decimal(0))
        order = sorted(taken)
        for key in reversed(order):
            amount, base, unknown = taken[key]
            gone = min(given, amount)
            given -= gone
            before = sum((taken[k][1] for k in order if k < key), Decimal(0))
            stands = base if not gone else max(Decimal(0), min(base, net_base - before))
            if amount == gone:
                continue
            self.payments.append((document["id"], key[0], amount - gone))
            since = self.row(document).document_date or document["posting"]
            due = next(s[1] for s in document["shares"] if s[0] == number)
            self.settled.append(
                Settled(receipt_id, document["id"], number, key[0], due, since, None if unknown else stands)
            )
            if self.in_window(key[0]):
                self.sum.add("paid", None if unknown else stands)
                self.sum.add("paid_days", None if unknown else stands * (key[0] - since).days)

    def promised(self) -> None:
        last: dict[str, Promise] = {}
        for p in sorted(self.books.promises, key=lambda p: (p.recorded_at, p.loaded_at)):
            if p.recorded_at <= self.known and p.loaded_at <= self.loaded:
                last[p.promise_id] = p
        standing = [p for p in last.values() if not p.deleted and not p.withdrawn]
        for p in standing:
            item = self.view.items.get(("document", p.document_id))
            if (
                not item
                or item["kind"] != "debit"
                or not self.mine(item)
                or self.void(item)
                or item["posting"] > self.t
            ):
                continue
            if not self.in_window(p.due_on):
                continue
            plan = [q for q in standing if (q.document_id, q.promised_on) == (p.document_id, p.promised_on)]
            before = sum((q.amount for q in plan if (q.due_on, q.promise_id) < (p.due_on, p.promise_id)), Decimal(0))
            paid = sum(
                (a for d, on, a in self.payments if d == p.document_id and p.promised_on <= on <= p.due_on), Decimal(0)
            )
            kept = paid - before >= p.amount
            base = None
            if item["base"] is not None:
                base = (
                    p.amount
                    if item["currency"] == self.books.base
                    else rounded(Fraction(item["base"]) * Fraction(p.amount) / Fraction(item["amount"]))
                )
            self.sum.add("promised", base)
            self.sum.add("kept", base if kept or base is None else 0)
            self.sum.add("promises", 1)
            self.sum.add("promises_kept", int(kept))

    def count_back(self, owed: Fraction | None) -> tuple[Decimal | None, bool]:
        """Whole months off what is owed, going back from T. Also whether a month without sales stopped it."""
        if owed is None:
            return None, False
        days, month, length, counted = Decimal(0), (self.t.year, self.t.month), self.t.day, 0
        while owed > 0:
            sales = self.months.get(month, [])
            if None in sales:
                return None, False
            total = sum((s for s in sales if s is not None), Fraction(0))
            if total <= 0:
                return (days if counted else None), True
            days += length if owed >= total else rounded(owed * length / total)
            owed -= total
            counted += 1
            before = date(*month, 1) - timedelta(days=1)
            month, length = (before.year, before.month), monthrange(before.year, before.month)[1]
        return days, False

    def shown(self, days: int) -> dict[str, Any]:
        of = self.sum.of
        ar, not_due, opening, sales = of("ar"), of("not_due"), of("opening_ar"), of("sales")
        net, opening_net = plus(ar, of("unapplied")), plus(opening, of("opening_unapplied"))
        to_collect = minus(plus(opening, sales), not_due)
        to_collect_net = minus(plus(opening_net, sales), not_due)
        back, stopped = self.count_back(ar)
        back_net, stopped_net = self.count_back(net)
        return {
            "days": days,
            "dso": ratio(ar, sales, days),
            "dso_countback": back,
            "best_possible_dso": ratio(not_due, sales, days),
            "add": ratio(minus(ar, not_due), sales, days),
            "cei": ratio(minus(plus(opening, sales), ar), to_collect, 100),
            "collection_rate": ratio(of("applied"), plus(opening, of("billed")), 100),
            "bad_debt_ratio": ratio(of("written_off"), sales, 100),
            "unapplied_pct": ratio(of("cash_of_window"), of("receipts"), 100),
            "unapplied_of_ar_pct": ratio(of("cash"), ar, 100),
            "promise_kept_rate": ratio(of("kept"), of("promised"), 100),
            "promise_kept_count_rate": ratio(of("promises_kept"), of("promises"), 100),
            "ar_turnover": ratio(sales, plus(opening, ar), 2),
            "weighted_days_to_pay": ratio(of("paid_days"), of("paid")),
            "dso_net": ratio(net, sales, days),
            "dso_countback_net": back_net,
            "add_net": ratio(minus(net, not_due), sales, days),
            "cei_net": ratio(minus(plus(opening_net, sales), net), to_collect_net, 100),
            "ar_turnover_net": ratio(sales, plus(opening_net, net), 2),
            "stopped": {name for name, was in (("dso_countback", stopped), ("dso_countback_net", stopped_net)) if was},
        }


def plus(a: Fraction | None, b: Fraction | None) -> Fraction | None:
    return None if a is None or b is None else a + b


def minus(a: Fraction | None, b: Fraction | None) -> Fraction | None:
    return None if a is None or b is None else a - b
