"""Statements and payments at the simulated Tryton and at the live one: one script of calls, answer for answer.

What may differ: see test_tryton_simulator.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.live import tryton as live
from tests.live.tryton_twins import INVOICE
from tests.live.tryton_wire import amount, compare, dec, remember, with_ids

pytestmark = [
    pytest.mark.live,
    pytest.mark.xdist_group("tryton"),
    pytest.mark.skipif(bool(live.missing()), reason=live.missing()),
]
DAY = {"__class__": "date", "year": 2026, "month": 11, "day": 20}


def lines(amount: str, invoice: str | None = None, party: str = "@party", number: str = "L1", day: Any = None) -> Any:
    line: dict[str, Any] = {"number": number, "date": day or DAY, "amount": dec(amount), "party": party}
    line |= {"account": "@account", "description": "OTC A B", "sequence": 1}
    return line | ({"related_to": f"account.invoice,@{invoice}"} if invoice else {})


def statement(name: str, total: str, *rows: Any) -> Any:
    return {
        "name": name,
        "company": "@company",
        "journal": "@journal",
        "date": DAY,
        "start_balance": dec("0"),
        "end_balance": dec(total),
        "lines": [["create", list(rows)]],
    }


OWED = ["party", "date", "amount", "line", "line.party", "state", "kind", "reference"]
OWED += ["journal.name", "journal.currency.code", "create_date", "write_date"]


def test_a_payment(both):
    create, ours = "model.account.payment.create", [["company", "=", "@company"], ["kind", "=", "receivable"]]
    ours += [["reference", "=", "P1"]]
    asked = {"company": "@company", "journal": "@debits", "kind": "receivable", "party": "@party", "date": DAY}
    asked |= {"amount": dec("12.50"), "line": "@owed"}
    remember(both, "d", compare(both, create, [{**asked, "reference": "P1"}]))
    compare(both, create, [{**asked, "number": "77"}])
    compare(both, "model.account.payment.search_read", ours, 0, None, [["id", "ASC"]], OWED)
    compare(both, "model.account.payment.write", ["@d"], {"amount": dec("13.00")})
    compare(both, "model.account.payment.read", ["@d"], OWED)
    compare(both, "model.account.payment.read", ["@d"], ["no_such_field"])
    compare(both, create, [{**asked, "amount": dec("1.005")}])
    compare(both, "model.account.payment.delete", ["@d"])
    compare(both, "model.account.payment.search", ours, 0, None, None)
    for wire in both:
        (made,) = wire.result(create, *with_ids(wire.ids, [[asked]]))
        (found,) = wire.result("model.account.payment.read", [made], ["number"])
        assert found["number"].isdigit()
        wire.result("model.account.payment.delete", [made])


STATE = ["name", "state", "start_balance", "end_balance", "lines.amount", "lines.number", "lines.related_to"]
STATE += ["date", "total_amount", "journal.name", "journal.currency.code", "create_date"]
STATE += ["lines.move", "lines.move.state", "lines.party", "lines.description"]
KEYED = ["statement", "number", "date", "amount", "party", "description", "related_to", "move", "account.code"]
KEYED += ["statement.journal.currency.code", "create_date"]
MADE = ["debit", "credit", "party", "account.reconcile", "origin", "description", "move.state", "invoice_payment"]


def test_a_statement_from_draft_to_posted(both):
    rows = (lines("7679.77", "full"), {**lines("20.00"), "sequence": 2})
    remember(both, "s", compare(both, "model.account.statement.create", [statement("Script 1", "7699.77", *rows)]))
    see = ("model.account.statement.read", ["@s"], STATE)
    keyed = [["statement.company", "=", "@company"], ["statement", "=", "@s"]]
    booked = [["move.origin", "=", "account.statement,@s"]]
    order = [["debit", "ASC"], ["credit", "DESC"]]
    for button in ("post", "validate_statement", "validate_statement", "post", "post", "cancel", "delete"):
        compare(both, *see)
        compare(both, "model.account.statement.line.search_read", keyed, 0, None, [["id", "ASC"]], KEYED)
        compare(both, f"model.account.statement.{button}", ["@s"])
        compare(both, "model.account.move.line.search_read", booked, 0, None, order, MADE)
        compare(both, "model.account.invoice.read", ["@full"], INVOICE)
    domain = [["statement.company", "=", "@company"], ["number", "in", ["L1", "nothing"]]]
    compare(
        both, "model.account.statement.line.search_read", domain, 0, None, [["id", "ASC"]], ["number", "amount", "date"]
    )
    sets = [["lines.move.origin", "=", "account.statement,@s"]]
    compare(both, "model.account.move.reconciliation.search_read", sets, 0, None, None, ["date", "company", "lines"])
    compare(both, "model.account.statement.create", [statement("Script 2", "1", lines("1.00", "full"))])


def test_parts_of_an_invoice_in_several_maturities(both):
    fields = ["state", "amount_to_pay", "reconciled", "lines_to_pay.reconciliation", "payment_lines.reconciliation"]
    for n, paid in enumerate(("6.16", "50.00", "56.15")):
        made = compare(
            both,
            "model.account.statement.create",
            [statement(f"Part {n}", paid, lines(paid, "split", "@splitter", f"P{n}"))],
        )
        remember(both, "p", made)
        compare(both, "model.account.statement.validate_statement", ["@p"])
        compare(both, "model.account.invoice.read", ["@split"], fields)
        if n == 1:
            compare(both, "model.account.statement.cancel", ["@p"])
            compare(both, "model.account.invoice.read", ["@split"], fields)
            compare(both, "model.account.statement.read", ["@p"], STATE)
            compare(both, "model.account.statement.delete", ["@p"])
            again = [statement("Part 1", paid, lines(paid, "split", "@splitter", "P1"))]
            remember(both, "p", compare(both, "model.account.statement.create", again))
            compare(both, "model.account.statement.validate_statement", ["@p"])
        compare(both, "model.account.statement.post", ["@p"])
    compare(both, "model.account.invoice.read", ["@split"], fields)


def in_euros(both):
    """A statement journal in EUR on both sides, and on both the same rate."""
    for wire in both:
        [euro] = wire.result("model.currency.currency.search", [["code", "=", "EUR"]], 0, None, None)
        names = ["account", "journal", "validation", "company"]
        [like] = wire.result("model.account.statement.journal.read", [wire.ids["journal"]], names)
        values = {name: like[name] for name in names} | {"name": "Bench Bank EUR", "currency": euro}
        [wire.ids["euros"]] = wire.result("model.account.statement.journal.create", [values])
        rate = {"currency": euro, "date": {**DAY, "day": 1}, "rate": dec("0.8800")}
        wire.result("model.currency.currency.rate.create", [rate])


def test_the_exchange_difference_of_a_statement_stays_a_draft_until_somebody_posts_it(both):
    in_euros(both)
    ids = ["@foreign"]
    [invoice], _ = compare(both, "model.account.invoice.read", ids, ["party", "amount_to_pay"])
    who = [w.result("model.account.invoice.read", [w.ids["foreign"]], ["party"])[0]["party"] for w in both]
    for wire, party in zip(both, who, strict=True):
        wire.ids["payer"] = party
    part, rest = "1000.00", str(amount(invoice["amount_to_pay"]) - 1000)
    for nth, total in enumerate((part, rest)):
        values = {**statement(f"Euro {nth}", total, lines(total, "foreign", "@payer", f"E{nth}")), "journal": "@euros"}
        remember(both, "e", compare(both, "model.account.statement.create", [values]))
        compare(both, "model.account.statement.validate_statement", ["@e"])
        compare(both, "model.account.statement.post", ["@e"])
        compare(both, "model.account.invoice.read", ids, ["state", "amount_to_pay"])
    made = [["lines.reconciliation.lines.move.origin", "=", "account.statement,@e"], ["journal.type", "=", "write-off"]]
    compare(both, "model.account.configuration.read", [1], ["currency_exchange_journal"])
    order = [["id", "ASC"]]
    fields = ["state", "date", "origin", "journal.code"]
    drafts = compare(both, "model.account.move.search_read", made, 0, None, order, fields)
    assert [d["state"] for d in drafts[0]] == ["draft"]
    remember(both, "x", [[d["id"] for d in found] for found in drafts])
    booked = ["debit", "credit", "second_currency", "party", "account.reconcile"]
    compare(both, "model.account.move.line.search_read", [["move", "=", "@x"]], 0, None, [["debit", "ASC"]], booked)
    compare(both, "model.account.move.post", ["@x"])
    compare(both, "model.account.move.search_read", made, 0, None, order, fields)
    compare(both, "model.account.move.delete", ["@x"])


def test_what_is_refused(both):
    create = "model.account.statement.create"
    compare(both, create, [{"name": "x", "journal": "@journal"}])
    compare(both, create, [statement("Bad 1", "5", lines("5.001"))])
    compare(both, create, [statement("Bad 2", "5", lines("5.00", "split", "@other"))])
    compare(both, create, [statement("Bad 3", "5", lines("5.00", "foreign", None))])
    wrong_end = compare(both, create, [statement("Bad 4", "5", lines("4.00"))])
    remember(both, "w", wrong_end)
    compare(both, "model.account.statement.validate_statement", ["@w"])
    compare(both, "model.account.statement.delete", ["@w"])
    far = {"__class__": "date", "year": 2035, "month": 1, "day": 2}
    remember(both, "w", compare(both, create, [statement("Bad 5", "5", lines("5.00", day=far))]))
    compare(both, "model.account.statement.validate_statement", ["@w"])
    compare(both, "model.account.statement.cancel", ["@w"])
    compare(both, "model.account.statement.delete", ["@w"])
    compare(both, "model.account.statement.post", [99999])
