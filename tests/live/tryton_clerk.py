"""What people do in a Tryton, by its own wizards and buttons: invoice, take money, credit, cancel, reschedule.

Belongs here: doing it as the ERP's own client would. Not here: what must come of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from connectors.erp.tryton.client import TrytonClient

_INVOICE, _LINE = "account.invoice", "account.move.line"


class Clerk:
    """Somebody at work in one Tryton."""

    def __init__(self, erp: TrytonClient) -> None:
        self.erp = erp

    def invoice(self, like: int, day: date, **more: Any) -> int:
        """Post a copy of an invoice on that day; return its id."""
        [made] = self.erp.call(_INVOICE, "copy", [like], {}, writing=True)
        self.erp.call(_INVOICE, "write", [made], {"invoice_date": day, **more}, writing=True)
        self.erp.call(_INVOICE, "post", [made], writing=True)
        return int(made)

    def total(self, invoice: int) -> Decimal:
        """What an invoice comes to."""
        amount: Decimal = self.erp.read(_INVOICE, [invoice], ["total_amount"])[0]["total_amount"]
        return amount

    def pay(self, invoice: int, amount: Decimal, day: date, kind: str = "partial", **asked: Any) -> None:
        """Record a payment. ``kind``: what the wizard is told where it asks, which it does where amounts differ."""
        method = self.erp.search_read("account.invoice.payment.method", [], ["id"])[0]["id"]
        start = {"amount": amount, "date": day, "payment_method": method}
        self._wizard(
            "account.invoice.pay",
            _INVOICE,
            [invoice],
            [("start", "choice", start), ("ask", "pay", {"type": kind, **asked})],
        )

    def write_off(self) -> int:
        """Return the first way of writing off that the books know."""
        return int(self.erp.search_read("account.move.reconcile.write_off", [], ["id"])[0]["id"])

    def credit(self, invoice: int, day: date) -> None:
        """Take an invoice back by a credit note that settles it."""
        start = {"with_refund": True, "invoice_date": day}
        self._wizard("account.invoice.credit", _INVOICE, [invoice], [("start", "credit", start)])

    def cancel(self, invoice: int) -> None:
        """Cancel an invoice by a move, which a company must be allowed to do."""
        company = self.erp.read(_INVOICE, [invoice], ["company"])[0]["company"]
        self.erp.call("company.company", "write", [company], {"cancel_invoice_out": True}, writing=True)
        self.erp.call(_INVOICE, "cancel", [invoice], writing=True)

    def reschedule(self, invoice: int, first: date, times: int) -> None:
        """Let an invoice fall due in monthly parts."""
        owed = self.owed(invoice)
        start = {"start_date": first, "frequency": "monthly", "interval": 1, "number": times}
        steps = [("start", "preview", start), ("preview", "reschedule", {})]
        self._wizard("account.move.line.reschedule", _LINE, owed, steps)

    def owed(self, invoice: int) -> list[int]:
        """Ids of the receivable lines of an invoice's own move."""
        domain = [("move.origin", "=", f"{_INVOICE},{invoice}"), ("account.type.receivable", "=", True)]
        return [r["id"] for r in self.erp.search_read(_LINE, domain, ["id"])]

    def _wizard(self, name: str, model: str, ids: Sequence[int], steps: Sequence[tuple[str, str, Any]]) -> None:
        """Go through a wizard: what each view says, and over it what is given. It ends where it asks no more."""
        context = {"active_id": ids[0], "active_ids": list(ids), "active_model": model}
        session, state, _ = self.erp.wizard(name, "create", context=context)
        said = self.erp.wizard(name, "execute", session, {}, state, context=context)
        data: dict[str, Any] = {}
        for view, button, given in steps:
            if not said.get("view"):
                break
            data[view] = dict(_shown(said["view"])) | given
            said = self.erp.wizard(name, "execute", session, data, button, context=context)
        self.erp.wizard(name, "delete", session)


def _shown(view: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for values in (view.get("defaults"), view.get("value")):
        yield from ((key, value) for key, value in (values or {}).items() if not key.endswith("."))


def work_for_some_days(clerk: Clerk) -> None:
    """Let a clerk work for some days. The euro's rate is another one on each of them."""
    for day, rate in ((10, "0.91"), (12, "0.87"), (13, "0.93"), (14, "0.885")):
        values = {"currency": 2, "date": date(2026, 11, day), "rate": Decimal(rate)}
        clerk.erp.call("currency.currency.rate", "create", [values], writing=True)
    clerk.pay(7, Decimal("1000.00"), date(2026, 9, 15))
    start, off = date(2026, 11, 10), {"writeoff": clerk.write_off()}
    dollars = [clerk.invoice(2, start) for _ in range(6)]
    euros = [clerk.invoice(7, start) for _ in range(3)]
    owed = clerk.total(dollars[0])
    clerk.pay(dollars[0], owed, date(2026, 11, 11))
    clerk.pay(dollars[1], owed + Decimal("55.55"), date(2026, 11, 12), "overpayment")
    clerk.pay(dollars[2], owed - Decimal("1.23"), date(2026, 11, 12), "writeoff", **off)
    clerk.credit(dollars[3], date(2026, 11, 15))
    clerk.cancel(dollars[4])
    clerk.reschedule(dollars[5], date(2026, 12, 1), 3)
    payee = clerk.invoice(2, date(2026, 11, 16), alternative_payees=[("add", [6])])
    clerk.pay(payee, Decimal("11.00"), date(2026, 11, 17))
    owed = clerk.total(euros[0])
    clerk.pay(euros[0], Decimal("200.00"), date(2026, 11, 12))
    clerk.pay(euros[0], Decimal("100.00"), date(2026, 11, 13))
    clerk.pay(euros[0], owed - Decimal("300.00"), date(2026, 11, 14))
    clerk.pay(euros[1], owed + Decimal("10.00"), date(2026, 11, 13), "overpayment")
    clerk.pay(euros[2], owed - Decimal("0.77"), date(2026, 11, 14), "writeoff", **off)
