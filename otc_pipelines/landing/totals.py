"""Holds what landed against what the source itself says it has: rows and sums, for each entity, currency and company.

A difference is told only where nothing else can explain it (``docs/decisions/0019-source-totals.md``): rows count up to
the position that was read, rows in quarantine count on neither side, and where the sides differ the source is read and
asked again, until its answer has stood still around a reading. Belongs here: asking, comparing, what is kept of it.
Not here: what a connector asks (its ``totals``), the comparison that gates judge (``fct_source_totals``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connectors.kit.contract import Connector, Counter, Cursors, Entity, Group, Question, Settings, Totals
from connectors.kit.errors import ConnectorError
from connectors.kit.redact import redact_text
from connectors.kit.totals import group_columns, money_columns
from otc_pipelines.landing import records
from otc_pipelines.landing.counted import counted_here
from otc_pipelines.landing.missing import named
from otc_pipelines.landing.tables import raw_table
from otc_pipelines.warehouse import Tx, Warehouse, quoted

ROUNDS = 3
#: Keys that a source is asked to leave out: a query has a longest length.
MOST_LEFT_OUT = 200
_CONTENT = (
    "legal_entity", "currency", "column_name", "rows_there", "rows_here", "amount_there", "amount_here",
    "quarantined", "quarantined_counted", "reason",
)  # fmt: skip


@dataclass
class Held:
    """An entity held against its source: both sides by group, and what was left out of them."""

    question: Question
    theirs: Totals
    ours: dict[tuple[str | None, str | None], Group]
    quarantined: int
    counted: int

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each group and amount; one for an entity without either."""
        theirs = {(g.legal_entity, g.currency): g for g in self.theirs.groups}
        stated = {name for g in self.theirs.groups for name in g.sums}
        money = [f.name for f in money_columns(self.question.entity)]
        money = [m for m in money if m in stated] if theirs else money
        nothing = Group(0, dict.fromkeys(money, Decimal(0)))
        found = []
        for group in sorted({*theirs, *self.ours} or {(None, None)}, key=str):
            there, here = theirs.get(group, nothing), self.ours.get(group, Group(0, {}))
            base: dict[str, Any] = {
                "legal_entity": group[0],
                "currency": group[1],
                "column_name": None,
                "rows_there": there.rows,
                "rows_here": here.rows,
                "amount_there": None,
                "amount_here": None,
                "quarantined": self.quarantined,
                "quarantined_counted": self.counted,
                "reason": None,
            }
            added = [
                base
                | {
                    "column_name": column,
                    "amount_there": _placed(there.sums[column]) if column in there.sums else None,
                    "amount_here": _placed(here.sums.get(column, Decimal(0))),
                }
                for column in money
            ]
            found += added or [base]
        return found

    @property
    def differs(self) -> bool:
        """Say whether the two sides are not the same, quarantined rows aside."""
        return any(differs(r) for r in self.rows())

    @property
    def explained(self) -> bool:
        """Say whether what lacks here can be rows in quarantine that could not be left out, as the mart says it."""
        theirs = {(g.legal_entity, g.currency): g.rows for g in self.theirs.groups}
        lacking = [
            theirs.get(group, 0) - (self.ours[group].rows if group in self.ours else 0)
            for group in {*theirs, *self.ours}
        ]
        return self.counted > 0 and min(lacking, default=0) >= 0 and sum(lacking) <= self.counted


@dataclass
class Holding:
    """What came of holding a source against itself: entities that tie, that differ, that could not be asked.

    ``aside``: those that differ by no more than the rows in quarantine which the source could not leave out.
    """

    tied: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)
    unchecked: dict[str, str] = field(default_factory=dict)


def differs(row: Mapping[str, Any]) -> bool:
    """Say whether a kept row states a difference."""
    there = row["amount_there"]
    return row["rows_there"] != row["rows_here"] or (there is not None and there != row["amount_here"])


def hold_against_source(
    warehouse: Warehouse, connector: Connector, source: str, settings: Settings, again: Callable[[], object]
) -> Holding:
    """Ask the source of each entity and keep what it says. ``again`` lands what is new of the source once more.

    No error of the source is raised: what could not be asked is kept as not checked, with the reason, but for a
    difference that was found before: that stands until the source is seen to tie.
    """
    holding, known = Holding(), _kept(warehouse, source)
    if connector.counting is None:
        reason = f"connector {connector.name} states no totals"
        others: dict[str, list[dict[str, Any]]] = {name: [] for name in known}  # another connector's
        _keep(warehouse, connector, source, known, others | {"*": [_unchecked(reason)]}, {})
        return holding
    with warehouse.reading() as tx:
        cursors = records.cursors(tx, source)
    found: dict[str, list[dict[str, Any]]] = {}
    bounds: dict[str, datetime | None] = {}
    try:
        with connector.counting(settings) as counter:
            held = _steady(warehouse, connector, source, counter, cursors, again, holding)
            for name, one in held.items():
                found[name], bounds[name] = one.rows(), one.theirs.until
                kind = holding.tied if not one.differs else holding.aside if one.explained else holding.differing
                kind.append(name)
            off = [*holding.differing, *holding.aside]
            _name(warehouse, connector, source, counter, known, {n: held[n] for n in off}, found)
    except ConnectorError as problem:
        reason = redact_text(str(problem))
        asked = {*found, *holding.unchecked}
        holding.unchecked |= {e.name: reason for e in connector.entities if e.name not in asked}
    for name, reason in list(holding.unchecked.items()):
        if any(r["reason"] is None and differs(r) for r in known.get(name, ())):
            holding.differing.append(name)
        elif name in known or name in found or not _never_landed(warehouse, connector, source, name):
            found[name] = [_unchecked(reason)]
    gone = known.keys() - found.keys() - {*holding.differing, *holding.unchecked}
    _keep(warehouse, connector, source, known, {**found, **{name: [] for name in gone}}, bounds)
    return holding


def forget_totals(warehouse: Warehouse, sources: Iterable[str]) -> None:
    """Drop what is kept of sources that are no longer configured: nobody asks them any more."""
    known = set(sources)
    with warehouse.transaction() as tx:
        for row in tx.rows("select distinct source_system from ops.source_total"):
            if row["source_system"] not in known:
                tx.execute("delete from ops.source_total where source_system = :source", source=row["source_system"])


def _steady(
    warehouse: Warehouse,
    connector: Connector,
    source: str,
    counter: Counter,
    cursors: Cursors,
    again: Callable[[], object],
    holding: Holding,
) -> dict[str, Held]:
    """Ask until each entity ties, or differs while its source's answer has stood still around a reading."""
    held = _asked(warehouse, connector, source, counter, cursors, connector.entities, holding)
    restless = [n for n, one in held.items() if one.differs]
    for _ in range(ROUNDS - 1):
        if not restless:
            break
        before = {n: held.pop(n) for n in restless}
        try:
            again()
        except ConnectorError as problem:
            holding.unchecked |= dict.fromkeys(restless, redact_text(str(problem)))
            return held
        held |= _asked(warehouse, connector, source, counter, cursors, [connector.entity(n) for n in restless], holding)
        restless = [n for n in restless if n in held and held[n].differs and held[n].theirs != before[n].theirs]
    for name in restless:
        holding.unchecked[name] = "rows that had been read kept changing while it was asked"
        del held[name]
    return held


def _asked(
    warehouse: Warehouse,
    connector: Connector,
    source: str,
    counter: Counter,
    cursors: Cursors,
    entities: Iterable[Entity],
    holding: Holding,
) -> dict[str, Held]:
    held = {}
    for entity in entities:
        with warehouse.reading() as tx:
            aside = _quarantined(tx, source, entity)
        keys = sorted(k for k in aside if k)
        without = frozenset(keys[:MOST_LEFT_OUT])
        question = Question(entity, cursors, without)
        try:
            theirs = counter.totals(question)
        except ConnectorError as problem:
            holding.unchecked[entity.name] = redact_text(str(problem))
            continue
        if theirs is None:
            continue
        theirs = Totals(tuple(sorted(theirs.groups, key=lambda g: str((g.legal_entity, g.currency)))), theirs.until)
        with warehouse.reading() as tx:
            ours = _ours(tx, connector, source, question, theirs.until)
        held[entity.name] = Held(question, theirs, ours, sum(aside.values()), len(keys) - len(without))
    return held


def _ours(
    tx: Tx, connector: Connector, source: str, question: Question, until: datetime | None
) -> dict[tuple[str | None, str | None], Group]:
    """Count and add the versions that count now, as they landed."""
    money = [f.name for f in money_columns(question.entity)]
    sums = "".join(f", sum({quoted(m)}) as {quoted('sum_' + m)}" for m in money)
    by = ["cast(null as text)" if f is None else quoted(f.name) for f in group_columns(question.entity)]
    wanted = ", ".join([f"{by[0]} as company", f"{by[1]} as unit", *map(quoted, money)])
    counted, parameters = counted_here(connector.name, source, question, until)
    rows = tx.rows(
        f"""select company, unit, count(*) as counted{sums}
        from (select {wanted} from ({counted}) as versions) as living
        group by company, unit""",  # noqa: S608
        **parameters,
    )
    return {
        (r["company"], r["unit"]): Group(
            r["counted"], {m: r[f"sum_{m}"] or Decimal(0) for m in money}, r["company"], r["unit"]
        )
        for r in rows
    }


def _quarantined(tx: Tx, source: str, entity: Entity) -> dict[str | None, int]:
    """Keys of the rows that are set aside, and how many entries each has; None: without a key no source counts it."""
    rows = tx.rows(
        """select row_key, count(*) as entries from ops.quarantine
        where status = 'open' and stage in ('landing', 'reading') and source_system = :source and entity = :entity
        group by row_key""",
        source=source,
        entity=entity.name,
    )
    return {r["row_key"]: r["entries"] for r in rows}


def _name(
    warehouse: Warehouse,
    connector: Connector,
    source: str,
    counter: Counter,
    known: Mapping[str, list[dict[str, Any]]],
    held: Mapping[str, Held],
    found: Mapping[str, list[dict[str, Any]]],
) -> None:
    """Say of each entity that differs which keys do; of a difference that is known, what was said of it."""
    for name, one in held.items():
        before = known.get(name, [])
        if _content(before) == _content(found[name]):
            said = next((r["named"] for r in before if r["named"]), None)
        else:
            try:
                said = named(warehouse, connector.name, source, one.question, counter, one.theirs.until)
            except ConnectorError as problem:
                said = f"the keys could not be listed: {redact_text(str(problem))}"
        for row in found[name]:
            row["named"] = said if differs(row) else None


def _placed(amount: Decimal) -> Decimal:
    """Return an amount with the decimals that the warehouse keeps."""
    return amount.quantize(Decimal("0.0001"), ROUND_HALF_UP)


def _never_landed(warehouse: Warehouse, connector: Connector, source: str, entity: str) -> bool:
    with warehouse.reading() as tx:
        table = raw_table(connector.name, entity)
        return not tx.rows(f"select 1 from {table} where source_system = :source limit 1", source=source)  # noqa: S608


def _unchecked(reason: str) -> dict[str, Any]:
    return dict.fromkeys(_CONTENT) | {"quarantined": 0, "quarantined_counted": 0, "reason": reason}


def _kept(warehouse: Warehouse, source: str) -> dict[str, list[dict[str, Any]]]:
    with warehouse.reading() as tx:
        rows = tx.rows("select * from ops.source_total where source_system = :source", source=source)
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["entity"], []).append(row)
    return found


def _content(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    return sorted(str([row.get(c) for c in _CONTENT]) for row in rows)


def _keep(
    warehouse: Warehouse,
    connector: Connector,
    source: str,
    known: Mapping[str, list[dict[str, Any]]],
    found: Mapping[str, list[dict[str, Any]]],
    bounds: Mapping[str, datetime | None],
) -> None:
    """Write what the source says, where that is not what is ``known``: nothing new changes nothing."""
    changed = [n for n, rows in found.items() if _content(rows) != _content(known.get(n, ()))]
    if not changed:
        return
    now = datetime.now(UTC)
    with warehouse.transaction() as tx:
        for name in changed:
            tx.execute(
                "delete from ops.source_total where source_system = :source and entity = :entity",
                source=source,
                entity=name,
            )
            stamp = {
                "source_system": source,
                "connector": connector.name,
                "entity": name,
                "asked_at": now,
                "read_until": bounds.get(name),
            }
            tx.insert("ops.source_total", [{"named": None, **row, **stamp} for row in found[name]])
