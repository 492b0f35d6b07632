"""What is worth an alert: a run or a step that failed, a gate that did not pass, a source that fell silent.

Belongs here: noticing, and noticing that it is over. Not here: telling (``alerts``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from connectors.kit.errors import ConnectorError
from otc_pipelines.flow.alerts import Kind, Occurrence, key_of, tell
from otc_pipelines.flow.context import Flow, StepReport
from otc_pipelines.gate import standing
from otc_pipelines.naming import BY_COMMAND
from otc_pipelines.settings import Instance, Source
from otc_pipelines.warehouse import Tx, Warehouse, WarehouseError

if TYPE_CHECKING:
    from otc_pipelines.flow.run import RunReport

_WHOLE = "the whole pass"
_GATES = "data_docs/index.html in data_dir, expectations/gate.yml for the owner"


@contextmanager
def told(flow: Flow) -> Iterator[list[RunReport]]:
    """Around a pass: tell of what it reports, which is put into the list; or of the error that ended it."""
    reports: list[RunReport] = []
    try:
        yield reports
    except ConnectorError as problem:
        where = f"`otc check`, then `otc run`, with {flow.instance.path.name}"
        tell(flow.instance, [Occurrence("run_failed", _WHOLE, str(problem), where, flow.run_id, BY_COMMAND)])
        raise
    except Exception as problem:
        said, where = f"it broke: {type(problem).__name__}", "`otc run --debug` shows where; it is a defect"
        tell(flow.instance, [Occurrence("run_failed", _WHOLE, said, where, flow.run_id, BY_COMMAND)])
        raise
    if not reports:
        return
    found, over = of_steps(reports[-1].steps, flow.run_id)
    silent, heard = silent_sources(flow.instance, flow.warehouse)
    tell(flow.instance, [*found, *silent], [*over, *heard, key_of("run_failed", _WHOLE, BY_COMMAND)])


def of_steps(steps: Iterable[StepReport], run_id: str) -> tuple[list[Occurrence], list[str]]:
    """What failed in a pass, and the keys of what went well."""
    failed: list[Occurrence] = []
    over: list[str] = []
    for s in steps:
        if s.status == "skipped":
            continue  # whatever kept it from starting is told of
        if s.step == "gate":
            target, _, object_name = s.name.partition("/")
            found = of_verdict(str(s.facts.get("suite", s.name)), target, object_name, s.message, run_id)
        else:
            todo = f"`otc check`, and `otc run --debug` for the log; {s.step} in docs/operate.md"
            found = Occurrence("run_failed", f"{s.step} {s.name}", s.message or s.status, todo, run_id, BY_COMMAND)
        if s.code:
            failed.append(found)
        else:
            over.append(found.key)
    worst = {o.key for o in failed}
    return failed, [key for key in over if key not in worst]


def of_verdict(suite: str, target: str, object_name: str, message: str, run_id: str) -> Occurrence:
    """A suite that did not pass, by the same name whoever noticed it."""
    subject = f"{suite} for {target}/{object_name}" if object_name else suite
    return Occurrence("gate_failed", subject, message, _GATES, run_id)


def standing_gates(warehouse: Warehouse) -> tuple[list[Occurrence], list[str]]:
    """The suites that block as things stand, and the keys of those that do not. Raises WarehouseError."""
    blocked: list[Occurrence] = []
    over: list[str] = []
    with warehouse.reading() as tx:
        verdicts = standing(tx)
    for run_id, v in verdicts:
        target, object_name = (v.batch.target, v.batch.object_name) if v.batch else ("", "")
        found = of_verdict(v.suite, target, object_name, v.message, run_id)
        if v.blocks:
            blocked.append(found)
        else:
            over.append(found.key)
    return blocked, over


def silent_sources(instance: Instance, warehouse: Warehouse) -> tuple[list[Occurrence], list[str]]:
    """The sources that brought nothing new for longer than they may, and the keys of those that did."""
    watched = [s for s in instance.sources if s.longest_silence is not None]
    if not watched:
        return [], []
    try:
        with warehouse.reading() as tx:
            last = _last_news(tx)
            begun = tx.scalar("select min(applied_at) from ops.schema_version")
    except WarehouseError:
        return [], []  # nobody knows; that it cannot be read is told of by whoever needs it
    return judged(watched, last, begun, datetime.now(UTC))


def judged(
    sources: Sequence[Source], last: dict[str, datetime], begun: datetime | None, now: datetime
) -> tuple[list[Occurrence], list[str]]:
    """Judge each source by when it last brought something, or by when the warehouse was begun."""
    silent: list[Occurrence] = []
    heard: list[str] = []
    kind: Kind = "silent_source"
    for source in sources:
        since, allowed = last.get(source.name) or begun, source.longest_silence
        if since is None or allowed is None:
            continue
        if now - since <= allowed:
            heard.append(key_of(kind, source.name))
            continue
        said = f"nothing has come yet, {_length(now - since)} after the beginning"
        if source.name in last:
            said = f"nothing new for {_length(now - since)}, since {since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        said += f"; expect_every is {source.expect_every}"
        silent.append(Occurrence(kind, source.name, said, f"`otc check`, and whoever sends to {source.name}"))
    return silent, heard


def _last_news(tx: Tx) -> dict[str, datetime]:
    found: list[dict[str, Any]] = tx.rows(
        "select source_system, max(loaded_at) as last from ops.load group by source_system order by source_system"
    )
    return {r["source_system"]: r["last"] for r in found}


def _length(span: timedelta) -> str:
    hours = int(span.total_seconds() // 3600)
    return (
        f"{hours // 24} days"
        if hours >= 48
        else f"{hours} hours"
        if hours
        else f"{int(span.total_seconds() // 60)} minutes"
    )
