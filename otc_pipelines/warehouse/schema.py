"""The ``ops`` schema: what the house keeps about its own work. Portable DDL, numbered, applied once each.

A released migration is never edited; a change is a new one at the end.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Protocol

from otc_pipelines.warehouse.door import WarehouseError
from otc_pipelines.warehouse.killpoint import killpoint

_LOADS = (
    """create table ops.load (
        load_id text not null, source_system text not null, connector text not null, entity text not null,
        started_at timestamptz not null, loaded_at timestamptz not null,
        rows_in bigint not null, rows_new bigint not null, quarantined bigint not null, bytes bigint not null)""",
    """create table ops.cursor (
        source_system text not null, stream text not null, position text not null, cursor_key text not null,
        load_id text not null, updated_at timestamptz not null)""",
    """create table ops.quarantine (
        quarantine_id text not null, stage text not null, source_system text not null, connector text not null,
        entity text not null, file text, line bigint, row_key text, reason text not null, row_json text,
        loaded_at timestamptz not null, load_id text not null,
        status text not null, resolved_at timestamptz, resolved_by text)""",
    """create table ops.unknown_column (
        source_system text not null, entity text not null, column_name text not null,
        first_seen timestamptz not null)""",
    "create table ops.instance (name text not null, value text not null)",
    "create table ops.legal_entity (legal_entity text not null, base_currency text not null, ar_account text)",
    "create table ops.bank_account (account text not null, legal_entity text not null, gl_account text)",
)
_LEDGER = (
    """create table ops.ar_movement (
        movement_id text not null, source_system text not null, legal_entity text, party_id text,
        item_type text not null, item_id text not null, installment_no bigint, document_type text,
        document_date date, due_date date,
        movement_type text not null, cause_entity text not null, cause_id text not null,
        effective_date date not null, recorded_at timestamptz not null, loaded_at timestamptz not null,
        amount decimal(18,4) not null, currency text not null, base_amount decimal(18,4), base_currency text,
        gl_account text, posted_in_load text not null)""",
    """create table ops.posting_run (
        posted_to timestamptz not null, run_id text not null, posted_at timestamptz not null)""",
)
_DECISIONS = (
    """create table ops.match_decision (
        decision_id text not null, run_id text not null, decided_at timestamptz not null, superseded_at timestamptz,
        bank_source text not null, bank_line_id text not null, legal_entity text, party_id text,
        document_source text, document_id text, installment_no bigint, due_date date, receipt_id text,
        amount decimal(18,4) not null, currency text not null, value_date date,
        rule text not null, score decimal(9,6) not null, outcome text not null, reason text not null,
        evidence text, runner_up text, actor text not null)""",
    """create table ops.gate_verdict (
        verdict_id text not null, run_id text not null, decided_at timestamptz not null, suite text not null,
        target text, object text, batch_hash text not null, severity text not null, passed boolean not null,
        checks bigint not null, failed_checks bigint not null, details text)""",
)
_SYNC = (
    """create table ops.outbox (
        outbox_id text not null, target text not null, object text not null, key text not null, version bigint not null,
        action text not null, payload text not null, payload_hash text not null, batch_hash text not null,
        status text not null, reason text, lease_owner text, lease_until timestamptz,
        created_at timestamptz not null, updated_at timestamptz not null,
        created_by text not null, approved_by text)""",
    """create table ops.sync_attempt (
        attempt_id text not null, outbox_id text not null, attempt bigint not null, started_at timestamptz not null,
        finished_at timestamptz, outcome text not null, reason text)""",
)
_AUDIT = (
    """create table ops.audit_event (
        seq bigint not null, happened_at timestamptz not null, actor text not null,
        kind text not null, subject text not null,
        details text not null, previous_hash text not null, hash text not null)""",
)

_SNAPSHOTS = (
    """create table ops.aging_snapshot (
        buckets text not null, as_of date not null, row_key text not null, taken_at timestamptz not null,
        source_system text not null, legal_entity text, party_id text, currency text not null, base_currency text,
        bucket text, amount decimal(38,4) not null, base_amount decimal(38,4), run_id text not null)""",
    """create table ops.aging_snapshot_day (
        buckets text not null, as_of date not null, first_taken_at timestamptz not null, run_id text not null)""",
    """create table ops.aging_snapshot_run (
        buckets text not null, taken_at timestamptz not null, through date not null, rows_new bigint not null,
        run_id text not null)""",
)

# What was posted before is linked by the next posting (flow/exchanges.py): ``exchange_due`` says up to which load.
_EXCHANGES = (
    "alter table ops.ar_movement add column allocation_id text",
    "alter table ops.ar_movement add column exchange_id text",
    """create table ops.exchange_link (
        movement_id text not null, allocation_id text not null, exchange_id text not null)""",
    "create table ops.exchange_due (posted_to timestamptz not null)",
    """insert into ops.exchange_due
        select max(posted_to) from ops.posting_run having max(posted_to) is not null""",
)

_TOTALS = (
    """create table ops.source_total (
        source_system text not null, connector text not null, entity text not null, legal_entity text, currency text,
        column_name text, asked_at timestamptz not null, read_until timestamptz,
        rows_there bigint, rows_here bigint, amount_there decimal(38,4), amount_here decimal(38,4),
        quarantined bigint not null, quarantined_counted bigint not null, named text, reason text)""",
)

MIGRATIONS: Sequence[tuple[str, Sequence[str]]] = (
    ("0001_loads", _LOADS),
    ("0002_ledger", _LEDGER),
    ("0003_decisions", _DECISIONS),
    ("0004_sync", _SYNC),
    ("0005_audit", _AUDIT),
    ("0006_aging_snapshots", _SNAPSHOTS),
    ("0007_exchanges", _EXCHANGES),
    ("0008_source_totals", _TOTALS),
)

SERVER_INDEXES: Sequence[str] = (
    "create unique index if not exists audit_event_seq on ops.audit_event (seq)",
    "create index if not exists outbox_key on ops.outbox (target, object, key, version)",
    "create index if not exists outbox_batch on ops.outbox (batch_hash, status)",
    "create index if not exists sync_attempt_outbox on ops.sync_attempt (outbox_id)",
    "create index if not exists ar_movement_item on ops.ar_movement (source_system, item_id)",
    "create index if not exists aging_snapshot_row on ops.aging_snapshot (row_key, as_of)",
    "create index if not exists match_decision_line on ops.match_decision (bank_source, bank_line_id)",
    "create index if not exists quarantine_open on ops.quarantine (source_system, entity) where status = 'open'",
)
"""What a server needs to find a row; DuckDB scans its blocks."""


class Connection(Protocol):
    """What a migration needs of a connection."""

    def execute(self, sql: str, /) -> Any:
        """Run a statement."""
        ...


def migrate(connection: Connection) -> None:
    """Bring ``ops`` up to date: each migration whole or not at all, and once; the next start goes on where one ended.

    WarehouseError for a warehouse that a newer version has written: it is left as it is.
    """
    connection.execute("begin")
    if not connection.execute("select 1 from information_schema.schemata where schema_name = 'ops'").fetchall():
        connection.execute("create schema ops")
    connection.execute(
        "create table if not exists ops.schema_version (name text not null, applied_at timestamptz not null)"
    )
    connection.execute("commit")
    done = applied(connection)
    require_known(done)
    for name, statements in MIGRATIONS:
        if name in done:
            continue
        connection.execute("begin")
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"insert into ops.schema_version values ('{name}', current_timestamp)")  # noqa: S608
        killpoint("migration")
        connection.execute("commit")


def applied(connection: Connection) -> set[str]:
    """Names of the migrations that a warehouse has had; none for an empty one."""
    there = connection.execute(
        "select 1 from information_schema.tables where table_schema = 'ops' and table_name = 'schema_version'"
    ).fetchall()
    return {row[0] for row in connection.execute("select name from ops.schema_version").fetchall()} if there else set()


def require_known(applied: Collection[str]) -> None:
    """Refuse a warehouse with migrations that this version does not know: it would be read and written wrongly."""
    unknown = sorted(set(applied) - {name for name, _ in MIGRATIONS})
    if unknown:
        raise WarehouseError(
            f"the warehouse was written by a newer version: its schema is at {unknown[-1]}, this version knows "
            f"{newest()}; install that version again, or restore the backup from before the upgrade"
        )


def require_current(applied: Collection[str]) -> None:
    """Refuse to read what is not of this version's shape: newer, or older and not yet upgraded."""
    require_known(applied)
    if newest() not in applied:
        behind = max(applied, default="nothing")
        raise WarehouseError(
            f"the warehouse's schema is at {behind} and this version needs {newest()}; back it up, then run "
            "`otc check`, which upgrades it"
        )


def newest() -> str:
    """Name of the last migration that this version knows."""
    return MIGRATIONS[-1][0]
