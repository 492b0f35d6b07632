"""Generated customers who pay: many invoices, each receipt on several of them, some bounced, some undone, some unpaid.

Belongs here: histories with enough payments to be judged. Not here: what a history may hold at all (``generate``).
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

from tests.reference.generate import LOADS, START, History
from tests.reference.rows import allocation, document, event, installment, receipt


def payers(seed: int) -> History:
    """Customers P1 and P2 over thirty days, in one currency of the books and at times another."""
    random = Random(seed)
    base, rows = "USD", []
    foreign = random.random() < 0.4

    def on(first: int, last: int) -> str:
        return (START + timedelta(days=random.randint(first, last))).isoformat()

    def stamp() -> dict[str, Any]:
        return {"recorded": None, "loaded": random.choice(LOADS[:2])}

    left: dict[str, tuple[str, int, str, str | None]] = {}
    for n in range(random.randint(6, 16)):
        key, party, cents = f"D{n}", random.choice(("P1", "P2", "P2")), random.randint(2, 4000)
        currency = "EUR" if foreign and random.random() < 0.3 else base
        rate = None if currency == base else random.choice((None, "1.1", "1.3333"))
        due = None if random.random() < 0.1 else on(0, 24)
        amount = str(Decimal(cents) / 100)
        made = {"due": due, "currency": currency, "party": party, "rate": rate}
        rows.append(document(key, amount, on(-10, 8), **made, **stamp()))
        if random.random() < 0.3:
            first = random.randint(1, cents - 1)
            for number, part in ((1, first), (2, cents - first)):
                rows.append(installment(key, number, on(0, 24), str(Decimal(part) / 100), **stamp()))
        left[key] = (party, cents, currency, rate)
    for n in range(random.randint(5, 14)):
        owed = [k for k, (_, cents, _, _) in left.items() if cents > 0]
        if not owed:
            break
        party, _, currency, rate = left[random.choice(owed)]
        mine = [k for k in owed if left[k][0] == party and left[k][2] == currency]
        parts = {}
        for key in random.sample(mine, min(len(mine), random.randint(1, 3))):
            cents = left[key][1]
            part = cents if random.random() < 0.6 else random.randint(1, cents)
            parts[key] = part
            left[key] = (party, cents - part, currency, rate)
        source, paid_on = f"R{n}", on(2, 28)
        amount = str(Decimal(sum(parts.values()) + random.choice((0, 0, 500))) / 100)
        rows.append(receipt(source, amount, paid_on, currency=currency, party=party, rate=rate, **stamp()))
        for key, part in parts.items():
            name, money = f"A{n}-{key}", str(Decimal(part) / 100)
            rows.append(allocation(name, source, key, money, **stamp()))
            if random.random() < 0.12:
                back = money if random.random() < 0.5 else str(Decimal(random.randint(1, part)) / 100)
                undone = allocation(f"U{n}-{key}", source, key, f"-{back}", reverses=name, keyed=on(5, 30), **stamp())
                rows.append(undone)
        if random.random() < 0.2:
            some = None if random.random() < 0.5 else str(Decimal(random.randint(1, 3000)) / 100)
            rows.append(event(source, random.choice(("bounced", "charged_back")), on(4, 30), some, **stamp()))
    rows = [row._replace(source_line=i + 2) for i, row in enumerate(rows)]
    random.shuffle(rows)
    return History(seed, base, tuple(rows))
