"""Which keys a source counts that are not here, and the other way round: asked only where counts or sums differ.

Belongs here: comparing keys. Not here: whether anything differs (``totals``).
"""

from __future__ import annotations

from datetime import datetime

from connectors.kit.contract import RECORDED_AT, Counter, Question
from connectors.kit.validation import key_text
from connectors.kit.validation.columns import check_column
from otc_pipelines.landing.counted import counted_here
from otc_pipelines.warehouse import Warehouse

MOST = 5


def named(
    warehouse: Warehouse, connector: str, source: str, question: Question, counter: Counter, until: datetime | None
) -> str:
    """Return in words which keys differ, the first few of each kind; '' where the keys and their times are the same."""
    there: dict[str, datetime | None] = {}
    twice: list[str] = []
    for page in counter.listed(question):
        times = [None] * page.keys.num_rows
        if page.recorded_at is not None:
            times = check_column(RECORDED_AT, page.recorded_at).values.to_pylist()
        for key, moment in zip(key_text(page.keys, question.entity).to_pylist(), times, strict=True):
            if key in there:
                twice.append(key)
            there[key] = moment
    here = _here(warehouse, connector, source, question, until)
    other = [k for k, m in there.items() if k in here and m is not None and here[k] not in (None, m)]
    kinds = (
        ("not here", sorted(there.keys() - here.keys())),
        ("not there", sorted(here.keys() - there.keys())),
        ("of another time", sorted(other)),
        ("there more than once", sorted(set(twice))),
    )
    return "; ".join(f"{what}: {_listed(keys, there)}" for what, keys in kinds if keys)


def _listed(keys: list[str], there: dict[str, datetime | None]) -> str:
    shown = [f"{k} ({moment:%Y-%m-%d %H:%M:%S})" if (moment := there.get(k)) else k for k in keys[:MOST]]
    return ", ".join(shown) + (f" and {len(keys) - MOST} more" if len(keys) > MOST else "")


def _here(
    warehouse: Warehouse, connector: str, source: str, question: Question, until: datetime | None
) -> dict[str, datetime | None]:
    """Return the keys that count here, and when the source recorded each."""
    counted, parameters = counted_here(connector, source, question, until)
    with warehouse.reading() as tx:
        rows = tx.rows(
            f'select "_key" as row_key, recorded_at, recorded_by_source from ({counted}) as counted',  # noqa: S608
            **parameters,
        )
    return {r["row_key"]: r["recorded_at"] if r["recorded_by_source"] else None for r in rows}
