"""What stands behind movements: the rows that state them, the other side, the bank line and the decision, late facts.

One traversal for every kind of thing: movement → rows of sources → decisions → bank lines → statements, with what was
set aside of the same rows. Belongs here: which rows belong to a movement. Not here: reading them (``source_rows``),
which movements belong to a thing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from connectors.kit.money import shown
from otc_pipelines.reports.explain.model import Key, Known, Moved, Question, RowVersion
from otc_pipelines.reports.explain.rates import Booked
from otc_pipelines.reports.explain.source_rows import SourceRows, inheriting, portions, version_at
from otc_pipelines.reports.explain.trail import Trail
from otc_pipelines.warehouse import Tx

_SIDES = {"receipt": "receipts", "credit_memo": "documents"}


class Behind:
    """The rows behind a set of movements, read together; ``tell`` adds them beneath each movement."""

    def __init__(self, tx: Tx, rows: SourceRows, moved: Sequence[Moved], question: Question) -> None:
        """Read what all these movements rest on."""
        self._tx, self._rows, self._question = tx, rows, question
        self._decisions: dict[Key, list[dict[str, Any]]] = defaultdict(list)
        self._of_receipt: dict[Key, list[dict[str, Any]]] = defaultdict(list)
        self._told: set[tuple[str, Key]] = set()
        self._last = {(m.cause_entity, m.source_system, m.cause_id): m.movement_id for m in moved}
        self._fetch(moved)
        self._booked = Booked(tx, rows, moved)

    def tell(self, trail: Trail, m: Moved, of: int) -> None:
        """Add the evidence of a movement beneath it."""
        at = Known(m.recorded_at, m.loaded_at)
        stated = self._versions(m.cause_entity, (m.source_system, m.cause_id), m)
        cause = self._row(trail, m, of, stated, "cause", at)
        related = [stated]
        if m.cause_entity == "documents" and m.item_type == "installment" and m.cause_id == m.item_id:
            plan = self._plan(m)
            if plan:
                self._row(trail, m, of, plan, "instalment", at)
            related.append(plan)
        if m.movement_type in ("document", "receipt", "void"):
            rate = self._booked.rate(m, stated, at)
            if rate is not None:
                trail.source(rate, of, "rate", "counts")
        said = cause.said if cause else {}
        if m.cause_entity == "allocations":
            related += self._sides(trail, m, of, said, at)
        elif m.cause_entity == "receipt_events":
            key = (m.source_system, str(said.get("receipt_id")))
            related.append(self._side(trail, m, of, "receipts", key, "receipt", at))
        elif m.cause_entity == "receipts":
            self._bank(trail, m, of, (m.source_system, m.cause_id), None)
        elif m.cause_entity == "bank_lines":
            self._pending(trail, m, of)
        elif m.cause_entity == "documents" and m.cause_id != m.item_id:
            related.append(self._side(trail, m, of, _item_entity(m), (m.source_system, m.item_id), "item", at))
        if said.get("reverses_id"):
            key = (m.source_system, str(said["reverses_id"]))
            related.append(self._side(trail, m, of, m.cause_entity, key, "original", at))
        self._what_came_then(trail, m, of, cause, related)

    # --- reading

    def _fetch(self, moved: Sequence[Moved]) -> None:
        causes: defaultdict[str, set[Key]] = defaultdict(set)
        lines: set[str] = set()
        for m in moved:
            if m.cause_entity == "bank_lines":
                lines.add(m.cause_id)
                continue
            causes[m.cause_entity].add((m.source_system, m.cause_id))
            causes[_item_entity(m)].add((m.source_system, m.item_id))
            if m.item_type == "installment":
                causes["installments"].add((m.source_system, m.item_id))
        for entity, keys in causes.items():
            self._rows.fetch(entity, keys)
        more: defaultdict[str, set[Key]] = defaultdict(set)
        for entity in ("allocations", "adjustments", "receipt_events"):
            for key in causes[entity]:
                for v in self._rows.of(entity, key):
                    _refer(more, v)
        for entity, keys in more.items():
            self._rows.fetch(entity, keys)
        self._decide({id_ for _, id_ in (causes["receipts"] | more["receipts"])}, lines)

    def _decide(self, receipts: set[str], lines: set[str]) -> None:
        found: dict[str, dict[str, Any]] = {}
        for column, ids in (("receipt_id", receipts), ("bank_line_id", lines)):
            for some in portions(sorted(ids)):
                for row in self._tx.rows(
                    f"select * from ops.match_decision where {column} = any(:ids)",  # noqa: S608
                    ids=some,
                ):
                    found[row["decision_id"]] = row
        for row in sorted(found.values(), key=lambda r: (r["decided_at"], r["decision_id"])):
            self._decisions[row["bank_source"], row["bank_line_id"]].append(row)
            if row["receipt_id"]:
                self._of_receipt[row["document_source"] or "", row["receipt_id"]].append(row)
        self.fetch_lines(self._rows, self._decisions)

    @staticmethod
    def fetch_lines(rows: SourceRows, lines: Iterable[Key]) -> None:
        """Read bank lines and the statements that they came with."""
        keys = list(lines)
        rows.fetch("bank_lines", keys)
        found = [v for key in keys for v in rows.of("bank_lines", key)]
        rows.fetch("bank_statements", {(v.source_system, v.said["statement_id"]) for v in found})

    # --- telling

    def _versions(self, entity: str, key: Key, m: Moved) -> list[RowVersion]:
        if entity == "bank_lines":
            return [v for line in self._decisions if line[1] == key[1] for v in self._rows.of(entity, line)]
        found = self._rows.of(entity, key)
        if entity == "documents" and key[1] == m.item_id:
            found = [v for v in found if v.deleted or v.said["legal_entity"] == m.legal_entity]
        return found

    def _plan(self, m: Moved) -> list[RowVersion]:
        key = (m.source_system, m.item_id)
        own = [v for v in self._rows.of("installments", key) if v.said["installment_no"] == m.installment_no]
        return inheriting(own, self._rows.of("documents", key))

    def _row(
        self, trail: Trail, m: Moved, of: int, versions: Sequence[RowVersion], role: str, at: Known
    ) -> RowVersion | None:
        """Add the version that counted when the movement came, what it replaced, and what came after the question."""
        counting = version_at(versions, at) if m.posting_state == "posted" else (versions[-1] if versions else None)
        if counting is None:
            return None
        now = version_at(versions, self._question.known)
        n = trail.source(counting, of, role, "counts" if counting == now else "replaced", m.currency)
        before = versions[versions.index(counting) - 1] if versions.index(counting) else None
        if before is not None:
            trail.source(before, n, "before", "replaced", m.currency)
        if self._last.get((m.cause_entity, m.source_system, m.cause_id)) == m.movement_id:
            for later in versions:
                if not self._question.known.sees(later.recorded_at, later.loaded_at) and later is not counting:
                    trail.source(later, n, "after", "came later", m.currency)
        return counting

    def _sides(self, trail: Trail, m: Moved, of: int, said: Any, at: Known) -> list[list[RowVersion]]:
        """Add the other side of an allocation: who paid, or what was paid. Returns the rows of both sides."""
        document = (m.source_system, str(said.get("document_id")))
        payer = (m.source_system, str(said.get("source_id")))
        entity = _SIDES.get(str(said.get("source_type")), "receipts")
        if m.item_type == "installment":
            role = "receipt" if entity == "receipts" else "credit memo"
            other = self._side(trail, m, of, entity, payer, role, at)
            if entity == "receipts":
                self._bank(trail, m, len(trail.rows), payer, m.item_id)
        else:
            other = self._side(trail, m, of, "documents", document, "document", at)
        return [other, self._rows.of(_item_entity(m), (m.source_system, m.item_id))]

    def _side(self, trail: Trail, m: Moved, of: int, entity: str, key: Key, role: str, at: Known) -> list[RowVersion]:
        versions = self._rows.of(entity, key)
        counting = version_at(versions, at)
        if counting is not None:
            now = version_at(versions, self._question.known)
            trail.source(counting, of, role, "counts" if counting == now else "replaced", m.currency)
        return versions

    def _bank(self, trail: Trail, m: Moved, of: int, receipt: Key, document_id: str | None) -> None:
        """Add the decision that put a bank line to a receipt, and the line; of one document where it is given."""
        decided = self._of_receipt.get(receipt, []) + self._of_receipt.get(("", receipt[1]), [])
        chosen = [r for r in decided if document_id is None or r["document_id"] in (None, document_id)] or decided
        for line in dict.fromkeys((r["bank_source"], r["bank_line_id"]) for r in chosen):
            self.decided(trail, of, line, [r for r in chosen if (r["bank_source"], r["bank_line_id"]) == line])

    def _pending(self, trail: Trail, m: Moved, of: int) -> None:
        for line, rows in self._decisions.items():
            if line[1] == m.cause_id:
                own = [r for r in rows if r["document_id"] == m.item_id] if m.item_type == "installment" else rows
                self.decided(trail, of, line, own, with_line=False)

    def decided(
        self, trail: Trail, of: int | None, line: Key, rows: Iterable[dict[str, Any]], *, with_line: bool = True
    ) -> None:
        """Add decisions on a bank line, and beneath the first the line and its statement."""
        beneath: int | None = None
        until = self._question.decided_by or self._question.loaded_at
        for r in rows:
            late = until is not None and r["decided_at"] > until
            n = trail.add(
                "decision",
                of,
                role="decision",
                status="came later" if late else "replaced" if _replaced(r, until) else str(r["outcome"]),
                source_system=r["bank_source"],
                key=r["bank_line_id"],
                legal_entity=r["legal_entity"],
                party_id=r["party_id"],
                item_id=r["document_id"],
                installment_no=r["installment_no"],
                stated_amount=shown(r["amount"], r["currency"]),
                stated_currency=r["currency"],
                stated_date=r["value_date"],
                replaced_at=r["superseded_at"],
                cause_entity="receipts" if r["receipt_id"] else None,
                cause_id=r["receipt_id"],
                rule=r["rule"],
                score=r["score"],
                reason=r["reason"],
                evidence=r["evidence"],
                actor=r["actor"],
                decided_at=r["decided_at"],
                run_id=r["run_id"],
            )
            beneath = beneath or n
        if with_line:
            self.line(trail, beneath or of, line)

    def line(self, trail: Trail, of: int | None, line: Key) -> int | None:
        """Add a bank line and its statement; return the line's number."""
        found: int | None = None
        for v in self._rows.of("bank_lines", line)[-1:]:
            found = trail.source(v, of, "bank line", "counts")
            for s in self._rows.of("bank_statements", (v.source_system, v.said["statement_id"]))[-1:]:
                trail.source(s, found, "statement", "counts")
        return found

    def _what_came_then(
        self, trail: Trail, m: Moved, of: int, cause: RowVersion | None, related: Iterable[Sequence[RowVersion]]
    ) -> None:
        """Add the row whose coming made the movement, where it is not the one that states it."""
        if cause is None or m.posting_state != "posted":
            return
        if (cause.recorded_at, cause.loaded_at) == (m.recorded_at, m.loaded_at):
            return
        told = {id(v) for v in trail.versions}
        for v in (v for versions in related for v in versions):
            came = (v.recorded_at == m.recorded_at and cause.recorded_at != m.recorded_at) or (
                v.loaded_at == m.loaded_at and cause.loaded_at != m.loaded_at
            )
            if came and id(v) not in told and v.row_key != cause.row_key:
                trail.source(v, of, "came then", "counts", m.currency)


def _replaced(decision: dict[str, Any], until: datetime | None) -> bool:
    at = decision["superseded_at"]
    return at is not None and (until is None or at <= until)


def _item_entity(m: Moved) -> str:
    return "receipts" if m.item_type == "receipt" else "documents"


def _refer(more: dict[str, set[Key]], v: RowVersion) -> None:
    """Note the rows that a version names."""
    said, source = v.said, v.source_system
    if said.get("document_id"):
        more["documents"].add((source, said["document_id"]))
    if said.get("receipt_id"):
        more["receipts"].add((source, said["receipt_id"]))
    if said.get("source_id"):
        more[_SIDES.get(said["source_type"], "receipts")].add((source, said["source_id"]))
    if said.get("reverses_id"):
        more[v.entity].add((source, said["reverses_id"]))
