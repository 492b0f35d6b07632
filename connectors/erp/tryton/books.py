"""The company that is read: its currency, its receivable accounts, what otc.yaml calls it.

Belongs here: what every reader has to know first, and that a wrong company is named. Not here: rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from connectors.erp.tryton.changes import EVERY
from connectors.erp.tryton.client import TrytonClient
from connectors.kit.errors import ConfigError


@dataclass(frozen=True)
class Books:
    """A company's books. ``accounts``: codes of its receivable accounts by id."""

    company: int
    name: str
    legal_entity: str
    currency: str
    accounts: Mapping[int, str]
    today: date

    @property
    def context(self) -> Mapping[str, object]:
        """What a call needs so that it is about this company."""
        return {"company": self.company}


def open_books(client: TrytonClient) -> Books:
    """Find the configured company, or the user's own; ConfigError names those that the user may see."""
    wanted = client.settings.company
    allowed = client.search_read("company.company", [], ["rec_name", "currency.code"], order=[("id", "ASC")])
    own = client.context.get("company")
    found = [c for c in allowed if (c["rec_name"] == wanted if wanted else c["id"] == own)]
    if len(found) != 1:
        names = ", ".join(repr(c["rec_name"]) for c in allowed) or "none"
        what = (
            f"company {wanted!r} is not among those"
            if wanted
            else "no company is chosen for this user; set company to one"
        )
        raise ConfigError(f"{client.host}: {what} that {client.settings.username!r} may see: {names}")
    company = found[0]
    accounts = client.search_read(
        "account.account",
        [("company", "=", company["id"]), ("type.receivable", "=", True), EVERY],
        ["code", "name"],
        context={"company": company["id"]},
    )
    if not accounts:
        raise ConfigError(f"{client.host}: {company['rec_name']!r} has no receivable account this user may see")
    currency = company["currency."]
    return Books(
        company["id"],
        str(company["rec_name"]),
        client.settings.legal_entity or str(company["rec_name"]),
        str(currency["code"]) if currency else "",
        {a["id"]: str(a["code"] or a["name"]) for a in accounts},
        client.call("ir.date", "today", context={"company": company["id"]}),
    )
