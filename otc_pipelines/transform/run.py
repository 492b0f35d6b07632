"""dbt in this process: no subprocess, no output, nothing left open.

Belongs here: the invocation and what must be let go after it. Not here: what is selected when (the flow says so).
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from connectors.kit.errors import FatalError
from otc_pipelines.transform.parsed import keep, keep_to_build, kept, kept_to_build, parsed_of
from otc_pipelines.transform.report import NodeResult, TransformReport
from otc_pipelines.warehouse import Warehouse

CONFORM: tuple[str, ...] = ("staging", "conformed")
"""Part 1: what posting and cash application read."""

MARTS: tuple[str, ...] = ("marts", "outbound")
"""Part 2: what people and targets read."""

_manifests: dict[tuple[str, ...], Any] = {}
_KEPT = 4  #: of these the latest: a day, a setting, an edited model is another


class TransformError(FatalError):
    """dbt could not run at all: the project does not parse, or the warehouse cannot be used. Exit code 3."""


def build(
    project_dir: Path,
    warehouse: Warehouse,
    select: Sequence[str],
    vars: Mapping[str, Any],
    target_path: Path,
    *,
    threads: int = 2,
    command: str = "build",
    unit_tests: bool = False,
    progress: Callable[[NodeResult], None] | None = None,
) -> TransformReport:
    """Build the selected models and run their tests; return what came of each, failures included.

    The project is parsed once per process for the same files and variables, as long as they are among the last few.
    ``unit_tests``: also those beside the models, which are about the project and not about its data. TransformError
    when dbt cannot run.
    """
    from dbt.cli.main import dbtRunner

    started = time.monotonic()
    common = _common(project_dir, vars, target_path)
    finished: list[NodeResult] = []

    def heard(event: Any) -> None:
        if progress is not None and event.info.name == "NodeFinished":
            node = event.data.node_info
            schema = node.node_relation.schema
            progress(NodeResult(node.node_name, node.resource_type, node.node_status, 0.0, "", schema))

    with _environment(warehouse, threads), _released(), contextlib.redirect_stdout(io.StringIO()):
        manifest = _parsed(project_dir, warehouse, vars, target_path)
        runner = dbtRunner(manifest=manifest, callbacks=[heard])
        outcome = runner.invoke(
            [
                *(command, *common, "--no-write-json", "--select", *select, "--indirect-selection", "buildable"),
                *(() if unit_tests or command not in ("build", "test") else ("--exclude-resource-type", "unit_test")),
            ]
        )
        answer = _answer(outcome)
    finished = [_result(r, manifest) for r in answer.results]
    return TransformReport(tuple(finished), time.monotonic() - started, target_path)


def parsed_project(
    project_dir: Path, warehouse: Warehouse, vars: Mapping[str, Any], target_path: Path
) -> dict[str, Any]:
    """Return dbt's own manifest of the project: models, tests, what depends on what. No warehouse is opened.

    What an earlier process was told of the same files, variables and versions is told again without dbt.
    """
    of = parsed_of(fingerprint(project_dir), vars, warehouse.dbt_environment(connects=False))
    told = kept(target_path, of)
    if told is None:
        with _environment(warehouse, 1, connects=False), contextlib.redirect_stdout(io.StringIO()):
            found = _parsed(project_dir, warehouse, vars, target_path)
        told = dict(found.writable_manifest().to_dict(omit_none=False))
        keep(target_path, of, told)
    return told


def _common(project_dir: Path, variables: Mapping[str, Any], target_path: Path) -> list[str]:
    target_path.mkdir(parents=True, exist_ok=True)
    return [
        *("--project-dir", str(project_dir), "--profiles-dir", str(project_dir), "--vars", _told(variables)),
        *("--target-path", str(target_path), "--log-path", str(target_path)),
        *("--quiet", "--log-level", "none", "--log-level-file", "none", "--no-use-colors", "--no-print"),
    ]


def _told(variables: Mapping[str, Any]) -> str:
    return json.dumps(dict(variables), sort_keys=True)


def _parsed(project_dir: Path, warehouse: Warehouse, variables: Mapping[str, Any], target_path: Path) -> Any:
    """The project, parsed once for the same files and variables: what was last used is kept, also in a file."""
    from dbt.cli.main import dbtRunner

    files = fingerprint(project_dir)
    place = os.environ["OTC_DBT_TARGET"], os.environ.get("OTC_PG_DATABASE", "")  # relations are named by it
    key = (str(project_dir), _told(variables), files, *place)
    found = _manifests.pop(key, None)
    if found is None:
        environment = {**warehouse.dbt_environment(connects=False), "project": str(project_dir)}
        of = parsed_of(files, variables, environment)
        found = kept_to_build(target_path, of)
        if found is None:
            found = _answer(dbtRunner().invoke(["parse", *_common(project_dir, variables, target_path)]))
            keep_to_build(target_path, of, found)
    _manifests[key] = found  # the last one used is last
    for oldest in list(_manifests)[:-_KEPT]:
        del _manifests[oldest]
    return found


def _answer(outcome: Any) -> Any:
    """Return what dbt gave back; a failed model or test is an answer too."""
    if outcome.exception is not None or outcome.result is None:
        raise TransformError(f"dbt cannot run: {_one_line(str(outcome.exception))}")
    return outcome.result


def _result(result: Any, manifest: Any) -> NodeResult:
    node = result.node
    tested = tuple(n.split(".")[-1] for n in node.depends_on_nodes) if str(node.resource_type) != "model" else ()
    return NodeResult(
        name=node.name,
        kind=str(node.resource_type),
        status=str(result.status),
        seconds=float(result.execution_time or 0.0),
        message=_one_line(str(result.message or "")),
        schema=getattr(node, "schema", "") or "",
        tested=tested,
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def fingerprint(project: Path) -> str:
    """Changes when a file of the project does, so that an edited model is seen."""
    digest = hashlib.sha256()
    for path in sorted(p for p in project.rglob("*") if p.suffix in (".sql", ".yml", ".md", ".csv")):
        if "target" not in path.relative_to(project).parts:
            digest.update(str(path.relative_to(project)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@contextlib.contextmanager
def _environment(warehouse: Warehouse, threads: int, *, connects: bool = True) -> Iterator[None]:
    """What profiles.yml reads, for the time of the run."""
    values = {
        **warehouse.dbt_environment(connects=connects),
        "OTC_DBT_THREADS": str(threads),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _released() -> Iterator[None]:
    """Let go of the warehouse afterwards: an adapter may keep its connections for the life of the process."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.factory import FACTORY

    try:
        yield
    finally:
        for adapter in FACTORY.adapters.values():
            adapter.cleanup_connections()
        DuckDBConnectionManager.close_all_connections()
        DuckDBConnectionManager._ENV = None
