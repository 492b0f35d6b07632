"""Receipts: one posted statement a bank line, whatever happened on the way; what is refused leaves nothing behind."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.erp.tryton.writing.receipt import allocated, allocations_text
from connectors.kit.contract import OutcomeStatus
from connectors.kit.errors import FatalError
from connectors.simulation.faults import Fault
from tests.unit.connectors.erp.tryton.conftest import EUROS

DELIVERED, FAILED, RETRY, UNKNOWN = (
    OutcomeStatus.DELIVERED,
    OutcomeStatus.FAILED,
    OutcomeStatus.RETRY,
    OutcomeStatus.UNKNOWN,
)


def held(erp, intent):
    return erp.writer().read_back("receipt", [intent.key], list(intent.fields)).get(intent.key)


@pytest.mark.parametrize(
    ("amount", "on", "left"),
    [
        ("100.00", {"A": "100.00"}, {"A": "0", "B": "250"}),
        ("60.00", {"A": "60.00"}, {"A": "40", "B": "250"}),
        ("150.00", {"B": "150.00"}, {"A": "100", "B": "100"}),
        ("300.00", {"A": "100.00", "B": "200.00"}, {"A": "0", "B": "50"}),
        ("130.00", {"A": "100.00"}, {"A": "0", "B": "250"}),
        ("55.00", {}, {"A": "100", "B": "250"}),
        ("140.00", {"A": "100.00", "O": "40.00"}, {"A": "0", "O": "0"}),
    ],
    ids=["full", "partial", "a maturity", "several", "rest on account", "on account", "two parties"],
)
def test_a_receipt_is_posted_and_settles_its_invoices(erp, amount, on, left):
    intent = erp.receipt("L1", amount, on)
    (outcome,) = erp.put(intent)
    assert outcome.status is DELIVERED, outcome.reason
    assert {name: erp.to_pay(name) for name in left} == {name: Decimal(value) for name, value in left.items()}
    assert erp.statements() == [("OTC L1", "posted")]
    assert held(erp, intent) == dict(intent.fields)
    lines = [r for r in erp.sim.records("account.move.line") if r["account"] == erp.clerk.accounts["1010"]]
    assert sum(r["debit"] for r in lines) == Decimal(amount)


def test_what_is_on_account_is_on_the_party_s_receivable_account_else_on_the_usual_one(erp):
    usual, own = erp.clerk.accounts["1200"], erp.receivable("1210")

    def on_account(key, **on):
        (outcome,) = erp.put(erp.receipt(key, "60.00", on))
        found = erp.sim.records("account.statement.line")
        return [r["account"] for r in found if r["number"] == key and r["related_to"] is None] or outcome.reason

    assert on_account("L1") == [usual]
    erp.sim.call("party.party", "write", [erp.party], {"account_receivable": own})
    assert on_account("L2") == [own]
    assert on_account("L3", A="50.00") == [usual], "with what it pays, where that is on one account"
    erp.sim.call("party.party", "write", [erp.party], {"account_receivable": None})
    erp.sim.call("account.configuration", "write", [1], {"default_account_receivable": None})
    assert "no receivable account" in on_account("L4")


def test_sent_twice_it_is_one_receipt(erp):
    intent = erp.receipt("L1", "100.00", {"A": "100.00"})
    assert [o.status for o in (*erp.put(intent), *erp.put(intent))] == [DELIVERED, DELIVERED]
    assert erp.statements() == [("OTC L1", "posted")]


def test_the_next_statement_begins_where_the_last_one_ended(erp):
    erp.put(erp.receipt("L1", "60.00", {"A": "60.00"}), erp.receipt("L2", "40.00", {"A": "40.00"}))
    ends = [(s["start_balance"], s["end_balance"]) for s in erp.sim.records("account.statement")]
    assert ends == [(0, 60), (60, 100)]
    assert erp.to_pay("A") == 0


@pytest.mark.parametrize(
    ("lost", "left"), [("create", "draft"), ("validate_statement", "validated"), ("post", "posted")]
)
def test_a_lost_answer_is_unknown_and_the_next_try_makes_one_receipt(erp, lost, left):
    intents = [erp.receipt("L1", "100.00", {"A": "100.00"}), erp.receipt("L2", "10.00", {"B": "10.00"})]
    erp.sim.faults.add(Fault("lose_answer", path=rf"statement\.{lost}$"))
    first, second = erp.put(*intents)
    assert first.status is UNKNOWN, first.reason
    assert second.status is RETRY
    assert erp.statements() == [("OTC L1", left)]
    assert (held(erp, intents[0]) is not None) == (lost == "post")
    assert {o.status for o in erp.put(*intents)} == {DELIVERED}
    assert erp.statements() == [("OTC L1", "posted"), ("OTC L2", "posted")]
    assert erp.to_pay("A") == 0
    assert erp.to_pay("B") == 240


@pytest.mark.parametrize("method", ["create", "validate_statement", "post"])
def test_a_call_that_never_arrived_is_made_again(erp, method):
    erp.sim.faults.add(Fault("drop", path=rf"statement\.{method}$"))
    intent = erp.receipt("L1", "100.00", {"A": "100.00"})
    assert {o.status for o in erp.put(intent)} <= {UNKNOWN, RETRY}
    assert [o.status for o in erp.put(intent)] == [DELIVERED]
    assert erp.statements() == [("OTC L1", "posted")]


@pytest.mark.parametrize("left", ["create", "validate_statement"])
def test_a_draft_that_says_something_else_gives_way(erp, left):
    erp.sim.faults.add(Fault("lose_answer", path=rf"statement\.{left}$"))
    assert [o.status for o in erp.put(erp.receipt("L1", "100.00", {"A": "100.00"}))] == [UNKNOWN]
    new = erp.receipt("L1", "100.00", {"B": "100.00"})
    assert [o.status for o in erp.put(new)] == [DELIVERED]
    assert erp.statements() == [("OTC L1", "posted")]
    assert (erp.to_pay("A"), erp.to_pay("B")) == (100, 150)


def test_what_is_posted_is_never_changed(erp):
    erp.put(erp.receipt("L1", "100.00", {"A": "100.00"}))
    (outcome,) = erp.put(erp.receipt("L1", "100.00", {"B": "100.00"}))
    assert outcome.status is FAILED
    assert "undo it in Tryton first" in outcome.reason
    assert erp.statements() == [("OTC L1", "posted")]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"allocations": "999:10.0000"}, "no customer invoice 999"),
        ({"allocations": "x"}, "allocations"),
        ({"amount": "10.001"}, "more decimals"),
        ({"currency": "XXL"}, "ISO 4217"),
        ({"amount": "-5"}, "not money that came in"),
        ({"value_date": "yesterday"}, "not a date"),
        ({"value_date": "1999-01-01"}, "create a period"),
        ({"bank_account": "DE0"}, "receipt_journals"),
        ({"currency": "EUR"}, "USD, not EUR"),
        ({"party_id": ""}, "not the id of a party"),
    ],
)
def test_what_cannot_be_posted_fails_by_itself_and_leaves_nothing(erp, fields, said):
    bad, good = erp.receipt("L1", "10.00", {"A": "10.00"}, **fields), erp.receipt("L2", "20.00", {"A": "20.00"})
    outcomes = {o.key: o for o in erp.put(bad, good)}
    assert outcomes["L2"].status is DELIVERED
    assert outcomes["L1"].status is FAILED
    assert said in outcomes["L1"].reason
    assert erp.statements() == [("OTC L2", "posted")]
    assert erp.to_pay("A") == 80


def test_an_invoice_that_somebody_has_paid_meanwhile_is_not_paid_again(erp):
    erp.put(erp.receipt("L1", "70.00", {"A": "70.00"}))
    (outcome,) = erp.put(erp.receipt("L2", "40.00", {"A": "40.00"}))
    assert outcome.status is FAILED
    assert "30.00 left to pay, not 40" in outcome.reason
    erp.put(erp.receipt("L3", "30.00", {"A": "30.00"}))
    (outcome,) = erp.put(erp.receipt("L4", "1.00", {"A": "1.00"}))
    assert outcome.status is FAILED
    assert erp.statements() == [("OTC L1", "posted"), ("OTC L3", "posted")]


def test_a_refused_posting_is_undone(erp):
    erp.sim.faults.add(Fault("row_error", path="account.statement.post", rows=1, code="The period is closed"))
    (outcome,) = erp.put(erp.receipt("L1", "100.00", {"A": "100.00"}))
    assert outcome.status is FAILED
    assert "The period is closed" in outcome.reason
    assert erp.statements() == []
    assert erp.to_pay("A") == 100
    assert [o.status for o in erp.put(erp.receipt("L1", "100.00", {"A": "100.00"}))] == [DELIVERED]


def in_euros(erp, key="L1", amount="70.00"):
    return erp.receipt(key, amount, {"E": amount}, currency="EUR", bank_account=EUROS)


def test_the_exchange_difference_of_a_receipt_is_posted_with_it(erp):
    erp.euros("1.25")
    before = erp.owed()
    assert [o.status for o in erp.put(in_euros(erp))] == [DELIVERED]
    assert erp.to_pay("E") == 0
    assert erp.drafts() == []
    assert erp.owed() == before - Decimal("77.00"), "all of the invoice, at its own rate"


def test_a_part_in_another_currency_makes_no_difference_yet(erp):
    erp.euros("1.25")
    before = erp.owed()
    assert [o.status for o in erp.put(in_euros(erp, amount="30.00"))] == [DELIVERED]
    assert erp.owed() == before - Decimal("37.50")


def test_a_receipt_whose_difference_is_still_a_draft_is_not_there_yet(erp):
    erp.euros("1.25")
    intent = in_euros(erp)
    erp.sim.faults.add(Fault("drop", path=r"account\.move\.post$"))
    assert {o.status for o in erp.put(intent)} <= {UNKNOWN, RETRY}
    assert erp.drafts() == [Decimal("10.50")]
    assert held(erp, intent) is None
    assert [o.status for o in erp.put(intent)] == [DELIVERED]
    assert erp.drafts() == []
    assert held(erp, intent) == dict(intent.fields)
    assert erp.statements() == [("OTC L1", "posted")]


def test_a_difference_that_is_refused_is_told_and_tried_again(erp):
    erp.euros("1.25")
    erp.sim.faults.add(Fault("row_error", path=r"account\.move\.post$", rows=1, code="Closed"))
    [outcome] = erp.put(in_euros(erp))
    assert outcome.status is FAILED
    assert "the receipt is posted, its exchange difference is still a draft" in outcome.reason
    assert [o.status for o in erp.put(in_euros(erp))] == [DELIVERED]
    assert erp.drafts() == []


def test_a_statement_that_gives_way_takes_its_difference_along(erp):
    erp.euros("1.25")
    erp.sim.faults.add(Fault("lose_answer", path=r"statement\.validate_statement$"))
    assert [o.status for o in erp.put(in_euros(erp))] == [UNKNOWN]
    assert len(erp.drafts()) > 1
    assert [o.status for o in erp.put(in_euros(erp, amount="30.00"))] == [DELIVERED]
    assert erp.drafts() == []
    assert erp.to_pay("E") == 40


def test_a_statement_of_a_person_with_the_same_number_is_left_alone(erp):
    line = {"number": "L1", "date": erp.sim.call("ir.date", "today"), "amount": Decimal("5.00"), "party": erp.party}
    line |= {"account": erp.clerk.accounts["1200"], "description": "keyed by hand"}
    values = {"name": "By hand", "company": 1, "journal": 1, "date": line["date"], "end_balance": Decimal("5.00")}
    erp.sim.call("account.statement", "create", [{**values, "start_balance": 0, "lines": [("create", [line])]}])
    erp.put(erp.receipt("L1", "100.00", {"A": "100.00"}))
    assert erp.statements() == [("By hand", "draft"), ("OTC L1", "posted")]


def test_the_journal_is_that_of_the_bank_account_where_the_settings_name_none(erp):
    account = erp.clerk.bank_account(1, "4400123456")
    erp.sim.call("account.statement.journal", "write", [1], {"bank_account": account})
    intent = erp.receipt("L1", "100.00", {"A": "100.00"})
    assert [o.status for o in erp.put(intent, receipt_journals={})] == [DELIVERED]


def test_a_session_that_ends_in_the_middle_is_taken_up(erp):
    erp.sim.faults.add(Fault("expire_token", path=r"statement\.create$"))
    assert [o.status for o in erp.put(erp.receipt("L1", "100.00", {"A": "100.00"}))] == [DELIVERED]
    assert erp.statements() == [("OTC L1", "posted")]


def test_fields_and_objects_it_does_not_know_are_refused_before_anything_is_sent(erp):
    writer = erp.writer()
    with pytest.raises(FatalError, match="colour"):
        list(writer.write("receipt", [erp.receipt("L1", "1.00", {}, colour="blue")]))
    with pytest.raises(FatalError, match="twice"):
        list(writer.write("receipt", [erp.receipt("L1", "1.00", {})] * 2))
    with pytest.raises(FatalError, match="credit_limit"):
        list(writer.write("nothing", []))
    assert erp.sim.writes() == []


def test_allocations_are_one_text_both_ways():
    assert allocated("12:10.5000,7:3") == ((7, Decimal(3)), (12, Decimal("10.5000")))
    assert allocations_text(allocated("12:10.5,7:3")) == "7:3.0000,12:10.5000"
