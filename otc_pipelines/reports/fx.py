"""What was realised on exchange between two days: sums over ``marts.fct_fx_realised``, as known, as loaded.

Belongs here: summing what the mart says, and saying where a rate is missing. Not here: what an allocation realises.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from connectors.kit.errors import ConfigError
from connectors.kit.money import shown
from otc_pipelines.reports import Report
from otc_pipelines.reports.clocks import clock_facts
from otc_pipelines.settings import Instance
from otc_pipelines.warehouse import Warehouse
from otc_pipelines.warehouse.publish import published

_PAIR = ("legal_entity", "currency", "source_currency", "base_currency")
_SUMS = ("events", "gain", "loss", "realised_fx", "notes")
COLUMNS: dict[str, tuple[str, ...]] = {
    "pair": (*_PAIR, *_SUMS),
    "party": ("legal_entity", "source_system", "party_id", "party_name", *_PAIR[1:], *_SUMS),
    "allocation": (
        *("legal_entity", "source_system", "party_id", "party_name", "effective_date", "movement_type"),
        *("allocation_id", "cause_id", "document_id", "currency", "document_amount"),
        *("source_type", "source_id", "source_currency", "source_amount"),
        *("base_currency", "document_base_amount", "source_base_amount", "realised_fx", "notes"),
    ),
}
"""By ``--group-by``. ``gain`` and ``loss`` sum to ``realised_fx``: what undoes a loss lowers the loss."""
_OWN = {"document_amount": "currency", "source_amount": "source_currency"}


@dataclass(frozen=True)
class FxQuestion:
    """First and last day, knowledge time K, load time L (None: all known now), and what a row is.

    Raises ConfigError for a value that is not one of those allowed.
    """

    first: date
    last: date
    known_at: datetime | None = None
    loaded_at: datetime | None = None
    group_by: str = "pair"

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise ConfigError(f"--from {self.first} is after --to {self.last}; give the earlier day first")
        if self.group_by not in COLUMNS:
            raise ConfigError(f"--group-by {self.group_by!r} is not known; use {' or '.join(COLUMNS)}")


def fx_report(instance: Instance, question: FxQuestion) -> Report:
    """Answer the question from the published marts. Amounts are text; gain positive, loss negative, unknown None."""
    names = COLUMNS[question.group_by]
    with published(Warehouse.of(instance)) as tx:
        found = tx.rows(_sql(question), **_clocks(question))
        clocks = clock_facts(tx, question.known_at, question.loaded_at)
    rows = [{name: value for name, value in _as_text(row).items() if name in names} for row in found]
    facts = {"from": question.first.isoformat(), "to": question.last.isoformat(), **clocks}
    return Report(rows, list(names), facts)


def _clocks(question: FxQuestion) -> dict[str, Any]:
    asked = {"first": question.first, "last": question.last, "known": question.known_at, "loaded": question.loaded_at}
    return {name: value.isoformat() for name, value in asked.items() if value is not None}


def _sql(question: FxQuestion) -> str:
    kept = "effective_date between cast(:first as date) and cast(:last as date)"
    kept += " and recorded_at <= cast(:known as timestamptz)" if question.known_at else ""
    kept += " and loaded_at <= cast(:loaded as timestamptz)" if question.loaded_at else ""
    event = """source_system, legal_entity, party_id, party_key, allocation_id, document_id, currency, source_type,
        source_id, source_currency, base_currency, movement_type, cause_entity, cause_id, effective_date"""
    # An event is unknown where what it has without a rate does not sum to 0: an exchange that was valued later is taken
    # back. What undoes has a document_amount above 0.
    events = f"""select {event}, document_amount, source_amount,
            case when unknown then null else document_base_amount end as document_base_amount,
            case when unknown then null else source_base_amount end as source_base_amount,
            case when unknown then null else coalesce(realised_fx, 0) end as realised_fx
        from (
            select {event}, sum(document_amount) as document_amount, sum(source_amount) as source_amount,
                sum(case when status = 'realised' then document_base_amount end) as document_base_amount,
                sum(case when status = 'realised' then source_base_amount end) as source_base_amount,
                sum(realised_fx) as realised_fx,
                sum(case when status <> 'realised' then document_amount else 0 end) <> 0
                or sum(case when status <> 'realised' then source_amount else 0 end) <> 0 as unknown
            from marts.fct_fx_realised where {kept} group by {event}
        ) as summed where unknown or document_amount <> 0 or source_amount <> 0 or realised_fx <> 0"""  # noqa: S608
    named = "left join marts.dim_party as named on events.party_key = named.party_key"
    if question.group_by == "allocation":
        return f"""select events.*, named.party_name,
                case when realised_fx is null then 'no booked rate on one side' end as notes
            from ({events}) as events {named}
            order by legal_entity, effective_date, events.source_system, allocation_id, movement_type, cause_id,
                document_id, source_type, source_id, currency, source_currency, events.party_id"""  # noqa: S608
    by = ", ".join(
        f"events.{c}" for c in (*_PAIR, *(("source_system", "party_id", "party_key") * (question.group_by == "party")))
    )
    known = "count(*) = count(realised_fx)"
    gained = "(realised_fx > 0) = (document_amount < 0)"
    summed = f"""select {by}, count(*) as events,
            case when {known} then sum(case when {gained} then realised_fx else 0 end) end as gain,
            case when {known} then sum(case when {gained} then 0 else realised_fx end) end as loss,
            case when {known} then sum(realised_fx) end as realised_fx,
            count(*) - count(realised_fx) as unknown,
            min(case when realised_fx is null then allocation_id end) as first_unknown
        from ({events}) as events group by {by}"""  # noqa: S608
    if question.group_by == "party":
        return f"""select events.*, named.party_name from ({summed}) as events {named}
            order by legal_entity, named.party_name, events.party_id, events.source_system, currency,
                source_currency, base_currency"""  # noqa: S608
    return f"select * from ({summed}) as events order by legal_entity, currency, source_currency, base_currency"  # noqa: S608


def _as_text(row: dict[str, Any]) -> dict[str, Any]:
    if row.get("unknown"):
        row["notes"] = (
            f"no booked rate on one side: {row['unknown']} of {row['events']}, first of them {row['first_unknown']}"
        )
    texts: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Decimal):
            texts[name] = shown(value, row[_OWN.get(name, "base_currency")])
        else:
            texts[name] = value.isoformat() if isinstance(value, date) else value
    return texts
