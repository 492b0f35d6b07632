"""What stands as it was built: a model is built again only where it would differ, and a pass says which stood.

Belongs here: what each model was built of, what it held then, and whether both are so still. Not here: building.
Decided by content, not by who wrote when: nothing that died half-way, was dropped or was edited is taken for current.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from otc_pipelines.flow.context import Flow
from otc_pipelines.gate import expectations_dir
from otc_pipelines.transform import CONFORM, STANDING, NodeResult, TransformReport, fingerprint, project_dir
from otc_pipelines.warehouse import Tx

_BUILT = "built"
_READ_BY_MODELS = re.compile(r"""source\(\s*['"]ops['"]\s*,\s*['"](\w+)['"]""")
_READ_BY_GATES = re.compile(r"\bops\.(\w+)")
_VIEW = "VIEW"


def edition(told: Mapping[str, Any]) -> str:
    """What every model depends on: the files of the project and the variables that it is told, the day among them."""
    return _digest(fingerprint(project_dir()), told)


@dataclass(frozen=True)
class Inputs:
    """What models may be built of now: an edition of the project, and what the tables hold that it reads."""

    flow: Flow
    told: Mapping[str, Any]

    @cached_property
    def edition(self) -> str:
        """See ``edition``."""
        return edition(self.told)

    @cached_property
    def rows(self) -> str:
        """What is in the raw tables and in the tables of ``ops`` that a model or a gate names."""
        with self.flow.warehouse.reading() as tx:
            wanted = {("ops", name) for name in ops_read(project_dir(), expectations_dir())}
            there = _relations(tx)
            return _digest(_contents(tx, [r for r in there if r.schema.startswith("raw_") or r.key in wanted]))


@dataclass(frozen=True)
class Built:
    """What is known of models and tests that were built, by name. ``asked``: the names that a selection came to."""

    edition: str = ""
    asked: Mapping[str, Sequence[str]] = field(default_factory=dict)
    nodes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def named(self, models: Sequence[str]) -> Sequence[str]:
        """Return the models of a selection, of layers or by their own names; none where it was never built."""
        known = all(m in self.nodes for m in models)
        return models if known else self.asked.get(_selection(models), ())


@dataclass(frozen=True)
class Stood:
    """The results of models that stand, and of their tests; ``unsure``: models whose tests saw other rows."""

    results: tuple[NodeResult, ...]
    unsure: tuple[str, ...] = ()


def standing(flow: Flow, inputs: Inputs, models: Sequence[str]) -> Stood | None:
    """Return what stands of a selection, or None where any of its models is to be built.

    A view stands while the project and what it is told are the same. A table stands while the rows also are that it
    was built of. Either must be what it was when it was built.
    """
    with flow.warehouse.reading() as tx:
        built = _built(tx)
        names = built.named(models)
        if built.edition != inputs.edition or not names:
            return None
        nodes = {n: built.nodes[n] for n in names}
        there = {r.key: r for r in _relations(tx)}
        kept = [there.get((n["schema"], name)) for name, n in nodes.items()]
        if None in kept:
            return None
        now = _contents(tx, [r for r in kept if r is not None])
    if now != {_name(n["schema"], name): n["content"] for name, n in nodes.items()}:
        return None
    if any(n["of"] not in ("", inputs.rows) for n in nodes.values()):
        return None
    tests = {n: t for n, t in built.nodes.items() if t["kind"] != "model" and {*t["tested"]} & {*names}}
    current = {n: t for n, t in tests.items() if t["of"] == inputs.rows}
    stood = [replace(_result(name, n), status=STANDING, seconds=0.0) for name, n in nodes.items()]
    unsure = sorted({m for n, t in tests.items() if n not in current for m in t["tested"]} & {*names})
    return Stood((*stood, *(_result(n, t) for n, t in current.items())), tuple(unsure))


def remember(flow: Flow, inputs: Inputs, models: Sequence[str], report: TransformReport) -> None:
    """Note what was built, beside what was before of the same edition: with what it holds, in one transaction."""
    with flow.warehouse.transaction() as tx:
        before = _built(tx)
        if before.edition != inputs.edition:
            before = Built(inputs.edition)
        fresh = [m for m in report.models if m.status != STANDING]
        there = {r.key: r for r in _relations(tx)}
        made = {m.name: there[m.schema, m.name] for m in fresh}
        content = _contents(tx, made.values())
        nodes = {name: node for name, node in before.nodes.items() if name not in made}
        for m in fresh:
            views = made[m.name].kind == _VIEW
            held = {"of": "" if views else inputs.rows, "content": content[_name(m.schema, m.name)]}
            nodes[m.name] = {**asdict(m), **held}
        nodes |= {r.name: {**asdict(r), "of": inputs.rows} for r in report.results if r.kind != "model"}
        asked = {**before.asked, _selection(models): [m.name for m in report.models]}
        note(tx, _BUILT, {"edition": inputs.edition, "asked": asked, "nodes": nodes})


def forget(flow: Flow) -> None:
    """After a build that failed nobody knows what stands."""
    with flow.warehouse.transaction() as tx:
        tx.execute("delete from ops.instance where name = :name", name=_BUILT)


def judged(flow: Flow, inputs: Inputs, batches: Iterable[Any]) -> str:
    """What the gates judge now: batches, suites, what was built and what it was built of, and by which version."""
    suites = {p.name: p.read_text(encoding="utf-8") for p in sorted(expectations_dir().iterdir()) if p.is_file()}
    by = [version(name) for name in ("otc-pipelines", "great_expectations")]
    with flow.warehouse.reading() as tx:
        layers = {flow.warehouse.marts_built_in, "outbound", *CONFORM}
        held = _contents(tx, [r for r in _relations(tx) if r.schema in layers])
    return _digest([asdict(b) for b in batches], suites, held, inputs.edition, inputs.rows, by)


def noted(tx: Tx, name: str) -> dict[str, Any]:
    """Return what was noted under a name; of what an earlier version wrote in another form nothing is known."""
    try:
        said = json.loads(tx.scalar("select value from ops.instance where name = :name", name=name) or "{}")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def note(tx: Tx, name: str, said: Mapping[str, Any]) -> None:
    """Note something under a name, in place of what was there."""
    tx.execute("delete from ops.instance where name = :name", name=name)
    tx.insert("ops.instance", [{"name": name, "value": json.dumps(said, sort_keys=True)}])


def ops_read(project: Path, expectations: Path) -> set[str]:
    """Return the tables of ``ops`` that a model reads, or a gate."""
    models = (p for p in project.rglob("*.sql") if "target" not in p.relative_to(project).parts)
    found = {name for p in models for name in _READ_BY_MODELS.findall(p.read_text(encoding="utf-8"))}
    suites = (p for p in expectations.iterdir() if p.suffix in (".json", ".yml"))
    return found | {name for p in suites for name in _READ_BY_GATES.findall(p.read_text(encoding="utf-8"))}


@dataclass(frozen=True)
class _Relation:
    schema: str
    name: str
    kind: str
    columns: str
    definition: str

    @property
    def key(self) -> tuple[str, str]:
        return self.schema, self.name


def _relations(tx: Tx) -> list[_Relation]:
    """Every table and view: its columns with their types in order, and a view's definition."""
    columns: dict[tuple[str, str], list[str]] = {}
    for c in tx.rows(
        """select table_schema, table_name, column_name, data_type from information_schema.columns
        order by table_schema, table_name, ordinal_position"""
    ):
        columns.setdefault((c["table_schema"], c["table_name"]), []).append(f"{c['column_name']} {c['data_type']}")
    defined = {
        (v["schemaname"], v["viewname"]): v["definition"]
        for v in tx.rows("select schemaname, viewname, definition from pg_catalog.pg_views")
    }
    return [
        _Relation(*key, _VIEW if key in defined else "TABLE", ", ".join(listed), defined.get(key) or "")
        for key, listed in sorted(columns.items())
    ]


def _contents(tx: Tx, relations: Iterable[_Relation]) -> dict[str, str]:
    """What each table holds and how each view is defined, as short texts."""
    return {
        _name(r.schema, r.name): _digest(
            r.columns, r.definition if r.kind == _VIEW else tx.content(f'{r.schema}."{r.name}"')
        )
        for r in relations
    }


def _built(tx: Tx) -> Built:
    said = noted(tx, _BUILT)
    return Built(**said) if said else Built()


def _result(name: str, node: Mapping[str, Any]) -> NodeResult:
    said = {k: v for k, v in node.items() if k not in ("of", "content")}
    return NodeResult(**{**said, "name": name, "tested": tuple(node["tested"])})


def _selection(models: Sequence[str]) -> str:
    return " ".join(sorted(models))


def _name(schema: str, name: str) -> str:
    return f"{schema}.{name}"


def _digest(*said: Any) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
