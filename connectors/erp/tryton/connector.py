"""The declaration of the Tryton connector, and what ``otc check`` tries."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.erp.tryton.books import open_books
from connectors.erp.tryton.client import TrytonClient
from connectors.erp.tryton.schema.entities import ENTITIES
from connectors.erp.tryton.settings import TrytonSettings
from connectors.erp.tryton.source import source
from connectors.erp.tryton.totals import counting
from connectors.erp.tryton.writer import writer
from connectors.kit.contract import Capability, CheckResult, Connector, Role
from connectors.kit.errors import ConnectorError, FatalError

NEEDED = (
    "party.party",
    "party.address",
    "account.account",
    "account.period",
    "account.invoice",
    "account.invoice.line",
    "account.move",
    "account.move.line",
    "account.move.reconciliation",
    "currency.currency.rate",
)
OPTIONAL = ("sale.sale", "bank.account.number", "account.statement", "account.statement.line", "account.payment")


def check(settings: TrytonSettings) -> Iterator[CheckResult]:
    """Sign in, find the company, then try to read each model. One line each; nothing is written."""
    with TrytonClient(settings) as client:
        try:
            client.sign_in()
            yield CheckResult("sign in", True, f"{settings.username} at {client.host}, {settings.database}")
            books = open_books(client)
        except ConnectorError as error:
            yield CheckResult("sign in" if not client.signed_in else "company", False, str(error))
            return
        accounts = ", ".join(books.accounts.values())
        yield CheckResult("company", True, f"{books.name} in {books.currency}, receivables on {accounts}")
        for model in (*NEEDED, *OPTIONAL):
            try:
                client.search_read(model, [], ["id"], limit=1, context=books.context)
                yield CheckResult(f"read {model}", True, "may be read")
            except FatalError as error:
                absent = "not installed, and not needed" if model in OPTIONAL else str(error)
                yield CheckResult(f"read {model}", model in OPTIONAL, absent)
            except ConnectorError as error:
                yield CheckResult(f"read {model}", False, str(error))


CONNECTOR = Connector(
    name="tryton",
    role=Role.ERP,
    title="Tryton",
    settings=TrytonSettings,
    entities=ENTITIES,
    source=source,
    check=check,
    capabilities=frozenset({Capability.INCREMENTAL, Capability.DELETES_SWEEP, Capability.WRITES, Capability.TOTALS}),
    counting=counting,
    writer=writer,
    creates=frozenset({"receipt"}),
    simulator="connectors.erp.tryton.simulator:main_serve",
)
