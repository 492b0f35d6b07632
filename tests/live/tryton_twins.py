"""Two servers with the same few records: a live Tryton as it was restored, and a simulated one keyed after it.

Belongs here: which records a script may speak of, by role, and keying them. Not here: what is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connectors.erp.tryton.simulator import DATABASE, USER, Bookkeeping, TrytonSimulator, serve
from tests.live import tryton as live
from tests.live.postgres import Server
from tests.live.tryton_wire import Wire, amount, day

PARTY, OTHER = "Zenith Inc 001", "O'Brien SA 004"
FULL, SPLIT, FOREIGN = "INV2026-00053", "INV2026-00019", "INV2026-00007"
#: What a script reads of an invoice.
INVOICE = ["number", "state", "type", "party", "party.name", "currency.code", "total_amount", "amount_to_pay"]
INVOICE += ["reconciled", "payment_lines", "lines_to_pay", "lines_to_pay.maturity_date", "account.code", "move.state"]


@contextmanager
def twins(postgres: Server, folder: Path) -> Iterator[tuple[Wire, Wire]]:
    """Serve both for as long as the context lasts, signed in; the live one first."""
    with live.running(postgres, folder) as real, serve(folder / "simulated") as simulated:
        wires = (
            Wire(f"{real.url}/{real.database}/rpc/", live.USER, live.PASSWORD),
            Wire(f"{simulated.url}/{DATABASE}/rpc/", USER, simulated.password),
        )
        for wire in wires:
            wire.sign_in()
        look_up(wires[0])
        fill(simulated, wires[0])
        look_up(wires[1])
        yield wires


def look_up(wire: Wire) -> None:
    """Find the records that the script is about, by what people call them."""
    wire.ids["company"] = wire.result("model.company.company.search", [], 0, 1, None)[0]
    for role, model, name, value in (
        ("party", "party.party", "name", PARTY),
        ("other", "party.party", "name", OTHER),
        ("full", "account.invoice", "number", FULL),
        ("split", "account.invoice", "number", SPLIT),
        ("foreign", "account.invoice", "number", FOREIGN),
        ("splitter", "party.party", "name", "Müller & Sons 011"),
        ("journal", "account.statement.journal", "name", "Bench Bank USD"),
        ("debits", "account.payment.journal", "name", "Direct debit"),
    ):
        (wire.ids[role],) = wire.result(f"model.{model}.search", [[name, "=", value]], 0, None, None)
    (invoice,) = wire.result("model.account.invoice.read", [wire.ids["full"]], ["account"])
    wire.ids["account"] = invoice["account"]
    owed = [["move.origin", "=", f"account.invoice,{wire.ids['full']}"], ["account", "=", wire.ids["account"]]]
    (wire.ids["owed"],) = wire.result("model.account.move.line.search", owed, 0, None, None)


def fill(simulated: TrytonSimulator, real: Wire) -> None:
    """Key the few records that the script is about into the simulator, as the live books have them."""
    clerk = Bookkeeping(simulated)
    simulated.call("account.statement.journal", "write", [1], {"name": "Bench Bank USD"})
    simulated.call("party.party", "write", [1], {"name": "Bench Trading Inc"})
    simulated.call("account.account", "write", [clerk.accounts["1200"]], {"code": "1.2.1"})
    ids = [real.ids[role] for role in ("full", "split", "foreign")]
    fields = ["number", "party.name", "party.code", "tax_amount", "total_amount", "invoice_date", "currency.code"]
    fields += [f"lines_to_pay.{name}" for name in ("maturity_date", "debit", "amount_second_currency")]
    fields += [f"lines.{name}" for name in ("quantity", "unit_price", "sequence", "product.name", "account.code")]
    parties: dict[str, int] = {}
    for invoice in real.result("model.account.invoice.read", ids, fields):
        who, code = invoice["party."], invoice["currency."]["code"]
        party = parties.setdefault(who["name"], 0) or clerk.party(who["name"], code=who["code"])
        own = "debit" if code == "USD" else "amount_second_currency"
        parts = [(day(r["maturity_date"]), amount(r[own])) for r in invoice["lines_to_pay."]]
        total = amount(invoice["total_amount"])
        rate = sum(amount(r["debit"]) for r in invoice["lines_to_pay."]) / total
        given = {"currency": code, "rate": rate, "number": invoice["number"], "tax": amount(invoice["tax_amount"])}
        sold = [_goods(simulated, line) for line in invoice["lines."]]
        clerk.invoice(party, total, day(invoice["invoice_date"]), parts, **given, lines=sold)
        (revenue,) = {line["account."]["code"] for line in invoice["lines."]}
        simulated.call("account.account", "write", [clerk.accounts["4000"]], {"code": revenue})
    clerk.party(OTHER, code="6")


def _goods(simulated: TrytonSimulator, line: dict[str, Any]) -> dict[str, Any]:
    (product,) = simulated.call("product.product", "create", [{"name": line["product."]["name"]}])
    said = {"product": product, "quantity": line["quantity"], "sequence": line["sequence"]}
    return {**said, "unit_price": amount(line["unit_price"])}
