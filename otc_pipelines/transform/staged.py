"""What the models are told about an instance: which connectors it has, what they stage, what is written to them.

Belongs here: dbt variables. Not here: running dbt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from otc_pipelines.transform.references import reference_values as shipped


def staged(project: Path, connectors: Iterable[str]) -> dict[str, list[str]]:
    """Return for each entity the connectors, of those given, that have a staging model of it.

    The name of the file says it: ``models/staging/<connector>/stg_<connector>__<entity>.sql``.
    """
    found: dict[str, list[str]] = {}
    for connector in sorted(set(connectors)):
        prefix = f"stg_{connector}__"
        for model in sorted((project / "models" / "staging" / connector).glob(f"{prefix}*.sql")):
            found.setdefault(model.stem.removeprefix(prefix), []).append(connector)
    return dict(sorted(found.items()))


def outbound(project: Path, connectors: Iterable[str]) -> dict[str, list[str]]:
    """Return for each outbound object the connectors, of those given, that it can be written to.

    The name of the file says it: ``models/outbound/sync_<connector>__<object>.sql``.
    """
    found: dict[str, list[str]] = {}
    for connector in sorted(set(connectors)):
        prefix = f"sync_{connector}__"
        for model in sorted((project / "models" / "outbound").glob(f"{prefix}*.sql")):
            found.setdefault(model.stem.removeprefix(prefix), []).append(connector)
    return dict(sorted(found.items()))


def dbt_vars(
    project: Path,
    connectors: Iterable[str],
    *,
    today: date,
    aging_edges: Sequence[int] = (30, 60, 90),
    aging_by: str = "due_date",
    hold_after_days: int = 90,
    revaluation_rate_type: str | None = None,
    revaluation_months: int = 24,
    behaviour_days: int = 90,
    alarm_rate: str = "0.01",
    reference_values: Sequence[Mapping[str, str]] | None = None,
    industries: Sequence[Mapping[str, str | None]] = (),
) -> dict[str, Any]:
    """Return the variables that the project is run with; the same instance on the same day gives the same ones.

    ``reference_values``: None for those that come with the project; none at all when it is empty.
    """
    names = sorted(set(connectors))
    return {
        "connectors": names,
        "staged": staged(project, names),
        "outbound": outbound(project, names),
        "today": today.isoformat(),
        "aging_edges": list(aging_edges),
        "aging_by": aging_by,
        "hold_after_days": hold_after_days,
        "revaluation_rate_type": revaluation_rate_type,
        "revaluation_months": revaluation_months,
        "semantic": False,  # for BI tools; nothing of it is built
        "behaviour_days": behaviour_days,
        "alarm_rate": alarm_rate,
        "reference_values": [dict(row) for row in (shipped() if reference_values is None else reference_values)],
        "industries": [dict(row) for row in industries],
    }
