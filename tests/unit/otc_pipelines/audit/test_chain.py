"""The audit chain: what it takes, and that the verifier names the first broken row however it was broken."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otc_pipelines.audit import AuditError, Event, anchor_path, append, append_many, audited, verify
from otc_pipelines.warehouse import EmbeddedWarehouse, Warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return EmbeddedWarehouse(tmp_path / "warehouse.duckdb", wait=5)


def fill(warehouse: Warehouse, count: int = 5) -> None:
    for n in range(count):
        with audited(warehouse) as tx:
            append(tx, "load", f"legacy/documents/{n}", {"rows_in": n, "rows_new": n}, "system")


def tamper(warehouse: Warehouse, sql: str) -> None:
    with warehouse.transaction() as tx:
        tx.execute(sql)


def test_an_untouched_chain_verifies(warehouse: Warehouse) -> None:
    fill(warehouse)
    found = verify(warehouse)
    assert (found.ok, found.events, found.broken, found.ahead) == (True, 5, None, 0)


def test_the_hash_is_sha256_over_the_previous_one_and_the_canonical_row(warehouse: Warehouse) -> None:
    fill(warehouse, 3)
    with warehouse.reading() as tx:
        rows = tx.rows("select * from ops.audit_event order by seq")
    previous = "0" * 64
    for row in rows:
        when = row["happened_at"].astimezone(UTC).isoformat(timespec="microseconds")
        text = json.dumps(
            [row["seq"], when, row["actor"], row["kind"], row["subject"], row["details"]],
            separators=(",", ":"),
            ensure_ascii=False,
        )
        previous = hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()
        assert row["hash"] == previous
    assert json.loads(anchor_path(warehouse).read_text())["head"] == {"seq": 3, "hash": previous}


@pytest.mark.parametrize(
    ("sql", "broken", "word"),
    [
        ("update ops.audit_event set details = '{\"rows_in\":7}' where seq = 3", 3, "edited"),
        ("update ops.audit_event set actor = 'other' where seq = 1", 1, "edited"),
        ("update ops.audit_event set happened_at = happened_at + interval 1 microsecond where seq = 2", 2, "edited"),
        ("delete from ops.audit_event where seq = 2", 2, "missing"),
        ("delete from ops.audit_event where seq = 1", 1, "missing"),
        ("delete from ops.audit_event where seq >= 4", 4, "cut"),
        ("delete from ops.audit_event", 1, "cut"),
        ("update ops.audit_event set seq = case seq when 2 then 3 when 3 then 2 else seq end", 2, "does not follow"),
        ("insert into ops.audit_event select * from ops.audit_event where seq = 4", 4, "twice"),
    ],
)
def test_the_first_broken_row_is_named(warehouse: Warehouse, sql: str, broken: int, word: str) -> None:
    fill(warehouse)
    tamper(warehouse, sql)
    found = verify(warehouse)
    assert (found.ok, found.broken) == (False, broken)
    assert word in found.message


def forge(warehouse: Warehouse, count: int) -> None:
    """Append rows with right hashes past the trail's own door."""
    from otc_pipelines.audit import chain

    with warehouse.transaction() as tx:
        chain.admit(tx)
        append_many(tx, [Event("run", f"forged/{n}", {}, "system") for n in range(count)])


def test_rows_put_in_past_the_trail_show_and_are_never_anchored_afterwards(warehouse: Warehouse) -> None:
    fill(warehouse)
    forge(warehouse, 2)
    assert (verify(warehouse).ok, verify(warehouse).broken) == (False, 6)
    fill(warehouse, 2)
    assert (verify(warehouse).ok, verify(warehouse).broken) == (False, 6)


def test_a_tail_that_was_cut_and_grown_again_shows(warehouse: Warehouse) -> None:
    fill(warehouse)
    tamper(warehouse, "delete from ops.audit_event where seq >= 4")
    fill(warehouse, 1)
    assert verify(warehouse).broken == 5  # still shorter than what was anchored
    fill(warehouse, 3)
    found = verify(warehouse)
    assert (found.ok, found.broken) == (False, 5)
    assert "anchored" in found.message


def test_a_missing_or_unreadable_anchor_is_no_pass(warehouse: Warehouse) -> None:
    fill(warehouse)
    anchor_path(warehouse).write_text("{")
    assert "cannot be read" in verify(warehouse).message
    anchor_path(warehouse).unlink()
    assert not verify(warehouse).ok
    fill(warehouse, 1)
    assert not verify(warehouse).ok


def test_nothing_recorded_verifies(warehouse: Warehouse) -> None:
    tamper(warehouse, "select 1")
    assert verify(warehouse).ok


def test_a_transaction_that_fails_leaves_no_event_and_the_anchor_as_it_was(warehouse: Warehouse) -> None:
    fill(warehouse, 2)
    before = anchor_path(warehouse).read_text()
    with pytest.raises(RuntimeError), audited(warehouse) as tx:
        append(tx, "run", "one", {}, "system")
        raise RuntimeError
    assert anchor_path(warehouse).read_text() == before
    assert verify(warehouse).events == 2


def test_only_allowed_details_are_taken(warehouse: Warehouse) -> None:
    with audited(warehouse) as tx:
        for kind, details in (
            ("load", {"email": "a@example.com"}),
            ("gossip", {}),
            ("load", {"rows_in": 1.5}),
            ("load", {"file": "x" * 501}),
        ):
            with pytest.raises(AuditError):
                append(tx, kind, "s", details, "system")
        with pytest.raises(AuditError):
            append(tx, "load", "two\nlines", {}, "system")
    with warehouse.transaction() as tx, pytest.raises(AuditError, match="audited"):
        append(tx, "load", "s", {}, "system")
    assert verify(warehouse).events == 0


_DYING = """
import sys
from pathlib import Path
from otc_pipelines.audit import append, audited
from otc_pipelines.warehouse import EmbeddedWarehouse
with audited(EmbeddedWarehouse(Path(sys.argv[1]))) as tx:
    append(tx, "run", "dying", {}, "system")
    append(tx, "run", "dying again", {}, "system")
"""


@pytest.mark.parametrize(("point", "events", "ahead"), [("audit.before_commit", 2, 0), ("audit.after_commit", 4, 2)])
def test_killed_around_the_commit_the_chain_is_never_behind_its_anchor(
    warehouse: Warehouse, point: str, events: int, ahead: int
) -> None:
    fill(warehouse, 2)
    ended = subprocess.run(
        [sys.executable, "-c", _DYING, str(warehouse.path)], env={**os.environ, "OTC_KILL_AT": point}, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    found = verify(warehouse)
    assert (found.ok, found.events, found.ahead) == (True, events, ahead)
    fill(warehouse, 1)
    found = verify(warehouse)
    assert (found.ok, found.events, found.ahead) == (True, events + 1, 0)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_edit_of_any_row_is_named(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    warehouse = EmbeddedWarehouse(tmp_path_factory.mktemp("w") / "warehouse.duckdb", wait=5)
    count = data.draw(st.integers(1, 6))
    with audited(warehouse) as tx:
        append_many(tx, [Event("load", f"s{n}", {"rows_in": n}, "system") for n in range(count)])
    seq = data.draw(st.integers(1, count))
    column = data.draw(st.sampled_from(["actor", "kind", "subject", "details", "hash", "previous_hash"]))
    tamper(warehouse, f"update ops.audit_event set {column} = {column} || 'x' where seq = {seq}")
    assert verify(warehouse).broken == seq
