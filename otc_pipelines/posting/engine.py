"""Posts a cluster: every balance of its documents and receipts, as movements that add up under three clocks.

Belongs here: putting the pieces together. The order: what is booked (books), what is settled with what (units), at each
moment (settlement), as rows that add up (deltas).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from itertools import chain

from otc_pipelines.posting.books import Books
from otc_pipelines.posting.deltas import Delta, deltas
from otc_pipelines.posting.findings import Held, shown
from otc_pipelines.posting.fx import Rates, amount_of
from otc_pipelines.posting.items import RECEIPT, Nothing, post_item
from otc_pipelines.posting.model import Cluster, Finding, Movement, Posting, Settings
from otc_pipelines.posting.parted import Parted, parted
from otc_pipelines.posting.settlement import Settlement
from otc_pipelines.posting.sheet import Exchange, Line, Sheet
from otc_pipelines.posting.splits import Kept
from otc_pipelines.posting.unit import Unit
from otc_pipelines.posting.units import independent, whole
from otc_pipelines.posting.versions import Known

_NO_RATES = Rates()


def post(
    cluster: Cluster,
    settings: Settings,
    rates: Rates = _NO_RATES,
    since: datetime | None = None,
    posted_in_load: str = "",
    *,
    in_units: bool = True,
) -> Posting:
    """Return the movements of all loads after ``since`` (None: all), and what is held as known now.

    ``cluster`` holds every version of its rows, earlier loads included. ``in_units`` False settles the cluster in one
    piece: the same result, slowly.
    """
    books = Books(cluster, settings, rates)
    held = Held()
    merged = _merged(chain.from_iterable(_steps(cluster, books, held, in_units, since)))
    movements = [_movement(cluster.source_system, posted_in_load, d) for d in merged]
    _report_rows(books, held)
    return Posting(movements, sorted(set(held.found), key=_order))


def _merged(steps: Iterable[Delta]) -> Iterator[Delta]:
    """Add up what several steps say of one line at one moment, so that each movement has a name of its own.

    Only a void is told by more than one step: by the document's own, and by those of what was applied to it.
    """
    voids: list[Delta] = []
    for d in steps:
        if d.line[1][0] != "void":
            yield d
        else:
            voids.append(d)
    yield from _summed(voids)


def _summed(steps: Iterable[Delta]) -> list[Delta]:
    """Add up what is said of one line at one moment; what comes to nothing is left out."""
    found: dict[tuple[datetime, datetime, Line], tuple[int, int]] = {}
    for d in steps:
        amount, base = found.get((d.recorded_at, d.loaded_at, d.line), (0, 0))
        found[d.recorded_at, d.loaded_at, d.line] = (amount + d.amount, base + d.base)
    return [Delta(*at, amount, base) for at, (amount, base) in found.items() if amount or base]


def _steps(
    cluster: Cluster, books: Books, held: Held, in_units: bool, since: datetime | None
) -> Iterator[Iterable[Delta]]:
    for document_id in books.documents:
        yield _item_deltas(books, "document", document_id, since)
    for receipt_id in books.receipts:
        yield _item_deltas(books, RECEIPT, receipt_id, since)
    if cluster.allocations or cluster.adjustments or cluster.receipt_events:
        for unit in independent(cluster, books) if in_units else [whole(cluster, books)]:
            if unit.allocations or unit.adjustments or unit.events:
                yield _unit_deltas(unit, held, since, in_units)


def _item_deltas(books: Books, kind: str, item_id: str, since: datetime | None) -> Iterator[Delta]:
    def sheet_at(cut: Known) -> Sheet:
        sheet = Sheet()
        item = books.at(kind, item_id, cut)
        if item is not None and not isinstance(item, Nothing):
            post_item(item, sheet)
        return sheet

    points = books.points(kind, item_id)
    if len(points) == 1:
        return _once(sheet_at, *points[0], since)
    return _over(sheet_at, {p[0] for p in points}, {p[1] for p in points}, since)


def _unit_deltas(unit: Unit, held: Held, since: datetime | None, in_parts: bool) -> Iterable[Delta]:
    found = Held()
    tree = parted(unit) if in_parts else Parted(unit, *unit.grid())
    result = _tree_deltas(tree, Kept(tree), found, since)
    held.found += found.found
    return result


def _tree_deltas(tree: Parted, kept: Kept, held: Held, since: datetime | None) -> Iterable[Delta]:
    """Post a unit: its parts by themselves, and from when on they are not, by how much the whole differs from them.

    Sheets add up, and differences of sheets do: so what the parts move, and what that lacks of the whole, is the whole.
    """
    recorded, loaded = tree.recorded, tree.loaded
    whole_at = _settling(tree.unit, kept, held)
    if not tree.parts:
        return list(_over(whole_at, recorded, loaded, since))
    parts_at = [_settling(part.unit, kept, Held()) for part in tree.parts]

    def lacking_at(cut: Known) -> Sheet:
        return whole_at(cut).less(part_at(cut) for part_at in parts_at)

    late = [k for k in recorded if tree.one_at(k, max(loaded))], [at for at in loaded if tree.one_at(max(recorded), at)]
    steps = [_tree_deltas(part, kept, Held(), since) for part in tree.parts]
    return _summed(chain(*steps, deltas(lacking_at, *late, since)))


def _settling(unit: Unit, kept: Kept, held: Held) -> Callable[[Known], Sheet]:
    """Return what settles a unit at a cut; what is held at the last one asked for is left in ``held``."""

    def sheet_at(cut: Known) -> Sheet:
        sheet, now = Sheet(), Held()
        Settlement(unit.at(cut), kept.by(cut.loaded_at), now, sheet)
        held.found[:] = now.found
        return sheet

    return sheet_at


def _over(
    sheet_at: Callable[[Known], Sheet],
    recorded: Collection[datetime],
    loaded: Collection[datetime],
    since: datetime | None,
) -> Iterator[Delta]:
    if len(recorded) > 1 or len(loaded) > 1:
        return deltas(sheet_at, recorded, loaded, since)
    return _once(sheet_at, min(recorded), min(loaded), since)


def _once(
    sheet_at: Callable[[Known], Sheet], recorded: datetime, loaded: datetime, since: datetime | None
) -> Iterator[Delta]:
    """What becomes known all at once needs no differences."""
    lines = sheet_at(Known(recorded, loaded)).lines
    if since is not None and loaded <= since:
        return iter(())
    return iter(
        [Delta(recorded, loaded, line, amount, base) for line, (amount, base) in lines.items() if amount or base]
    )


def _report_rows(books: Books, held: Held) -> None:
    """Report document versions under a second legal entity, and instalments that do not fit a document."""
    for row in books.foreign:
        reason = f"document {row.document_id} belongs to another legal entity than {row.legal_entity}"
        held.add("documents", row, "second_entity", reason)
    for document_id, plan in books.installments.items():
        history = books.documents.get(document_id)
        if history is None:
            for installment in plan:
                if not installment.last.deleted:
                    reason = f"document {document_id} is not known; it counts when that has come"
                    held.add("installments", installment.last, "document_unknown", reason)
            continue
        points = books.points("document", document_id)
        item = books.document(document_id, Known(max(p[0] for p in points), max(p[1] for p in points)))
        if item is not None and not isinstance(item, Nothing) and item.misfit is not None:
            reason = (
                f"the instalments of {document_id} sum to {shown(item.misfit, item.currency)}, the document is "
                f"{shown(item.amount, item.currency)}; it stands as one instalment on its own due date"
            )
            held.add("installments", plan[0].last, "installments_sum", reason, item.misfit - item.amount, item.currency)


def _movement(source_system: str, posted_in_load: str, delta: Delta) -> Movement:
    head, cause, tail, known, exchange = delta.line
    base = amount_of(delta.base) if known else None
    said = (source_system, *head, *cause, delta.recorded_at, delta.loaded_at)
    exchange_id = None if exchange is None else _named(source_system, exchange)
    also = () if exchange_id is None else (exchange_id,)
    movement_id = _digest((*said, *tail, known, *also))
    currency, base_currency, account = tail
    amount = amount_of(delta.amount)
    booked = (amount, currency, base, base_currency, account, posted_in_load)
    return Movement._make((movement_id, *said, *booked, exchange.allocation_id if exchange else None, exchange_id))


@lru_cache(maxsize=1024)
def _named(source_system: str, exchange: Exchange) -> str:
    """Return the name that the movements of both sides have in common."""
    return _digest((source_system, *exchange))


def _digest(said: Iterable[object]) -> str:
    return blake2b("\x1f".join([_text(v) for v in said]).encode(), digest_size=16).hexdigest()


@lru_cache(maxsize=4096, typed=True)
def _text(value: object) -> str:
    """Return what is not text as text; what is missing is not like empty text."""
    return "\0" if value is None else str(value)


def _order(finding: Finding) -> tuple[str, str, str, str]:
    return (finding.entity, finding.key, finding.code, finding.reason)
