"""What was taken over from a legacy system against that system's own list and the control account.

Belongs here: the comparison by customer, currency and due date, the report that is signed, the signature. Not here:
reading the list (``legacy_list``), loading opening items (a file drop does).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from connectors.kit.errors import ConnectorError
from connectors.kit.money import shown
from otc_pipelines.audit import append, audited
from otc_pipelines.reports import Report
from otc_pipelines.reports.legacy_list import LegacyItem, LegacyList, Slot
from otc_pipelines.settings import Instance
from otc_pipelines.warehouse import Tx, Warehouse
from otc_pipelines.warehouse.publish import published

COLUMNS = ["party_id", "currency", "due_date", "loaded", "legacy", "difference", "status", "items"]
_ZERO = Decimal(0)
_MOST = 5


class NotSignableError(ConnectorError):
    """A migration that differs, or of which nothing is loaded, is not signed."""


@dataclass(frozen=True)
class Migration:
    """The comparison of one source at its cut-over day: every slot, what differs in the control account too."""

    source: str
    as_of: date
    legacy: LegacyList
    slots: tuple[dict[str, Any], ...]
    control: tuple[dict[str, Any], ...]
    totals: dict[str, tuple[Decimal, Decimal]]

    @property
    def differences(self) -> list[dict[str, Any]]:
        """Slots, control accounts and unreadable lines that stand in the way of a signature."""
        unread = [
            {"party_id": "", "currency": "", "due_date": None, "status": "unreadable", "items": f"line {n}: {why}"}
            for n, why in self.legacy.problems
        ]
        return [
            *(s for s in self.slots if s["status"] != "equal"),
            *(c for c in self.control if c["status"] == "control account differs"),
            *unread,
        ]

    @property
    def facts(self) -> dict[str, Any]:
        """What was compared, in few words."""
        stated = [c for c in self.control if c["legacy"] is not None]
        off = sum(c["status"] != "equal" for c in stated)
        return {
            "source": self.source,
            "as_of": self.as_of.isoformat(),
            "list_sha256": self.legacy.sha256,
            "compared": len(self.slots),
            "differences": len(self.differences),
            "totals": {c: {"loaded": shown(o, c), "legacy": shown(t, c)} for c, (o, t) in sorted(self.totals.items())},
            "control": f"{len(stated)} balances, {off} differ" if stated else "not checked, no control balances",
        }

    def report(self, *, everything: bool = False) -> Report:
        """Return the differences, or every slot."""
        rows = [*self.slots, *self.control] if everything else self.differences
        return Report([_as_text(r) for r in rows], COLUMNS, self.facts)


def compare(instance: Instance, source: str, as_of: date, legacy: LegacyList) -> Migration:
    """Compare what is open of a source on a day with its list. ConfigError for a source that is not configured."""
    instance.source(source)
    with published(Warehouse.of(instance)) as tx:
        loaded, documents = _loaded(tx, source, as_of)
        control = _control(tx, source, as_of)
    listed = legacy.by_slot()
    slots = []
    totals: defaultdict[str, list[Decimal]] = defaultdict(lambda: [_ZERO, _ZERO])
    for slot in sorted(loaded.keys() | listed.keys(), key=lambda s: (s.party_id, s.currency, s.due_date or date.min)):
        ours = loaded.get(slot, _ZERO)
        theirs = sum((i.amount for i in listed.get(slot, ())), _ZERO)
        totals[slot.currency][0] += ours
        totals[slot.currency][1] += theirs
        if ours or theirs:
            slots.append(_slot(slot, ours, theirs, documents.get(slot, {}), listed.get(slot, [])))
    return Migration(source, as_of, legacy, tuple(slots), tuple(control), {c: (o, t) for c, (o, t) in totals.items()})


def signed(migration: Migration, instance: Instance, actor: str, target: Path) -> str:
    """Write the sign-off report and put its hash into the audit chain; return the hash.

    NotSignableError while anything differs, or where nothing was loaded.
    """
    if not migration.slots:
        raise NotSignableError(f"nothing of {migration.source} is open on {migration.as_of}, and the list is empty")
    if migration.differences:
        raise NotSignableError(
            f"{len(migration.differences)} differences stand between {migration.source} and its list; "
            "`otc migrate check` names them, and a report with differences is not signed"
        )
    text = "\n".join(document(migration, instance, actor)) + "\n"
    digest = hashlib.sha256(text.encode()).hexdigest()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    with audited(Warehouse.of(instance)) as tx:
        append(
            tx,
            kind="migration",
            subject=migration.source,
            actor=actor,
            details={
                "source": migration.source,
                "as_of": migration.as_of.isoformat(),
                "sha256": digest,
                "list_sha256": migration.legacy.sha256,
                "rows": len(migration.slots),
                "totals": {c: shown(o, c) for c, (o, _) in sorted(migration.totals.items())},
                "control": migration.facts["control"],
            },
        )
    return digest


def document(migration: Migration, instance: Instance, actor: str) -> Iterator[str]:
    """The sign-off report, as Markdown: totals, control accounts, then every customer, currency and due date."""
    facts = migration.facts
    yield f"# Open items taken over: {instance.company.name}, source {migration.source}, {migration.as_of}"
    yield ""
    yield f"Signed by {actor} on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC. Legacy list: SHA-256 {facts['list_sha256']}."
    yield "The hash of this file is in the audit trail, as an event of kind migration; `otc audit verify` proves it."
    yield ""
    yield "| currency | loaded | legacy list | difference |"
    yield "|---|---:|---:|---:|"
    for currency, (ours, theirs) in sorted(migration.totals.items()):
        yield f"| {currency} | {shown(ours, currency)} | {shown(theirs, currency)} | {shown(ours - theirs, currency)} |"
    yield ""
    yield f"Control account: {facts['control']}."
    yield ""
    yield "| customer | currency | due date | loaded | legacy list | items |"
    yield "|---|---|---|---:|---:|---|"
    for row in (_as_text(s) for s in [*migration.slots, *migration.control]):
        cells = (row["party_id"], row["currency"], row["due_date"], row["loaded"], row["legacy"], row["items"])
        yield "| " + " | ".join(str(c or "").replace("|", "\\|") for c in cells) + " |"


def _loaded(tx: Tx, source: str, as_of: date) -> tuple[dict[Slot, Decimal], dict[Slot, dict[str, Decimal]]]:
    """What is open on the day, by customer, currency and due date; credits and cash in hand have none."""
    sums: defaultdict[Slot, Decimal] = defaultdict(lambda: _ZERO)
    items: defaultdict[Slot, dict[str, Decimal]] = defaultdict(dict)
    for r in tx.rows(
        """select party_id, currency, item_type, item_id, due_date, sum(amount) as amount from marts.fct_ar_ledger
        where source_system = :source and posting_state = 'posted' and effective_date <= :day
        group by party_id, currency, item_type, item_id, due_date having sum(amount) <> 0
        order by item_type, item_id, due_date""",
        source=source,
        day=as_of,
    ):
        due = r["due_date"] if r["item_type"] == "installment" else None
        slot = Slot(r["party_id"] or "", r["currency"], due)
        sums[slot] += r["amount"]
        items[slot][r["item_id"]] = items[slot].get(r["item_id"], _ZERO) + r["amount"]
    return dict(sums), dict(items)


def _control(tx: Tx, source: str, as_of: date) -> list[dict[str, Any]]:
    return [
        {
            "party_id": "",
            "currency": r["currency"],
            "due_date": None,
            "loaded": r["ledger_balance"],
            "legacy": r["control_balance"],
            "difference": r["difference"],
            "status": "equal" if r["status"] in ("tied", "restated") else "control account differs",
            "items": f"control account {r['legal_entity']} {r['gl_account']}",
        }
        for r in tx.rows(
            """select * from marts.fct_tie_out
            where as_of = :day and control_balance is not null and source_system = :source
            order by legal_entity, gl_account, currency""",
            day=as_of,
            source=source,
        )
    ]


def _slot(
    slot: Slot, ours: Decimal, theirs: Decimal, documents: dict[str, Decimal], listed: list[LegacyItem]
) -> dict[str, Any]:
    status, named = "equal", ""
    if ours != theirs:
        status = "differs" if documents and listed else "not in the legacy list" if documents else "not loaded"
        named = "; ".join(_named(documents, listed, slot.currency))
    return {
        "party_id": slot.party_id,
        "currency": slot.currency,
        "due_date": slot.due_date,
        "loaded": ours,
        "legacy": theirs,
        "difference": ours - theirs,
        "status": status,
        "items": named,
    }


def _named(documents: dict[str, Decimal], listed: list[LegacyItem], currency: str) -> list[str]:
    """Documents that are on one side only or with another amount; without ids in the list, both sides' items."""
    theirs: defaultdict[str, Decimal] = defaultdict(lambda: _ZERO)
    lines: defaultdict[str, list[int]] = defaultdict(list)
    for item in listed:
        if item.document_id is None:
            return [
                *(f"loaded {d} {shown(a, currency)}" for d, a in list(documents.items())[:_MOST]),
                *(f"list line {i.line} {shown(i.amount, currency)}" for i in listed[:_MOST]),
            ]
        theirs[item.document_id] += item.amount
        lines[item.document_id].append(item.line)
    found = []
    for d in sorted(documents.keys() | theirs.keys()):
        ours, said = documents.get(d), theirs.get(d)
        where = f"list line {', '.join(map(str, lines[d]))}" if d in theirs else "not in the list"
        if ours != said:
            here = "not loaded" if ours is None else f"loaded {shown(ours, currency)}"
            there = where if said is None else f"{where} {shown(said, currency)}"
            found.append(f"{d}: {here}, {there}")
    return found


def _as_text(row: dict[str, Any]) -> dict[str, Any]:
    found = dict(row)
    for name in ("loaded", "legacy", "difference"):
        value = row.get(name)
        found[name] = None if value is None else shown(value, row["currency"])
    found["due_date"] = row["due_date"].isoformat() if row["due_date"] else None
    return found
