"""The ledger's rules once more, slowly: what is open at one T, as known at one K, as loaded by one L.

Written from the rules alone; nothing is kept between two questions and nothing is changed once it is made: each answer
is computed from the versions, each amount from a list. It shares no code with the posting engine but the types of rows.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.reference.booked import document, receipt, rounded
from tests.reference.giving_back import (
    ALL,
    finally_left,
    in_document,
    in_source,
    in_source_of,
    in_time,
    left_by,
    left_nominal,
    take,
    undo_day,
    without,
)
from tests.reference.visible import Visible, first_arrival, visible_at, visible_on_arrival

EVER = datetime(9999, 1, 1, tzinfo=UTC)


class Reference:
    """Answers questions about a list of versions."""

    def __init__(self, rows: list[Any], base_currency: str) -> None:
        self.rows, self.base_currency = rows, base_currency
        self.arrived = first_arrival(rows)
        self.kept: list[tuple[datetime, tuple[str, str], list[tuple[int, Decimal]]]] = []
        moments = sorted({(v.loaded_at, r) for v, r in self.arrived.stamped if type(v).__name__ != "FxRateVersion"})
        for loaded, recorded in moments:
            view = View(self, visible_on_arrival(self.arrived, loaded, recorded), loaded)
            for taker in view.takers:
                name = (taker["id"], taker["document"]["id"] if taker["document"] else "")
                if taker["got"] and taker["want"] > 0 and all(name != k[1] for k in self.kept):
                    self.kept.append((loaded, name, [(no, amount) for no, amount, _ in taker["got"]]))

    def open(
        self, t: date, known: datetime = EVER, loaded: datetime = EVER
    ) -> dict[Any, tuple[Decimal, Decimal | None]]:
        """Balance and base balance of each (item type, item, instalment); what is nothing is left out."""
        return View(self, visible_at(self.arrived, known, loaded), loaded).at(t)

    def realised(self, t: date, known: datetime = EVER, loaded: datetime = EVER) -> dict[str, Decimal | None]:
        """Realised exchange gain (+) or loss (-) of each allocation that has any."""
        return View(self, visible_at(self.arrived, known, loaded), loaded).realised(t)

    def final(self) -> View:
        return View(self, visible_at(self.arrived, EVER, EVER), EVER)


class View:
    """Everything as it stood for someone."""

    def __init__(self, ledger: Reference, visible: Visible, loaded: datetime) -> None:
        self.ledger, self.visible = ledger, visible
        self.kept = {name: parts for at, name, parts in ledger.kept if at <= loaded}
        rates, base = list(visible.rates.values()), ledger.base_currency
        plans = visible.installments
        self.items = {("document", k): document(v, plans.get(k, []), rates, base) for k, v in visible.documents.items()}
        self.items |= {("receipt", k): receipt(v, rates, base) for k, v in visible.receipts.items()}
        self.takers: list[dict[str, Any]] = []
        self.read_takers()
        for taker in self.takers:
            voids = [i["voided"] for i in (taker["document"], taker["source"]) if i and i["voided"]]
            if voids:
                taker["takes"].append(take(min(voids), taker["came"], ALL, None, "void", ""))
        self.claims = {i["id"]: self.read_events(i) for i in self.items.values() if i and i["kind"] == "receipt"}
        self.takers.sort(key=lambda x: (x["came"], x["entity"] == "adjustments", x["id"]))
        for taker in self.takers:
            taker["got"] = self.serve(taker)

    # What takes and what gives back

    def read_takers(self) -> None:
        unlinked = []
        for entity, rows in (("allocations", self.visible.allocations), ("adjustments", self.visible.adjustments)):
            undos = []
            for key, row in rows.items():
                if row.reverses_id:
                    chain = self.chain(entity, row)
                    if chain:
                        undos.append((len(chain) + (entity == "allocations" and chain[-1].amount < 0), key, row, chain))
                elif entity == "allocations" and row.amount < 0:
                    unlinked.append((key, row))
                else:
                    self.add_taker(entity, key, row, row, abs(row.amount), row.amount)
            for depth, key, row, chain in sorted(undos, key=lambda u: (u[0], self.came(entity, u[1]), u[1])):
                if depth % 2:
                    for taker in self.takers:
                        if (taker["entity"], taker["id"]) == (entity, row.reverses_id):
                            amount, given = abs(row.amount), getattr(row, "source_amount", None)
                            given = abs(given) if given else None
                            day = max(undo_day(row), taker["day"])
                            taker["takes"].append(take(day, self.came(entity, key), amount, given, "", key))
                else:
                    most = min(abs(r.amount) for r in (row, chain[0], chain[-1]))
                    signed = most if chain[-1].amount > 0 or entity == "allocations" else -most
                    self.add_taker(entity, key, row, chain[-1], most, signed, max(undo_day(row), undo_day(chain[0])))
        for key, row in sorted(unlinked, key=lambda u: (self.came("allocations", u[0]), u[0])):
            self.take_back(key, row)

    def chain(self, entity: str, row: Any) -> list[Any]:
        """The rows that a row undoes, nearest first; none where one is missing."""
        rows = self.visible.allocations if entity == "allocations" else self.visible.adjustments
        found: list[Any] = []
        while row.reverses_id:
            if row.reverses_id not in rows or rows[row.reverses_id] in found:
                return []
            row = rows[row.reverses_id]
            found.append(row)
        return found

    def came(self, entity: str, key: str) -> tuple[datetime, datetime]:
        return self.ledger.arrived.of[entity, key]

    def two_sides(self, row: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        document = self.items.get(("document", row.document_id))
        source = self.items.get(("receipt" if row.source_type == "receipt" else "document", row.source_id))
        if not document or not source or document["kind"] != "debit" or source["kind"] == "debit":
            return None
        if document["entity"] != source["entity"]:
            return None
        if document["currency"] != source["currency"] and not row.source_amount:
            return None
        return document, source

    def add_taker(self, entity, key, row, first, amount, signed, not_before=date.min) -> None:
        taker = {
            "entity": entity,
            "id": key,
            "row": row,
            "came": self.came(entity, key),
            "takes": [],
            "barred": Decimal(0),
        }
        if not amount:
            return
        if entity == "allocations":
            sides = self.two_sides(first)
            if not sides:
                return
            document, source = sides
            in_source = amount
            if document["currency"] != source["currency"]:
                in_source = abs(first.source_amount)
                if row is not first:
                    in_source = rounded(
                        Fraction(in_source) * Fraction(amount) / Fraction(abs(first.amount)), source["currency"]
                    )
            day = max(document["posting"], source["posting"], first.effective_date or date.min, not_before)
            taker |= {"document": document, "source": source, "want": amount, "want_source": in_source, "day": day}
        else:
            item = self.items.get(("document", first.document_id))
            if not item:
                return
            debit = item["kind"] == "debit"
            taker |= {
                "document": item if debit else None,
                "source": None if debit else item,
                "day": max(first.effective_date, not_before),
            }
            taker |= {"want": signed if debit else -signed, "want_source": Decimal(0) if debit else -signed}
        document = taker["document"]
        taker["named"] = first.installment_no if document and document["fits"] else None
        if taker["named"] is not None and taker["named"] not in [s[0] for s in document["shares"]]:
            return
        self.takers.append(taker)

    def take_back(self, key: str, row: Any) -> None:
        """A negative allocation without an original: what this source paid on this document, newest first."""
        sides = self.two_sides(row)
        if not sides:
            return
        day = max(sides[0]["posting"], sides[1]["posting"], row.effective_date or date.min)
        left = abs(row.amount)
        paid = [t for t in self.takers if t["document"] is sides[0] and t["source"] is sides[1]]
        for taker in sorted(sorted(paid, key=lambda t: t["id"]), key=lambda t: t["day"], reverse=True):
            if row.installment_no is not None and taker["named"] not in (None, row.installment_no):
                continue
            part = min(
                left,
                taker["want"] - sum(x["amount"] for x in taker["takes"] if x["came"] <= self.came("allocations", key)),
            )
            if part > 0:
                taker["takes"].append(take(max(day, taker["day"]), self.came("allocations", key), part, None, "", key))
                left -= part

    # What happens to receipts

    def read_events(self, receipt: dict[str, Any]) -> list[tuple[Any, Decimal, Decimal, list[Any]]]:
        claims: list[tuple[Any, Decimal, Decimal, list[Any]]] = []
        mine = [t for t in self.takers if t["source"] is receipt and t["want_source"] > 0]
        mine = sorted(sorted(mine, key=lambda t: t["id"]), key=lambda t: t["day"], reverse=True)
        events = [
            e for e in self.visible.events.values() if e.receipt_id == receipt["id"] and e.event_type != "cleared"
        ]
        for event in sorted(events, key=lambda e: (e.event_date, e.event_type)):
            came = self.came("receipt_events", event.row_key)
            left = receipt["amount"] - sum(c[1] for c in claims)
            concerned = [
                t
                for t in mine
                if not (t["row"].recorded_by_source and event.recorded_by_source and t["came"][1] > came[1])
            ]
            if event.event_type == "refunded":
                unapplied = left - sum(left_nominal(t, event.event_date) for t in concerned)
                claim = max(Decimal(0), min(left, unapplied if event.amount is None else event.amount))
            else:
                claim = left if event.amount is None else min(left, event.amount)
                if event.amount is None or event.amount >= left:
                    for taker in concerned:
                        taker["takes"].append(take(event.event_date, came, ALL, None, "receipt_event", event.row_key))
                else:
                    self.undo_part(event, came, claim, concerned)
            claims.append((event, claim, left, concerned))
            for taker in mine:
                if taker not in concerned:
                    taker["barred"] += claim
        return claims

    def undo_part(self, event: Any, came: Any, claim: Decimal, concerned: list[dict[str, Any]]) -> None:
        last = max(event.event_date, event.recorded_at.astimezone(UTC).date())
        for taker in concerned:
            for x in taker["takes"]:
                if not x["rule"] and not x["counted"] and event.event_date <= x["day"] <= last:
                    x["counted"], x["day"] = True, event.event_date
                    claim -= in_source(taker, x)
        for taker in concerned:
            part = min(claim, left_nominal(taker, last))
            if part > 0:
                amount = in_document(taker, part)
                taker["takes"].append(take(event.event_date, came, amount, part, "receipt_event", event.row_key))
                claim -= part

    # Who gets what

    def serve(self, taker: dict[str, Any]) -> list[tuple[int | None, Decimal, Decimal]]:
        """What a taker gets of each instalment, in the order it fills them, given what all before it got."""
        document, source, want, want_source = (taker[k] for k in ("document", "source", "want", "want_source"))
        before = self.takers[: self.takers.index(taker)]
        reach = sorted(document["shares"], key=lambda s: (s[1], s[0])) if document else []
        if taker["named"] is not None:
            reach = [s for s in reach if s[0] == taker["named"]]
        if want < 0:
            return [(reach[0][0] if reach else None, want, want_source)]
        room = {s[0]: max(Decimal(0), s[2] - self.taken(before, taker, document, s[0])) for s in reach}
        amount = min(want, sum(room.values())) if document else want
        if source:
            free = source["amount"] - self.taken_of_source(before, taker, source) - taker["barred"]
            want_source = in_source_of(taker, amount)
            if want_source > max(free, Decimal(0)):
                want_source = max(free, Decimal(0))
                amount = min(amount, in_document(taker, want_source))
        if not amount or (source and not want_source):
            return []
        if not document:
            return [(None, amount, want_source)]
        fill = {s[0]: Decimal(0) for s in reach}
        for number, part in self.kept.get((taker["id"], document["id"]), []) if len(reach) > 1 else []:
            if number in fill:
                fill[number] += min(part, amount - sum(fill.values()), room[number])
        for number in fill:
            fill[number] += min(amount - sum(fill.values()), room[number] - fill[number])
        got: list[tuple[int | None, Decimal, Decimal]] = []
        numbers = [n for n in fill if fill[n]]
        for number in numbers:
            rest = want_source - sum(g[2] for g in got)
            own = rest if number == numbers[-1] else min(rest, in_source_of(taker, fill[number]))
            got.append((number, fill[number], own))
        return got

    def taken(self, before, taker, document, number) -> Decimal:
        """What those before still hold of an instalment when a taker comes."""
        found = Decimal(0)
        for other in before:
            if other["document"] is document:
                found += sum((g[1] for g in self.held(other, taker) if g[0] == number), Decimal(0))
        return found

    def taken_of_source(self, before, taker, source) -> Decimal:
        return sum((g[2] for o in before if o["source"] is source for g in self.held(o, taker)), Decimal(0))

    def held(self, other, taker):
        """What another taker still has when this one comes: what was given back by then is gone."""
        back = sorted((x for x in other["takes"] if x["came"] <= taker["came"]), key=lambda x: x["came"])
        left = other["got"]
        for x in back:
            left = without(other, left, x)[0]
        return left

    # What is open

    def at(self, t: date) -> dict[Any, tuple[Decimal, Decimal | None]]:
        totals: dict[Any, list[Any]] = {}

        def add(item, number, amount, day, base=None, given=False):
            if day <= t and (amount or base):
                kind = "installment" if item["kind"] == "debit" else item["kind"]
                line = totals.setdefault((kind, item["id"], number), [Decimal(0), Decimal(0), Decimal(0)])
                line[0] += amount
                known = base if given else self.base(item, amount)
                line[1] += known or 0
                line[2] += amount if known is None else 0

        for item in filter(None, self.items.values()):
            own = [(s[0], s[2], s[3]) for s in item["shares"]]
            if item["kind"] != "debit":
                own = [(None, -item["amount"], None if item["base"] is None else -item["base"])]
            for number, amount, base in own:
                add(item, number, amount, item["posting"], base, True)
                if item["voided"]:
                    back = None if base is None else -base
                    add(item, number, -amount, max(item["voided"], item["posting"]), back, True)
        for receipt_id in self.claims:
            self.stay_within(self.items["receipt", receipt_id])
        for taker in self.takers:
            for day, parts, sign in self.steps(taker):
                for number, amount, _ in parts if taker["document"] else []:
                    add(taker["document"], number, sign * amount, day)
                if taker["source"]:
                    add(taker["source"], None, -sign * sum(p[2] for p in parts), day)
        for receipt_id, claims in self.claims.items():
            receipt = self.items["receipt", receipt_id]
            unapplied = (
                receipt["amount"] - self.applied(receipt) - sum(c[1] for c in claims if c[0].event_type != "refunded")
            )
            for event, claim, left, concerned in claims:
                if event.event_type == "refunded":
                    if event.amount is None:
                        claim = left - sum(p[2] for x in concerned for p in left_by(x, event.event_date))
                    claim = max(Decimal(0), min(claim, unapplied))
                    unapplied -= claim
                add(receipt, None, claim, max(event.event_date, receipt["posting"]))
        return {
            key: (amount, None if unknown else base)
            for key, (amount, base, unknown) in totals.items()
            if amount or base or unknown
        }

    def steps(self, taker) -> list[tuple[date, list[tuple[int | None, Decimal, Decimal]], int]]:
        """What a taker took, -1, and what gave it back, 1, by their days."""
        left = taker["got"]
        steps = [(taker["day"], left, -1)] if left else []
        for x in in_time(taker) if left else []:
            left, gone = without(taker, left, x)
            steps.append((max(x["day"], taker["day"]), gone, 1))
        return steps

    def realised(self, t: date) -> dict[str, Decimal | None]:
        """Exchange difference of each allocation: both its sides at their own rates. None: one of the rates is unknown
        and something of it is left; what is nothing is left out."""
        for receipt_id in self.claims:
            self.stay_within(self.items["receipt", receipt_id])
        found: dict[str, Decimal | None] = {}
        for taker in (x for x in self.takers if x["document"] and x["source"]):
            document, source, total, left = taker["document"], taker["source"], Decimal(0), [Decimal(0), Decimal(0)]
            unknown = document["rate"] is None or source["rate"] is None
            for day, parts, sign in self.steps(taker):
                if day > t:
                    continue
                of_source = sum((p[2] for p in parts), Decimal(0))
                left[0] += sign * sum((p[1] for p in parts), Decimal(0))
                left[1] += sign * of_source
                if not unknown:
                    total += sum((self.base(document, sign * p[1]) or Decimal(0) for p in parts), Decimal(0))
                    total += self.base(source, -sign * of_source) or Decimal(0)
            if total or (unknown and any(left)):
                found[taker["id"]] = None if unknown else total
        return found

    def base(self, item, amount) -> Decimal | None:
        return None if item["rate"] is None else rounded(Fraction(amount) * item["rate"], self.ledger.base_currency)

    def applied(self, receipt) -> Decimal:
        return sum((p[2] for t in self.takers if t["source"] is receipt for p in finally_left(t)), Decimal(0))

    def stay_within(self, receipt) -> None:
        claims = [c for c in self.claims[receipt["id"]] if c[0].event_type != "refunded"]
        if not claims:
            return
        over = self.applied(receipt) + sum(c[1] for c in claims) - receipt["amount"]
        mine = [t for t in self.takers if t["source"] is receipt and t["want_source"] > 0]
        for taker in sorted(sorted(mine, key=lambda x: x["id"]), key=lambda x: x["day"], reverse=True):
            part = min(over, sum(p[2] for p in finally_left(taker)))
            if part > 0:
                event = claims[-1][0]
                came = self.came("receipt_events", event.row_key)
                taker["takes"].append(
                    take(event.event_date, came, in_document(taker, part), part, "receipt_event", event.row_key)
                )
                over -= part
