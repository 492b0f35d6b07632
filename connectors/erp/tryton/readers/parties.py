"""Reads parties with their first address, and the bank accounts that they own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from connectors.erp.tryton.changes import EVERY, Feed, recorded
from connectors.erp.tryton.client import Record
from connectors.erp.tryton.readers.reading import Follower, Run, by_id, read, sweep
from connectors.erp.tryton.rows import batch, batches, related
from connectors.erp.tryton.schema.entities import BANK_ACCOUNTS, PARTIES
from connectors.kit.contract import Batch, Item, KeySweep

_FIELDS = ("code", "name", "active", "email", "phone", "tax_identifier.code", "customer_payment_term.name")
_LIMIT = "credit_limit_amount"
_ADDRESS = ("party", "street", "city", "postal_code", "country.code", "sequence", "create_date", "write_date")
_PARTS = ("party.address", "party.contact_mechanism", "party.identifier")
_NUMBER = "bank.account.number"
_DATES = ("account.create_date", "account.write_date")


def parties(run: Run) -> Iterator[Item]:
    """Yield parties; a changed address, contact or identifier brings its party again."""
    limited = run.has("party.party", _LIMIT)
    feed = Feed("parties", "party.party", [EVERY], (*_FIELDS, _LIMIT) if limited else _FIELDS)
    followers = [Follower(Feed(f"parties:{model}", model, [EVERY], ("party",)), _by_party) for model in _PARTS]
    yield from read(run, feed, followers, lambda records: _parties(run, records), PARTIES)
    yield from sweep(run, PARTIES, feed.model, feed.domain)


def _by_party(records: Sequence[Record]) -> list[Any]:
    return [("id", "in", sorted({r["party"] for r in records if r["party"] is not None}))]


def _parties(run: Run, records: Sequence[Record]) -> Iterator[Batch]:
    ids = [r["id"] for r in records]
    parts: dict[int, list[Record]] = {i: [] for i in ids}
    addresses: dict[int, Record] = {}
    domain = [("party", "in", ids)]
    for found in run.client.search_read(
        "party.address", domain, _ADDRESS, order=[("sequence", "ASC"), ("id", "ASC")], context=run.books.context
    ):
        addresses.setdefault(found["party"], found)
        parts[found["party"]].append(found)
    for model in _PARTS[1:]:
        for found in run.client.search_read(
            model, domain, ("party", "create_date", "write_date"), context=run.books.context
        ):
            parts[found["party"]].append(found)
    yield batch(PARTIES, (_party(run, r, addresses.get(r["id"]), parts[r["id"]]) for r in records))


def _party(run: Run, record: Record, address: Record | None, parts: Sequence[Record]) -> dict[str, Any]:
    return {
        "id": record["id"],
        "code": record["code"],
        "name": record["name"],
        "active": record["active"],
        "email": record["email"],
        "phone": record["phone"],
        "tax_identifier": related(record, "tax_identifier.code"),
        "customer_payment_term": related(record, "customer_payment_term.name"),
        "credit_limit_amount": record.get(_LIMIT),
        "street": address and address["street"],
        "city": address and address["city"],
        "postal_code": address and address["postal_code"],
        "country": address and related(address, "country.code"),
        "currency": run.books.currency,
        "legal_entity": run.books.legal_entity,
        "created_at": record["create_date"],
        "recorded_at": recorded(record, *parts),
    }


def bank_accounts(run: Run) -> Iterator[Item]:
    """Yield account numbers with their owners, where the database has banks."""
    if not run.has(_NUMBER):
        return
    fields = ("type", "number", "account", "account.owners", "account.bank.bic", *_DATES)
    feed = Feed("bank_accounts", _NUMBER, [EVERY], fields)
    account = Feed("bank_accounts:bank.account", "bank.account", [EVERY], ())
    follower = Follower(account, lambda records: [("account", "in", [r["id"] for r in records])])
    size = run.client.settings.batch_rows
    yield from read(run, feed, [follower], lambda records: _numbers(records, size), BANK_ACCOUNTS)
    if run.client.settings.sweep:
        alive = (r for page in by_id(run, _NUMBER, [EVERY], ("account.owners",)) for r in page)
        rows = [{"number_id": r["id"], "party": p} for r in alive for p in related(r, "account.owners") or ()]
        yield KeySweep(BANK_ACCOUNTS, batch(BANK_ACCOUNTS, rows).rows.select(list(BANK_ACCOUNTS.key)))


def _numbers(records: Sequence[Record], size: int) -> Iterator[Batch]:
    rows = [
        {
            "number_id": record["id"],
            "party": party,
            "type": record["type"],
            "number": record["number"],
            "bic": related(record, "account.bank.bic"),
            "recorded_at": recorded(record, record["account."]),
        }
        for record in records
        for party in related(record, "account.owners") or ()
    ]
    yield from batches(BANK_ACCOUNTS, rows, size)
