"""The simulated Tryton answers as the live one does: one script of calls, put to both, answer for answer.

What may differ is told by name: ids, times, and the traceback-like extras of an error. Types, amounts, days, names,
the order of records, which fields are there, what an error is called and says: all of that must be the same.
"""

from __future__ import annotations

import base64

import pytest

from tests.live import tryton as live
from tests.live.tryton_twins import FULL, INVOICE, SPLIT
from tests.live.tryton_wire import compare, dec, remember

pytestmark = [
    pytest.mark.live,
    pytest.mark.xdist_group("tryton"),
    pytest.mark.skipif(bool(live.missing()), reason=live.missing()),
]


def test_sessions(both):
    said = []
    for wire in both:
        ping = ("model.party.party.search", [], 0, 1, None, {})
        said.append(
            [
                wire.rpc("common.db.login", wire.user, {"password": "wrong"}, session="")[:2],
                wire.rpc("common.db.login", wire.user, {}, session="")[0],
                wire.rpc(*ping, session="")[:2],
                wire.rpc(*ping, session="Session nonsense")[0],
                wire.rpc(*ping, session="Session " + base64.b64encode(b"admin:1:0").decode())[:2],
                wire.rpc("model.party.party.search")[0],
                wire.rpc("model.party.party.no_such_method", {})[0],
                wire.send(b"{bad")[0],
                wire.send(b"", method="PUT")[0],
                wire.rpc("model.party.party.search", [], 0, 1, None, {})[:2],
            ]
        )
    assert said[1] == said[0]


def test_a_login_without_a_password_says_what_it_wants(both):
    said = [wire.rpc("common.db.login", wire.user, {}, session="")[2]["error"] for wire in both]
    assert [e[0] for e in said] == ["LoginException", "LoginException"]
    real, simulated = ([type(part).__name__ for part in error[1]] for error in said)
    assert simulated == real


def test_preferences(both):
    answers = [w.rpc("model.res.user.get_preferences", True, {})[2]["result"] for w in both]
    assert answers[1].items() >= {"company_filter": "one", "employees": [], "company": both[1].ids["company"]}.items()
    assert set(answers[1]) <= set(answers[0])
    assert {n: type(v) for n, v in answers[1].items()} == {n: type(answers[0][n]) for n in answers[1]}


LINES = ["debit", "credit", "maturity_date", "party", "second_currency.code", "move.journal.type", "reconciliation"]
LINES += ["invoice_payment", "origin", "account.type.receivable", "move.company"]


def test_reading(both):
    ask = "model.account.invoice.read"
    compare(both, ask, ["@full", "@split"], INVOICE)
    compare(both, ask, ["@foreign"], ["amount_to_pay", "currency.code", "state", "write_date", "create_date"])
    compare(both, ask, ["@full", 99999], ["number"])
    compare(both, ask, ["@full"], ["no_such_field"])
    compare(both, ask, ["@full"], [])
    compare(both, "model.party.party.read", ["@party"], ["name", "code", "active", "credit_limit_amount", "lang."][:4])
    lines = [["move.origin", "=", "account.invoice,@split"], ["account", "=", "@account"]]
    compare(both, "model.account.move.line.search_read", lines, 0, None, [["id", "ASC"]], LINES)
    compare(
        both, "model.account.statement.journal.read", ["@journal"], ["name", "validation", "currency.code", "active"]
    )
    compare(both, "model.account.statement.journal.get_by_bank_account", "@company", "DE00", "EUR")
    compare(both, "model.no.such.search", [], 0, None, None)
    compare(both, "model.party.party.read", ["@party"], ["account_receivable"])
    usual = ("model.account.configuration.read", [1], ["default_account_receivable"])
    compare(both, *usual)
    compare(both, *usual, context={"company": None})
    compare(both, "model.ir.date.today")


def test_the_fields_of_a_model(both):
    for model, names in (
        ("bank.account.number", ["id", "number", "no_such"]),
        ("account.invoice", ["id", "party", "total_amount"]),
    ):
        asked = [wire.result(f"model.{model}.fields_get", names) for wire in both]
        real, simulated = ({n: (d["name"], d["type"]) for n, d in said.items()} for said in asked)
        assert simulated == real
    real, simulated = (wire.rpc("model.no.such.fields_get", ["id"], {})[0] for wire in both)
    assert simulated == real


def test_searching(both):
    ask, some = "model.account.invoice.search_read", [["id", "in", ["@full", "@split", "@foreign"]]]
    for domain in (
        [["number", "=", FULL]],
        [["number", "like", "INV2026-0005%"], ["id", "=", "@full"]],
        ["OR", [["number", "=", FULL]], [["number", "=", SPLIT], ["party.name", "ilike", "M%LLER%"]]],
        [*some, ["total_amount", ">", dec("100")], ["currency.code", "!=", "EUR"]],
        [*some, ["write_date", "=", None]],
        [*some, ["party.active", "in", [True, False]]],
        [["no_such_field", "=", 1]],
        [*some, ["lines_to_pay.no_such_field", "=", 1]][:1],
    ):
        compare(both, ask, domain, 0, None, [["number", "ASC"]], ["number", "total_amount"])
    compare(both, ask, some, 0, 2, [["total_amount", "DESC"]], ["number"])
    compare(both, ask, some, 1, 2, [["number", "DESC"]], ["number"])
    compare(both, "model.account.invoice.search_count", some)
    compare(both, "model.party.party.search", [["id", "=", 99999]], 0, None, None)


SOLD = ["invoice", "sequence", "type", "description", "unit_price", "amount", "quantity", "unit.symbol"]
SOLD += ["product.code", "product.rec_name", "account.code", "currency.code", "create_date", "write_date"]


def test_lines_of_an_invoice(both):
    ask, ours = "model.account.invoice.line.search_read", [["invoice.company", "=", "@company"]]
    ours += [["invoice.type", "=", "out"], ["write_date", "=", None]]
    for invoice in ("@full", "@split", "@foreign"):
        rows, _ = compare(both, ask, [*ours, ["invoice", "=", invoice]], 0, None, [["id", "ASC"]], SOLD)
        assert rows
    one = [*ours, ["invoice.number", "=", FULL]]
    compare(both, ask, one, 0, 1, [["quantity", "DESC"]], ["quantity", "invoice.number"])
    compare(both, ask, one, 0, 1, [["create_date", "ASC"], ["id", "ASC"]], ["no_such_field"])
    compare(both, "model.account.invoice.line.search", [*one, ["id", ">", 99999]], 0, 20, [["id", "ASC"]])
    compare(both, "model.account.invoice.line.search_count", one)


def test_a_credit_limit(both):
    read = ("model.party.party.read", ["@party"], ["credit_limit_amount"])
    compare(both, "model.party.party.write", ["@party"], {"credit_limit_amount": dec("100.50")})
    compare(both, *read)
    compare(both, *read, context={"company": None})
    compare(both, "model.party.party.write", ["@party"], {"credit_limit_amount": None})
    compare(both, *read)
    compare(both, "model.party.party.write", [99999], {"name": "x"})
    compare(both, "model.party.party.write", ["@party"], {"no_such_field": "x"})


def test_a_note(both):
    made = compare(both, "model.ir.note.create", [{"resource": "party.party,@party", "message": "hello"}])
    remember(both, "note", made)
    domain = [["resource", "in", ["party.party,@party"]], ["message", "like", "hel%"]]
    fields = ["resource", "message", "write_date"]
    compare(both, "model.ir.note.search_read", domain, 0, None, [["id", "ASC"]], fields)
    compare(both, "model.ir.note.write", ["@note"], {"message": "other"})
    compare(both, "model.ir.note.create", [{"resource": "party.party,99999", "message": "hello"}])
    compare(both, "model.ir.note.delete", ["@note"])
    compare(both, "model.ir.note.search", domain, 0, None, None)


def test_deleting_what_is_used_and_what_is_gone(both):
    compare(both, "model.party.party.delete", [99999])
    made = compare(both, "model.party.party.create", [{"name": "Nobody"}])
    remember(both, "nobody", made)
    compare(both, "model.party.party.delete", ["@nobody"])
    compare(both, "model.party.party.search", [["id", "=", "@nobody"]], 0, None, None)
