"""Which views stand as they are: staging and conformed hold no rows, and are built again only when they would differ.

Belongs here: what was built of which project and of what it was told. Not here: building.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from otc_pipelines.flow.context import Flow
from otc_pipelines.transform import CONFORM, fingerprint, project_dir

_NAME = "conform_fingerprint"


def edition(told: Mapping[str, Any]) -> str:
    """What views depend on: the files of the project and the variables that it is told."""
    return hashlib.sha256(json.dumps([fingerprint(project_dir()), told]).encode()).hexdigest()


def standing(flow: Flow, of: str) -> tuple[str, ...]:
    """Names that were built of this edition, in that order, by whichever way; none where one of them is gone."""
    with flow.warehouse.transaction() as tx:
        said = _read(tx.scalar("select value from ops.instance where name = :name", name=_NAME))
        found = tx.rows("select table_name from information_schema.tables where table_schema in (:a, :b)", **_SCHEMAS)
    built = tuple(said.get("built", ())) if said.get("of") == of else ()
    return built if {*built} <= {r["table_name"] for r in found} | {*CONFORM} else ()


def remember(flow: Flow, of: str, names: Iterable[str]) -> None:
    """Note that these were built of an edition: beside what was before of the same one, in place of any other."""
    built = list(dict.fromkeys((*standing(flow, of), *names)))
    with flow.warehouse.transaction() as tx:
        tx.execute("delete from ops.instance where name = :name", name=_NAME)
        tx.insert("ops.instance", [{"name": _NAME, "value": json.dumps({"of": of, "built": built})}])


def forget(flow: Flow) -> None:
    """After a build that failed nobody knows what stands."""
    with flow.warehouse.transaction() as tx:
        tx.execute("delete from ops.instance where name = :name", name=_NAME)


_SCHEMAS = dict(zip("ab", CONFORM, strict=True))


def _read(value: Any) -> dict[str, Any]:
    """Version 0.1.0 wrote a fingerprint alone: of that nothing is known."""
    try:
        said = json.loads(value or "{}")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
