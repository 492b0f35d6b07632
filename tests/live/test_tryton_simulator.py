"""The simulated Tryton answers as the live one does: one script of calls, put to both, answer for answer.

What may differ is told by name: ids, times, and the traceback-like extras of an error. Types, amounts, days, names,
the order of records, which fields are there, what an error is called and says: all of that must be the same.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connectors.erp.tryton.simulator import DATABASE, USER, Bookkeeping, TrytonSimulator, serve
from tests.live import tryton as live
from tests.live.postgres import Server, postgres

__all__ = ["postgres"]
pytestmark = [
    pytest.mark.live,
    pytest.mark.xdist_group("tryton"),
    pytest.mark.skipif(bool(live.missing()), reason=live.missing()),
]
PARTY, OTHER = "Zenith Inc 001", "O'Brien SA 004"
FULL, SPLIT, FOREIGN = "INV2026-00053", "INV2026-00019", "INV2026-00007"
DAY = {"__class__": "date", "year": 2026, "month": 11, "day": 20}


def dec(value: str) -> dict[str, str]:
    return {"__class__": "Decimal", "decimal": value}


@dataclass
class Wire:
    """A server as seen by somebody who knows nothing of our client: urllib and JSON."""

    url: str
    user: str
    password: str
    session: str = ""
    ids: dict[str, int] = field(default_factory=dict)

    def send(self, body: bytes, *, session: str | None = None, method: str = "POST") -> tuple[int, str, Any]:
        """Status, kind of content, and what was said."""
        headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip"}
        if session is None and self.session:
            headers["Authorization"] = f"Session {self.session}"
        elif session:
            headers["Authorization"] = session
        request = urllib.request.Request(self.url, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as said:
                raw, status, kind = said.read(), said.status, said.headers.get("Content-Type", "")
                if said.headers.get("Content-Encoding") == "gzip":
                    raw = gzip.decompress(raw)
        except urllib.error.HTTPError as error:
            return error.code, (error.headers.get("Content-Type") or "").split(";")[0], None
        return status, kind.split(";")[0], json.loads(raw)

    def rpc(self, method: str, *params: Any, **how: Any) -> tuple[int, str, Any]:
        """One call."""
        return self.send(json.dumps({"id": 7, "method": method, "params": list(params)}).encode(), **how)

    def result(self, method: str, *params: Any) -> Any:
        """The result of a call that must work."""
        _, _, said = self.rpc(method, *params, {"company": self.ids.get("company", 1)})
        assert "result" in said, said
        return said["result"]

    def sign_in(self) -> None:
        _, _, said = self.rpc("common.db.login", self.user, {"password": self.password})
        user, key, _ = said["result"]
        self.session = base64.b64encode(f"{self.user}:{user}:{key}".encode()).decode()

    def look_up(self) -> None:
        """Find the records that the script is about, by what people call them."""
        self.ids["company"] = self.result("model.company.company.search", [], 0, 1, None)[0]
        for role, model, name, value in (
            ("party", "party.party", "name", PARTY),
            ("other", "party.party", "name", OTHER),
            ("full", "account.invoice", "number", FULL),
            ("split", "account.invoice", "number", SPLIT),
            ("foreign", "account.invoice", "number", FOREIGN),
            ("splitter", "party.party", "name", "Müller & Sons 011"),
            ("journal", "account.statement.journal", "name", "Bench Bank USD"),
        ):
            (self.ids[role],) = self.result(f"model.{model}.search", [[name, "=", value]], 0, None, None)
        (invoice,) = self.result("model.account.invoice.read", [self.ids["full"]], ["account"])
        self.ids["account"] = invoice["account"]


@pytest.fixture(scope="module")
def both(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Wire, Wire]]:
    folders = tmp_path_factory.mktemp("tryton"), tmp_path_factory.mktemp("simulated")
    with live.running(postgres, folders[0]) as real, serve(folders[1]) as simulated:
        wires = (
            Wire(f"{real.url}/{real.database}/rpc/", live.USER, live.PASSWORD),
            Wire(f"{simulated.url}/{DATABASE}/rpc/", USER, simulated.password),
        )
        for wire in wires:
            wire.sign_in()
        wires[0].look_up()
        fill(simulated, wires[0])
        wires[1].look_up()
        yield wires


def fill(simulated: TrytonSimulator, real: Wire) -> None:
    """Key the few records that the script is about into the simulator, as the live books have them."""
    clerk = Bookkeeping(simulated)
    simulated.call("account.statement.journal", "write", [1], {"name": "Bench Bank USD"})
    simulated.call("party.party", "write", [1], {"name": "Bench Trading Inc"})
    simulated.call("account.account", "write", [clerk.accounts["1200"]], {"code": "1.2.1"})
    ids = [real.ids[role] for role in ("full", "split", "foreign")]
    fields = ["number", "party.name", "party.code", "total_amount", "invoice_date", "currency.code"]
    fields += [f"lines_to_pay.{name}" for name in ("maturity_date", "debit", "amount_second_currency")]
    parties: dict[str, int] = {}
    for invoice in real.result("model.account.invoice.read", ids, fields):
        who, code = invoice["party."], invoice["currency."]["code"]
        party = parties.setdefault(who["name"], 0) or clerk.party(who["name"], code=who["code"])
        own = "debit" if code == "USD" else "amount_second_currency"
        parts = [(day(r["maturity_date"]), amount(r[own])) for r in invoice["lines_to_pay."]]
        total = amount(invoice["total_amount"])
        rate = sum(amount(r["debit"]) for r in invoice["lines_to_pay."]) / total
        given = {"currency": code, "rate": rate, "number": invoice["number"]}
        clerk.invoice(party, total, day(invoice["invoice_date"]), parts, **given)
    clerk.party(OTHER, code="6")


def day(value: dict[str, int]) -> date:
    return date(value["year"], value["month"], value["day"])


def amount(value: dict[str, str]) -> Decimal:
    return Decimal(value["decimal"])


_IDS = re.compile(r"\b\d+\b")


def told(value: Any, roles: dict[tuple[str, int], str], key: str = "") -> Any:
    """An answer with ids as roles, and times as the kind of thing they are."""
    if isinstance(value, dict):
        if value.get("__class__") == "datetime":
            return {name: type(v).__name__ for name, v in value.items()}
        if value.get("__class__") == "Decimal":
            return ("Decimal", str(Decimal(value["decimal"]).normalize()))
        return {name: told(v, roles, name) for name, v in sorted(value.items())}
    if isinstance(value, list):
        return [told(v, roles, key) for v in value]
    if isinstance(value, int) and not isinstance(value, bool) and key not in ("year", "month", "day", "sequence"):
        return roles.get((key, value), "an id")
    if isinstance(value, str) and "," in value and value.partition(",")[2].isdigit():
        return value.partition(",")[0]
    return value


def error_told(error: Any) -> Any:
    """An error's class and words, the ids in it as such; what follows the words is for a client's window."""
    kind, *rest = error
    words = [w for w in (rest[0] if rest and isinstance(rest[0], list) else rest) if isinstance(w, str)]
    if kind == "UserWarning":
        words[0] = "a name"
    shape = [type(r).__name__ for r in rest]
    return _IDS.sub("#", kind), [_IDS.sub("#", re.sub(r'"\(?\d+\)?"', '"#"', w)) for w in words], shape


def with_ids(ids: dict[str, int], params: Any) -> Any:
    """Put a server's own ids where the script names a role: ``"@party"``, ``"party.party,@party"``."""
    said = re.sub(r'"@(\w+)"', lambda m: str(ids[m.group(1)]), json.dumps(params))
    return json.loads(re.sub(r"@(\w+)", lambda m: str(ids[m.group(1)]), said))


def compare(both: tuple[Wire, Wire], method: str, *params: Any, context: dict[str, Any] | None = None) -> Any:
    """Put one call to both, each with its own ids for the roles named like ``@party``; return both results."""
    found = []
    results = []
    for wire in both:
        given = with_ids(wire.ids, list(params))
        status, kind, said = wire.rpc(method, *given, {"company": wire.ids["company"], **(context or {})})
        roles = {("party", wire.ids[role]): role for role in ("party", "other") if role in wire.ids}
        answer = None
        if said is not None:
            answer = (
                ("result", told(said["result"], roles)) if "result" in said else ("error", error_told(said["error"]))
            )
        found.append((status, kind, answer))
        results.append((said or {}).get("result"))
    assert found[1] == found[0], f"{method} {params}\n simulated {found[1]}\n live      {found[0]}"
    return results


def remember(both: tuple[Wire, Wire], role: str, results: list[Any]) -> None:
    for wire, result in zip(both, results, strict=True):
        wire.ids[role] = result[0]


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


INVOICE = ["number", "state", "type", "party", "party.name", "currency.code", "total_amount", "amount_to_pay"]
INVOICE += ["reconciled", "payment_lines", "lines_to_pay", "lines_to_pay.maturity_date", "account.code", "move.state"]
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


STATE = ["name", "state", "start_balance", "end_balance", "lines.amount", "lines.number", "lines.related_to"]
STATE += ["lines.move", "lines.move.state", "lines.party", "lines.description"]
MADE = ["debit", "credit", "party", "account.reconcile", "origin", "description", "move.state", "invoice_payment"]


def test_a_statement_from_draft_to_posted(both):
    rows = (lines("7679.77", "full"), {**lines("20.00"), "sequence": 2})
    remember(both, "s", compare(both, "model.account.statement.create", [statement("Script 1", "7699.77", *rows)]))
    see = ("model.account.statement.read", ["@s"], STATE)
    booked = [["move.origin", "=", "account.statement,@s"]]
    order = [["debit", "ASC"], ["credit", "DESC"]]
    for button in ("post", "validate_statement", "validate_statement", "post", "post", "cancel", "delete"):
        compare(both, *see)
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
    for n, amount in enumerate(("6.16", "50.00", "56.15")):
        made = compare(
            both,
            "model.account.statement.create",
            [statement(f"Part {n}", amount, lines(amount, "split", "@splitter", f"P{n}"))],
        )
        remember(both, "p", made)
        compare(both, "model.account.statement.validate_statement", ["@p"])
        compare(both, "model.account.invoice.read", ["@split"], fields)
        if n == 1:
            compare(both, "model.account.statement.cancel", ["@p"])
            compare(both, "model.account.invoice.read", ["@split"], fields)
            compare(both, "model.account.statement.read", ["@p"], STATE)
            compare(both, "model.account.statement.delete", ["@p"])
            again = [statement("Part 1", amount, lines(amount, "split", "@splitter", "P1"))]
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


def test_deleting_what_is_used_and_what_is_gone(both):
    compare(both, "model.party.party.delete", [99999])
    made = compare(both, "model.party.party.create", [{"name": "Nobody"}])
    remember(both, "nobody", made)
    compare(both, "model.party.party.delete", ["@nobody"])
    compare(both, "model.party.party.search", [["id", "=", "@nobody"]], 0, None, None)
