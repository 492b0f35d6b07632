"""The calls that change something, and what their failures mean.

Belongs here: telling "refused" from "perhaps applied". Not here: which calls (receipts, parties).
"""

from __future__ import annotations

from typing import Any

from connectors.erp.tryton.books import Books, open_books
from connectors.erp.tryton.client import TrytonClient
from connectors.kit.errors import ConnectorError
from connectors.kit.http import AnswerLostError


class PerhapsAppliedError(ConnectorError):
    """A changing call went out and no proper answer came: it may have been applied."""


class NotWrittenError(ConnectorError):
    """A record that cannot be written as it is wanted: nothing of it was applied."""


class Calls:
    """A signed-in client and the company that is written to."""

    def __init__(self, client: TrytonClient) -> None:
        self.client = client
        self._books: Books | None = None

    @property
    def books(self) -> Books:
        """The company's books; ConfigError where user or company cannot be used."""
        if self._books is None:
            self.client.sign_in()
            self._books = open_books(self.client)
        return self._books

    @property
    def context(self) -> dict[str, Any]:
        """What a call needs so that it is about this company."""
        return dict(self.books.context)

    def change(self, model: str, method: str, *args: Any) -> Any:
        """Call a method that changes something. RejectedByVendor: the server said no and has undone it."""
        try:
            return self.client.call(model, method, *args, writing=True, context=self.context)
        except AnswerLostError as lost:
            raise PerhapsAppliedError(str(lost)) from None

    def find(self, model: str, domain: list[Any], fields: tuple[str, ...]) -> list[dict[str, Any]]:
        """Return the records that match, oldest first."""
        return self.client.search_read(model, domain, fields, order=[("id", "ASC")], context=self.context)
