"""The truth holds together: against its own invariants, and against plain sums over the rows that the ERP shows."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.simulation.world import truth
from connectors.simulation.world.ledger import balances
from connectors.simulation.world.model import Document
from connectors.simulation.world.world import World, current

ZERO = Decimal(0)
DEBITS = {"invoice", "debit_memo", "finance_charge", "opening_item"}


def latest_documents(world: World) -> dict[str, Document]:
    return {d.document_id: d for d in current(world.documents, lambda d: d.document_id)}


def test_control_accounts_are_the_sum_of_the_open_items(world: World) -> None:
    sums: defaultdict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
    for item in truth.open_items(world):
        sums[item.legal_entity, item.currency] += item.amount
    control = {(e, c): amount for (e, _, c), amount in truth.control_accounts(world).items()}
    assert {k: v for k, v in control.items() if v} == {k: v for k, v in sums.items() if v}


def test_ledger_balances_as_stated_last_are_those_of_the_books(world: World) -> None:
    stated = current(world.gl_balances, lambda g: (g.legal_entity, g.gl_account, g.currency, g.date))
    assert len({g.date for g in stated}) >= 8
    for row in stated:
        assert row.balance == truth.control_accounts(world, row.date)[row.legal_entity, row.gl_account, row.currency]


def test_ledger_balances_as_stated_first_are_what_was_known_then(world: World) -> None:
    seen = set()
    for row in world.gl_balances:
        key = (row.legal_entity, row.gl_account, row.currency, row.date)
        if key in seen or row.recorded_at.date() != row.date:
            continue
        seen.add(key)
        known = [
            e.amount
            for e in world.entries
            if e.effective_date <= row.date
            and e.recorded_at <= row.recorded_at
            and (e.legal_entity, e.gl_account, e.currency) == key[:3]
        ]
        assert row.balance == sum(known)
    assert seen


def test_open_amounts_follow_from_the_rows_alone(world: World) -> None:
    """Document by document: face value less what is applied and adjusted, by rows, with what bounced added back."""
    documents = latest_documents(world)
    dead = {k for k, d in documents.items() if d.deleted or d.status != "posted" or d.document_type == "pro_forma"}
    whole = {e.receipt_id for e in world.receipt_events if e.event_type in ("bounced", "reversed")}
    open_amount = {k: d.amount for k, d in documents.items() if k not in dead and d.document_type in DEBITS}
    unapplied = {k: d.amount for k, d in documents.items() if k not in dead and d.document_type == "credit_memo"}
    unapplied |= {r.receipt_id: r.amount for r in world.receipts}
    for a in world.allocations:
        if a.source_id in whole or a.document_id in dead or a.source_id in dead:
            continue
        open_amount[a.document_id] -= a.amount
        unapplied[a.source_id] -= a.amount if a.source_amount is None else a.source_amount
    for adjustment in world.adjustments:
        open_amount[adjustment.document_id] -= adjustment.amount
    for event in world.receipt_events:
        if event.event_type == "charged_back":
            assert event.amount is not None
            (paid,) = {a.document_id for a in world.allocations if a.source_id == event.receipt_id}
            open_amount[paid] += event.amount
        elif event.event_type == "refunded":
            assert event.amount is not None
            unapplied[event.receipt_id] -= event.amount
        elif event.event_type in ("bounced", "reversed"):
            unapplied[event.receipt_id] = ZERO
    found: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    for item in truth.open_items(world, as_of=world.as_of + timedelta(days=400)):
        found[item.item_id] += abs(item.amount)
    assert {k: v for k, v in (open_amount | unapplied).items() if v} == dict(found)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), back=st.integers(0, 200), ago=st.integers(0, 200))
def test_nothing_is_overpaid_on_any_day_as_known_at_any_time(seed: int, back: int, ago: int) -> None:
    world = small(seed % 5)
    faces = {
        d.document_id: max(v.amount for v in world.documents if v.document_id == d.document_id) for d in world.documents
    }
    faces |= {r.receipt_id: r.amount for r in world.receipts}
    known = world.now - timedelta(days=ago)
    for item, balance in balances(world.entries, world.as_of - timedelta(days=back), known).items():
        sign = 1 if item.item_type == "installment" else -1
        assert 0 <= sign * balance.amount <= faces[item.item_id], item


_SMALL: dict[int, World] = {}


def small(seed: int) -> World:
    if seed not in _SMALL:
        _SMALL[seed] = World.make(seed, date(2026, 3, 13), customers=25, invoices=150, months=5)
    return _SMALL[seed]


def test_instalments_sum_to_their_document(world: World) -> None:
    parts: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    for part in world.installments:
        parts[part.document_id] += part.amount
    documents = latest_documents(world)
    assert parts
    assert all(documents[k].amount == total for k, total in parts.items() if not documents[k].deleted)


def test_buckets_and_unapplied_sum_to_the_total(world: World) -> None:
    table = truth.aging(truth.open_items(world), world.as_of)
    for row in table.values():
        assert sum(v for k, v in row.items() if k != "total") == row["total"]
    control = {(e, c): amount for (e, _, c), amount in truth.control_accounts(world).items()}
    totals: defaultdict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
    for account, row in table.items():
        totals[account.legal_entity, account.currency] += row["total"]
    assert {k: v for k, v in totals.items() if v} == {k: v for k, v in control.items() if v}


def test_what_was_known_earlier_does_not_change_when_time_goes_on(world: World) -> None:
    later = world.advance(6)
    day = world.as_of
    assert truth.open_items(later, day, known_at=world.now) == truth.open_items(world, day)
    assert truth.open_items(later) != truth.open_items(world)


def test_intended_matches_fit_their_lines_and_what_is_open(world: World) -> None:
    lines = {(p.account, p.bank_reference, p.occurrence): p for p in truth.pending_lines(world)}
    open_now = {(i.item_id, i.installment_no): i.amount for i in truth.open_items(world)}
    given_out: defaultdict[tuple[str, str, int], Decimal] = defaultdict(lambda: ZERO)
    for match in truth.intended_matches(world):
        given_out[match.account, match.bank_reference, match.occurrence] += match.amount
        if match.document_id is not None and match.installment_no is not None:
            assert match.amount <= open_now[match.document_id, match.installment_no]
    assert given_out
    assert all(0 < amount <= lines[key].amount for key, amount in given_out.items())


def test_score_knows_right_from_wrong(world: World) -> None:
    meant = [m for m in truth.intended_matches(world) if m.document_id]
    applied = [(m.account, m.bank_reference, m.document_id or "", m.amount) for m in meant]
    perfect = truth.score(world, applied)
    assert (perfect.precision, perfect.rate, perfect.rate_of_all, perfect.wrong) == (1, 1, 1, ())
    assert perfect.usable < perfect.meant < perfect.pending
    account, reference, document_id, amount = applied[0]
    wrong_sum = truth.score(world, [(account, reference, document_id, amount + 1), *applied[1:]])
    assert wrong_sum.right < wrong_sum.applied
    strange = truth.score(world, [*applied, (account, "no such line", document_id, amount)])
    assert strange.wrong == ((account, "no such line", document_id),)
    assert truth.score(world, []).precision is None
    back = next(p for p in truth.pending_lines(world) if p.receipt_id in truth.returned_receipts(world))
    assert truth.score(world, [(back.account, back.bank_reference, document_id, back.amount)]).right == 0


def test_customer_status_agrees_with_the_aging(world: World) -> None:
    statuses = truth.customer_status(world)
    both = {c.party_id for c in world.customers} - statuses.keys()
    items = truth.open_items(world)
    owed = {i.party_id for i in items if i.due_date}
    assert owed <= statuses.keys() | both
    for account, row in truth.aging(items, world.as_of).items():
        status = statuses.get(account.party_id)
        if status is not None:
            late = row["d1_30"] + row["d31_60"] + row["d61_90"] + row["d91_plus"]
            assert (status.past_due > 0) >= (late > 0)
            assert (status.oldest_days_late > 90) >= (row["d91_plus"] > 0)
            assert status.on_hold() == (status.oldest_days_late > 90)
            if account.currency == status.currency and {
                i.currency for i in items if i.party_id == account.party_id
            } == {account.currency}:
                assert (status.open, status.past_due) == (row["total"] - row["unapplied"], late)
