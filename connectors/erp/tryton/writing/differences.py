"""Exchange differences that a statement brings about: Tryton books each as a draft of its own, and leaves it there.

Belongs here: finding them, posting them, taking them away. Not here: statements (receipts).

Validating a statement reconciles what it settles. Where that is in another currency, Tryton writes a move for what the
two rates differ by; as the statement's own move is not posted yet, that one is left a draft too, and posting the
statement does not post it (``account.move.line.reconcile``). The invoice would be paid and still have a balance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.erp.tryton.writing.calls import Calls, NotWrittenError
from connectors.kit.errors import RejectedByVendor

MOVE = "account.move"


class Differences:
    """The drafts of exchange differences that belong to moves of statements."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._journal: int | None = None

    def drafts(self, currency: str, lines: Sequence[Mapping[str, Any]]) -> list[int]:
        """Return the drafts that came with what these lines have settled; none in the company's currency."""
        moves = sorted({line["move"] for line in lines if line["move"] is not None})
        if currency == self._calls.books.currency or not moves:
            return []
        if self._journal is None:
            name = "currency_exchange_journal"
            said = self._calls.client.call("account.configuration", "read", [1], [name], context=self._calls.context)
            self._journal = said[0][name]
        domain = [
            ("company", "=", self._calls.books.company),
            ("state", "=", "draft"),
            ("journal", "=", self._journal),
            ("lines.reconciliation.lines.move", "in", moves),
        ]
        return [move["id"] for move in self._calls.find(MOVE, domain, ("state",))]

    def post(self, currency: str, lines: Sequence[Mapping[str, Any]]) -> None:
        """Post what is still a draft; NotWrittenError where Tryton refuses that."""
        drafts = self.drafts(currency, lines)
        if not drafts:
            return
        try:
            self._calls.change(MOVE, "post", drafts)
        except RejectedByVendor as refused:
            named = ", ".join(str(i) for i in drafts)
            raise NotWrittenError(
                f"the receipt is posted, its exchange difference is still a draft (account.move {named}): {refused}"
            ) from None

    def remove(self, drafts: Sequence[int]) -> None:
        """Delete drafts whose statement was taken back: what they were the difference of is open again."""
        if drafts:
            self._calls.change(MOVE, "delete", list(drafts))
