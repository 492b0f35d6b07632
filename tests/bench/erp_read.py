"""A live ERP read whole and incrementally: this connector, and the same records by the bare API.

``python -m tests.bench.erp_read TOOL URL DATABASE FOLDER`` runs one tool once. The books of the seeded Tryton are
copied ``GROWN`` times into the past, so that there is something to read; one invoice in a hundred was touched since.
The bare API asks for the same models and fields, page by page, and keeps only what it must to go on. Ours also finds
out what kind each line is, who paid whom, and makes batches that landing takes as they are.
"""

from __future__ import annotations

import base64
import json
import os
import pickle
import resource
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.compute as pc
import requests

from connectors.erp.tryton.connector import CONNECTOR
from connectors.erp.tryton.lines import FIELDS as LINE_FIELDS
from connectors.erp.tryton.settings import TrytonSettings
from connectors.kit.contract import Batch, Cursor
from tests.live import postgres
from tests.live.tryton import PASSWORD, USER, Tryton, running

GROWN = int(os.environ.get("OTC_BENCH_BOOKS", "60"))
PAGE = 1_000
STEP = 100_000
#: The tables that are copied, and their columns that point at each other.
_COPIED = {
    "account_move": (),
    "account_move_reconciliation": (),
    "account_move_line": ("move", "reconciliation"),
    "account_invoice": ("move", "cancel_move"),
    '"account_invoice-account_move_line"': ("invoice", "line"),
}
_MODELS: dict[str, tuple[list[Any], tuple[str, ...]]] = {
    "party.party": ([], ("code", "name", "active", "email", "phone", "customer_payment_term.name")),
    "sale.sale": ([], ("party", "number", "sale_date", "total_amount", "state", "currency.code")),
    "account.move.reconciliation": ([], ("number", "date")),
    "account.move.line": ([("account.type.receivable", "=", True), ("move.state", "=", "posted")], LINE_FIELDS),
    "account.invoice": (
        [("type", "=", "out")],
        ("party", "number", "state", "invoice_date", "untaxed_amount", "tax_amount", "total_amount", "move.date",
         "currency.code", "account.code", "payment_term.name", "sales"),
    ),
}  # fmt: skip
TOUCHED = "2026-11-24 00:00:00"


@contextmanager
def served() -> Iterator[tuple[Tryton, Path]]:
    """Serve grown books for as long as the contest runs."""
    with TemporaryDirectory() as folder, postgres.running() as server, running(server, Path(folder)) as erp:
        grow(erp, GROWN)
        yield erp, Path(folder)


def grow(erp: Tryton, times: int) -> None:
    """Copy the books into the past, a week a copy, and touch one invoice in a hundred.

    They were all made within an hour, which no books are: first they are spread over that week.
    """
    for table, links in _COPIED.items():
        name = table.strip('"')
        aged = ", ".join(f"{d} = {d} - id % 160 * interval '1 hour'" for d in ("create_date", "write_date"))
        erp.execute(f"update {table} set {aged}")
        columns = [
            row[0]
            for row in erp.execute(
                f"select column_name from information_schema.columns where table_name = '{name}' order by 1"
            )
        ]
        told = ", ".join(_copied(c, links) for c in columns)
        listed = ", ".join(f'"{c}"' for c in columns)
        made = f"select {told} from {table} t cross join generate_series(1, {times}) n"
        # the copies keep their parties, accounts and periods: foreign keys have nothing to say
        erp.execute(f"set session_replication_role = replica; insert into {table} ({listed}) {made}")
    erp.execute(f"update account_invoice set write_date = '{TOUCHED}' where type = 'out' and id % 100 = 7")
    erp.execute("analyze")


def _copied(column: str, links: tuple[str, ...]) -> str:
    if column == "id" or column in links:
        return f't."{column}" + n * {STEP}'
    if column in ("create_date", "write_date"):
        return f"t.\"{column}\" - n * interval '7 days'"
    return f't."{column}"'


class Content:
    """What was read, to be seen to be the same. The lines of an invoice that was touched only ours reads again."""

    def __init__(self) -> None:
        self._invoices: list[Decimal] = []
        self._lines: list[Decimal] = []

    def invoices(self, totals: Iterable[str]) -> None:
        """Count invoices."""
        self._invoices += map(Decimal, totals)

    def lines(self, debits: Iterable[str]) -> None:
        """Count receivable lines."""
        self._lines += map(Decimal, debits)

    def told(self, *, whole: bool) -> str:
        """The counts and sums."""
        said = f"{len(self._invoices)} invoices of {sum(self._invoices)}"
        return said + (f", {len(self._lines)} lines of {sum(self._lines)}" if whole else "")


def ours(url: str, database: str, cursors: dict[str, Cursor]) -> tuple[str, dict[str, Cursor]]:
    """Read with the connector, from where the cursors stand."""
    settings = TrytonSettings(
        url=url, database=database, username=USER, password=PASSWORD, allow_private=True, sweep=not cursors
    )
    content, kept = Content(), dict(cursors)
    for part in CONNECTOR.source("bench", settings, cursors).resources.values():
        for item in part:
            if not isinstance(item, Batch):
                continue
            if item.cursor is not None:
                kept[item.cursor.stream] = item.cursor
            if item.entity.name == "receivable_lines" and item.rows.num_rows:
                content.lines(item.rows["debit"].to_pylist())
                assert pc.all(pc.is_valid(item.rows["kind"])).as_py()
            if item.entity.name == "invoices":
                content.invoices(item.rows["total_amount"].to_pylist())
    return content.told(whole=not cursors), kept


def bare(url: str, database: str, since: str | None) -> str:
    """Read the same models and fields with nothing but requests, by id, whole or what was written since."""
    session = requests.Session()
    session.trust_env = False
    address = f"{url}/{database}/rpc/"

    def call(method: str, *params: Any) -> Any:
        said = session.post(address, json={"id": 1, "method": method, "params": params}).json()
        if "error" in said:
            raise RuntimeError(str(said["error"]))
        return said["result"]

    user, token, *_ = call("common.db.login", USER, {"password": PASSWORD})
    session.headers["Authorization"] = "Session " + base64.b64encode(f"{USER}:{user}:{token}".encode()).decode()
    context = call("model.res.user.get_preferences", True, {})
    content = Content()
    for model, (domain, fields) in _MODELS.items():
        changed = [["OR", ["write_date", ">=", _moment(since)], ["create_date", ">=", _moment(since)]]] if since else []
        last = 0
        while True:
            page = call(
                f"model.{model}.search_read", [*domain, *changed, ["id", ">", last]], 0, PAGE, [["id", "ASC"]],
                list(fields), context,
            )  # fmt: skip
            if not page:
                break
            last = page[-1]["id"]
            if model == "account.move.line":
                content.lines(r["debit"]["decimal"] for r in page)
            if model == "account.invoice":
                content.invoices(r["total_amount"]["decimal"] for r in page)
    return content.told(whole=since is None)


def _moment(literal: str) -> dict[str, Any]:
    day, clock = literal.split()
    year, month, date = map(int, day.split("-"))
    hour, minute, second = map(int, clock.split(":"))
    return {
        "__class__": "datetime", "year": year, "month": month, "day": date, "hour": hour, "minute": minute,
        "second": second, "microsecond": 0,
    }  # fmt: skip


def main(tool: str, url: str, database: str, folder: str) -> None:
    """Run one tool once and print its figures. Cursors of the whole read are made once, and are no part of a figure."""
    cursors: dict[str, Cursor] = {}
    if tool == "ours_incremental":
        kept = Path(folder) / "cursors"
        if not kept.exists():
            kept.write_bytes(pickle.dumps(_before(ours(url, database, {})[1])))
        cursors = pickle.loads(kept.read_bytes())
    wall, cpu = time.perf_counter(), time.process_time()
    if tool.startswith("bare"):
        content = bare(url, database, TOUCHED if tool == "bare_incremental" else None)
    else:
        content = ours(url, database, cursors)[0]
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"wall": wall, "cpu": cpu, "peak_mb": peak, "content": content}))


def _before(cursors: dict[str, Cursor]) -> dict[str, Cursor]:
    """Return the cursors as they were before the invoices were touched."""
    at = TOUCHED.replace(" ", "T") + ".000000+00:00"
    return {s: c if c.position < at else Cursor(s, at, "0") for s, c in cursors.items()}


if __name__ == "__main__":
    main(*sys.argv[1:5])
