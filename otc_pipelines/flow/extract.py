"""Extraction: what the configuration says is written to ``ops``; each source is landed, and held against itself.

Belongs here: the first steps of a pass. Not here: how rows are landed (``landing/``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from connectors.kit.errors import ConfigError, ConnectorError, RetriableError
from otc_pipelines.flow.context import Flow, StepReport
from otc_pipelines.landing import EntityLoad, Holding, LandingReport, hold_against_source, land
from otc_pipelines.landing.tables import ensure_tables
from otc_pipelines.landing.totals import forget_totals
from otc_pipelines.settings import Source

_NOTES = 5


def prepare(flow: Flow) -> None:
    """Check every source's settings, make the raw tables, and write entities and bank accounts where they changed.

    Raises ConfigError before anything is read: a wrong key in one source is a wrong configuration.
    """
    instance = flow.instance
    for source in instance.sources:
        instance.settings_of(source)
    for target in instance.targets:
        of = instance.source(target.source)
        writer = instance.connector_of(of).writer
        if writer is None:
            raise ConfigError(f"targets: {target.name}: connector {of.connector!r} cannot be written to")
        able = set(writer(instance.settings_of(of)).objects())
        unknown = [o for o in target.objects if o not in able]
        if unknown:
            raise ConfigError(
                f"targets: {target.name}: object {unknown[0]!r} is not known; "
                f"{of.connector} has: {', '.join(sorted(able))}"
            )
    entities = {name: (instance.base_currency(name), own.ar_account) for name, own in instance.legal_entities.items()}
    accounts = {name: (a.legal_entity, a.gl_account) for name, a in instance.bank_accounts.items()}
    with flow.warehouse.held():
        forget_totals(flow.warehouse, [s.name for s in instance.sources])
        _write_down(flow, entities, accounts)


def _write_down(
    flow: Flow, entities: Mapping[str, tuple[str, str | None]], accounts: Mapping[str, tuple[str, str | None]]
) -> None:
    wanted = {**entities, "*": (flow.instance.company.base_currency, None)}
    with flow.warehouse.transaction("loader") as tx:
        ensure_tables(tx, flow.connectors.values())
        known = {
            r["legal_entity"]: (r["base_currency"], r["ar_account"]) for r in tx.rows("select * from ops.legal_entity")
        }
        if known != wanted:
            tx.execute("delete from ops.legal_entity")
            tx.insert(
                "ops.legal_entity",
                [{"legal_entity": n, "base_currency": b, "ar_account": a} for n, (b, a) in sorted(wanted.items())],
            )
        held = {r["account"]: (r["legal_entity"], r["gl_account"]) for r in tx.rows("select * from ops.bank_account")}
        if held != accounts:
            tx.execute("delete from ops.bank_account")
            tx.insert(
                "ops.bank_account",
                [{"account": n, "legal_entity": e, "gl_account": g} for n, (e, g) in sorted(accounts.items())],
            )


def extract(
    flow: Flow,
    source: Source,
    progress: Callable[[LandingReport], None] | None = None,
    *,
    anew: bool = False,
) -> StepReport:
    """Land what is new of one source, then ask it what it holds. ``anew``: all of it is read from the start.

    What the source did wrong is in the report, and stops no other.
    """
    started = time.monotonic()
    connector, settings = flow.instance.connector_of(source), flow.instance.settings_of(source)
    warehouse = flow.warehouse
    try:
        landed = land(warehouse, connector, source.name, settings, progress=progress, actor=flow.actor, anew=anew)

        def again() -> None:
            _add(landed, land(warehouse, connector, source.name, settings, actor=flow.actor))

        holding = hold_against_source(warehouse, connector, source.name, settings, again)
    except ConnectorError as problem:
        code = 2 if isinstance(problem, ConfigError) else 3
        return StepReport(
            "extract",
            source.name,
            "failed",
            seconds=time.monotonic() - started,
            message=f"source {source.name}: {problem}",
            code=code,
            facts={"retriable": isinstance(problem, RetriableError)},
        )
    return StepReport(
        "extract",
        source.name,
        rows_in=landed.rows_in,
        rows_new=landed.rows_new,
        quarantined=landed.quarantined,
        seconds=landed.seconds,
        message=_message(landed, source.name, holding),
        facts={
            "entities": {
                n: {"rows_in": e.rows_in, "rows_new": e.rows_new, "quarantined": e.quarantined}
                for n, e in landed.entities.items()
            },
            "bytes": landed.bytes,
            "chunks": landed.chunks,
            "redacted": landed.redacted,
            "unknown_columns": landed.unknown_columns,
            "notes": landed.notes,
            "totals": {"tied": holding.tied, "differing": holding.differing, "not_checked": holding.unchecked},
        },
    )


def _add(landed: LandingReport, more: LandingReport) -> None:
    """Count what a further reading of a source in the same pass brought; rows that came again are not counted again."""
    for name, load in more.entities.items():
        entry = landed.entities.setdefault(name, EntityLoad())
        entry.rows_new += load.rows_new
        entry.quarantined += load.quarantined
    landed.seconds += more.seconds


def _message(landed: LandingReport, source: str, holding: Holding) -> str:
    parts = []
    if holding.differing:
        listed = ", ".join(holding.differing)
        parts.append(f"not what the source itself counts: {listed}; `otc tie-out`, then `otc run --full {source}`")
    if landed.unknown_columns:
        listed = "; ".join(f"{entity}: {', '.join(columns)}" for entity, columns in landed.unknown_columns.items())
        parts.append(f"unknown columns kept in raw ({listed})")
    if landed.redacted:
        parts.append(f"{landed.redacted} card numbers removed")
    return "; ".join([*parts, *_brief(landed.notes)])


def _brief(notes: list[str]) -> list[str]:
    """The first few notes; of the rest, how many."""
    rest = len(notes) - _NOTES
    return notes if rest <= 0 else [*notes[:_NOTES], f"and {rest} more"]
