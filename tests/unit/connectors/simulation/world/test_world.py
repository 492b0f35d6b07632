"""A world is deterministic, of the size asked for, and has everything in it that a test must be able to count on."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal

import pytest
import stdnum.iban
import stdnum.iso11649
import stdnum.luhn
import stdnum.us.rtn

from connectors.simulation.world import truth
from connectors.simulation.world.company import BANK_ACCOUNTS, DECIMALS
from connectors.simulation.world.remittance import CARD_NUMBER
from connectors.simulation.world.world import World

ROWS = [
    "customers",
    "orders",
    "documents",
    "installments",
    "receipts",
    "receipt_events",
    "allocations",
    "adjustments",
    "disputes",
    "fx_rates",
    "crm_accounts",
    "crm_opportunities",
    "crm_contracts",
    "crm_orders",
    "crm_cases",
]


def test_same_seed_same_company() -> None:
    day = date(2026, 2, 27)
    one, other = (World.make(11, day, customers=30, invoices=200, months=6) for _ in range(2))
    assert one.history == other.history
    assert one.gl_balances == other.gl_balances
    assert World.make(12, day, customers=30, invoices=200, months=6).history != one.history


def test_as_many_invoices_and_customers_as_asked_for(world: World) -> None:
    invoices = {d.document_id for d in world.documents if d.document_type == "invoice"}
    assert len(invoices) == 900
    assert len({c.party_id for c in world.customers}) == 120


@pytest.mark.parametrize("as_of", [date(2026, 5, day) for day in range(1, 8)])
def test_any_day_of_the_week_will_do(as_of: date) -> None:
    world = World.make(as_of.day, as_of, customers=10, invoices=50, months=4)
    assert max(d.posting_date for d in world.documents) <= as_of
    assert len(truth.pending_lines(world)) > 10
    assert world.gl_balances[-1].date == as_of


@pytest.mark.parametrize(("customers", "invoices", "months"), [(9, 100, 6), (20, 49, 6), (20, 100, 3)])
def test_too_small_a_world_is_refused(customers: int, invoices: int, months: int) -> None:
    with pytest.raises(ValueError, match="too small"):
        World.make(1, date(2026, 1, 1), customers, invoices, months)


def test_nothing_is_known_before_its_time(world: World) -> None:
    for name in ROWS:
        rows = getattr(world, name)
        times = [getattr(r, "recorded_at", None) or r.modified_at for r in rows]
        assert rows, name
        assert max(times) <= world.now, name
    assert max(line.booking_date for line in world.bank_lines) <= world.as_of


def test_records_are_in_the_order_of_their_recording(world: World) -> None:
    for name in ("orders", "documents", "receipts", "receipt_events", "allocations", "adjustments", "entries"):
        times = [r.recorded_at for r in getattr(world.history, name)]
        assert times == sorted(times), name


def test_going_on_in_time_only_adds(world: World) -> None:
    later = world.advance(3).advance(2)
    assert later.as_of == world.as_of + timedelta(days=5)
    for name in (*ROWS, "bank_lines", "gl_balances"):
        before, after = getattr(world, name), getattr(later, name)
        assert set(before) <= set(after), name
        assert Counter(later.since(after, world)) == Counter(after) - Counter(before), name
    with pytest.raises(ValueError, match="35 days"):
        world.advance(36)


def test_five_days_later_the_erp_has_posted_the_pending_money(world: World) -> None:
    pending = {line.receipt_id for line in truth.pending_lines(world)}
    later = world.advance(6)
    posted = {r.receipt_id: r for r in later.receipts}
    assert pending <= posted.keys()
    new = set(later.documents) - set(world.documents)
    known = {d.document_id for d in world.documents}
    corrected = [d for d in new if d.document_id in known]
    assert any(d.status == "void" for d in corrected)
    assert any(d.deleted for d in corrected)
    assert any(d.document_id not in known for d in new)
    assert any(e.event_type == "reversed" for e in set(later.receipt_events) - set(world.receipt_events))


def test_receipts_quote_the_line_that_they_come_from(world: World) -> None:
    lines = {(line.bank_reference, line.receipt_id): line for line in world.bank_lines if line.kind == "payment"}
    account = {a.account: a for a in BANK_ACCOUNTS}
    quoted = 0
    for receipt in world.receipts:
        line = lines.get((receipt.bank_line_ref or receipt.reference or "", receipt.receipt_id))
        if line:
            quoted += 1
            assert (line.amount, line.currency) == (receipt.amount, receipt.currency)
            assert account[line.account].legal_entity == receipt.legal_entity
            assert line.value_date == receipt.receipt_date
    assert quoted > 50


def test_everything_that_goes_wrong_has_gone_wrong(world: World) -> None:
    assert {d.document_type for d in world.documents} == {
        "invoice",
        "credit_memo",
        "debit_memo",
        "finance_charge",
        "opening_item",
        "pro_forma",
    }
    assert {d.status for d in world.documents} == {"draft", "posted", "void"}
    assert any(d.deleted for d in world.documents)
    assert any(d.voided_on for d in world.documents)
    assert {e.event_type for e in world.receipt_events} >= {"bounced", "charged_back", "cleared"}
    assert {a.adjustment_type for a in world.adjustments} >= {"discount", "write_off"}
    assert any(a.reverses_id for a in world.allocations)
    assert any(a.source_amount for a in world.allocations)
    assert any(a.source_type == "credit_memo" for a in world.allocations)
    assert any(a.installment_no for a in world.allocations)
    assert any(d.recorded_at.date() - d.posting_date > timedelta(days=5) for d in world.documents)
    assert len({d.document_id for d in world.documents}) < len(world.documents)
    paid = Counter(a.source_id for a in world.allocations if a.source_type == "receipt" and a.amount > 0)
    assert max(paid.values()) > 1


def test_money_has_the_decimals_of_its_currency(world: World) -> None:
    assert {d.currency for d in world.documents} == set(DECIMALS)
    amounts = [(d.amount, d.currency) for d in world.documents] + [
        (line.amount, line.currency) for line in world.bank_lines
    ]
    for amount, currency in amounts:
        assert isinstance(amount, Decimal)
        assert amount == round(amount, DECIMALS[currency])
    settled = {e.currency for e in world.entries if e.base_amount == round(e.base_amount, 2)}
    assert settled == set(DECIMALS)


def test_pending_payments_come_with_every_kind_of_hint(world: World) -> None:
    pending = truth.pending_lines(world)
    assert {line.hint for line in pending} >= {
        "reference",
        "structured",
        "compact",
        "number",
        "typo",
        "amount",
        "ambiguous",
    }
    assert any(CARD_NUMBER in line.remittance for line in pending)
    assert stdnum.luhn.is_valid(CARD_NUMBER.replace(" ", ""))
    twins = [line for line in pending if line.occurrence == 2]
    assert twins
    for twin in twins:
        key = (twin.account, twin.bank_reference, 1)
        first = next(p for p in pending if (p.account, p.bank_reference, p.occurrence) == key)
        same = ("amount", "value_date", "remittance", "counterparty_name", "counterparty_account", "end_to_end_id")
        assert all(getattr(first, name) == getattr(twin, name) for name in same)
    assert truth.returned_receipts(world) & {line.receipt_id for line in pending}
    assert {line.kind for line in world.bank_lines} >= {"payment", "return", "fee", "interest", "transfer", "other"}


def test_lines_of_an_account_can_be_told_apart(world: World) -> None:
    keys = Counter((line.account, line.bank_reference, line.occurrence) for line in world.history.bank_lines)
    assert set(keys.values()) == {1}
    assert max(len(line.bank_reference) for line in world.bank_lines) <= 16


def test_numbers_carry_valid_check_digits(world: World) -> None:
    for account in BANK_ACCOUNTS:
        if account.account.startswith("DE"):
            assert stdnum.iban.is_valid(account.account)
    for customer in world.customers:
        if customer.country == "DE":
            assert stdnum.iban.is_valid(customer.iban_or_account)
        if customer.country == "US":
            assert stdnum.us.rtn.is_valid(customer.bic_or_routing)
    structured = [line.structured_reference for line in world.bank_lines if line.structured_reference]
    assert structured
    assert all(stdnum.iso11649.is_valid(r) for r in structured)


def test_crm_and_erp_disagree_about_who_is_who(world: World) -> None:
    parties = {c.party_id: c for c in world.customers}
    latest = {a.account_no: a for a in world.crm_accounts}
    keys = Counter(a.customer_number for a in latest.values() if a.customer_number)
    assert set(keys) <= set(parties)
    assert set(keys.values()) == {1}
    accounts_of: defaultdict[str, set[int]] = defaultdict(set)
    for account in latest.values():
        if account.party_id:
            accounts_of[account.party_id].add(account.account_no)
    assert any(len(accounts) > 1 for accounts in accounts_of.values())
    assert any(a.party_id and not a.customer_number for a in latest.values())
    assert any(a.party_id is None for a in latest.values())
    assert any(a.party_id and a.name != parties[a.party_id].name for a in latest.values())
    assert any(a.deleted for a in world.history.crm.accounts)  # of some seeds it becomes known in the days to come
    orders = {o.order_id for o in world.history.orders}
    assert {o.erp_order_id for o in world.crm_orders if o.erp_order_id} <= orders
