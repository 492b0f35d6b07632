"""Credit limits and notes: set, set again, read back; notes of people stay."""

from __future__ import annotations

from decimal import Decimal

from connectors.kit.contract import Intent, OutcomeStatus
from connectors.simulation.faults import Fault

STATUS = {
    "currency": "USD",
    "open_amount": "350.00",
    "past_due_amount": "100.00",
    "oldest_days_late": 12,
    "on_hold": False,
    "as_of": "2026-03-05",
}


def note(erp, **fields):
    return Intent(str(erp.party), {**STATUS, **fields}, "n", 1)


def messages(erp):
    return [r["message"] for r in erp.sim.records("ir.note")]


def test_a_limit_is_set_lifted_and_read_back(erp):
    limit = Intent(str(erp.party), {"credit_limit_amount": "1000.50", "currency": "USD"}, "c", 1)
    assert [o.status for o in erp.put(limit, object_name="credit_limit")] == [OutcomeStatus.DELIVERED]
    fields = ["credit_limit_amount", "currency"]
    assert erp.writer().read_back("credit_limit", [limit.key, "999"], fields) == {limit.key: dict(limit.fields)}
    lifted = Intent(limit.key, {"credit_limit_amount": None, "currency": "USD"}, "c", 2)
    erp.put(lifted, object_name="credit_limit")
    assert erp.writer().read_back("credit_limit", [limit.key], fields)[limit.key]["credit_limit_amount"] is None


def test_a_limit_that_cannot_be_set_fails_by_itself(erp):
    intents = [
        Intent("999", {"credit_limit_amount": "1"}, "c", 1),
        Intent("x", {"credit_limit_amount": "1"}, "c", 1),
        Intent("2", {"credit_limit_amount": "1", "currency": "EUR"}, "c", 1),
        Intent("3", {"credit_limit_amount": "much"}, "c", 1),
        Intent(str(erp.party), {"credit_limit_amount": "1.005"}, "c", 1),
        Intent(str(erp.other), {"credit_limit_amount": "1"}, "c", 1),
    ]
    found = [o.status for o in erp.put(*{i.key: i for i in intents}.values(), object_name="credit_limit")]
    assert found.count(OutcomeStatus.FAILED) == len(found) - 1
    assert found[-1] is OutcomeStatus.DELIVERED
    assert erp.sim.db.one("party.party", erp.other)["credit_limit_amount"] == Decimal(1)


def test_a_note_takes_the_place_of_the_one_before(erp):
    erp.sim.call("ir.note", "create", [{"resource": f"party.party,{erp.party}", "message": "Call them on Monday"}])
    for each in (note(erp), note(erp), note(erp, open_amount="0.00", on_hold=True), note(erp)):
        assert [o.status for o in erp.put(each, object_name="party_ar_status")] == [OutcomeStatus.DELIVERED]
        assert erp.writer().read_back("party_ar_status", [each.key], list(STATUS)) == {
            each.key: {n: str(v) if n == "oldest_days_late" else v for n, v in each.fields.items()}
        }
    ours = [m for m in messages(erp) if m.startswith("Receivables status")]
    assert messages(erp)[0] == "Call them on Monday"
    assert len(ours) == 1
    assert "Open amount: 350.00" in ours[0]


def test_a_note_whose_answer_is_lost_is_there_once(erp):
    erp.sim.faults.add(Fault("lose_answer", path=r"ir\.note\.create"))
    assert [o.status for o in erp.put(note(erp), object_name="party_ar_status")] == [OutcomeStatus.UNKNOWN]
    assert [o.status for o in erp.put(note(erp), object_name="party_ar_status")] == [OutcomeStatus.DELIVERED]
    assert len(messages(erp)) == 1


def test_a_party_that_is_not_there_gets_no_note(erp):
    missing = Intent("999", STATUS, "n", 1)
    assert [o.status for o in erp.put(missing, object_name="party_ar_status")] == [OutcomeStatus.FAILED]
    assert messages(erp) == []
