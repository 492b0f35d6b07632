from __future__ import annotations

import csv
import io
import json
import logging
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.crm.salesforce.bulk import CLEARS
from connectors.crm.salesforce.catalogue import WRITABLE
from connectors.crm.salesforce.connector import CONNECTOR
from connectors.crm.salesforce.values import as_cell, as_json
from connectors.crm.salesforce.writer import SalesforceWriter
from connectors.kit.contract import Intent, Outcome, OutcomeStatus
from connectors.kit.errors import ConfigError, FatalError
from connectors.simulation.faults import Fault
from tests.unit.connectors.crm.salesforce.conftest import Open, settings_for
from tests.unit.connectors.crm.salesforce.reading import accounts

ACCOUNT, ORDER = "account_ar_status", "order_payment_status"
DELIVERED, FAILED, RETRY, UNKNOWN = OutcomeStatus
FIELDS = WRITABLE[ACCOUNT]


def intent(key: str, **fields: Any) -> Intent:
    return Intent(key, fields or {"open_amount": "10.50", "currency": "EUR"}, f"{key}/1", 1)


def intents(count: int, **fields: Any) -> list[Intent]:
    return [intent(f"C-{n}", **fields) for n in range(count)]


def writer_for(crm: Any, **changes: Any) -> SalesforceWriter:
    return SalesforceWriter(settings_for(crm, **changes), sleep=lambda seconds: None)


def by_status(outcomes: list[Outcome]) -> dict[OutcomeStatus, set[str]]:
    found: dict[OutcomeStatus, set[str]] = {}
    for outcome in outcomes:
        found.setdefault(outcome.status, set()).add(outcome.key)
    return found


def sent(crm: Any) -> list[list[str]]:
    return [line["keys"] for line in crm.writes()]


def test_values_arrive_and_are_read_back_as_they_were_meant(open_crm: Open) -> None:
    crm = open_crm()
    crm.load(accounts(2))
    fields = {
        "open_amount": "1234567890.10",
        "OTC_AR_Past_Due__c": "0.00",
        "oldest_days_late": 31,
        "on_hold": True,
        "otc_ar_as_of__c": "2025-03-01",
        "currency": "EUR",
    }
    writer = CONNECTOR.writer(settings_for(crm)) if CONNECTOR.writer else None
    assert writer is not None and writer.objects() == {ACCOUNT: "Account", ORDER: "Order"}
    (outcome,) = writer.write(ACCOUNT, [intent("C-1", **fields)])
    record = crm.records("Account")[1]
    assert (outcome.status, outcome.target_id) == (DELIVERED, record["Id"])
    assert record["OTC_AR_Open__c"] == 1234567890.1 and record["OTC_AR_On_Hold__c"] is True
    assert writer.read_back(ACCOUNT, ["C-1", "C-none"], list(fields)) == {"C-1": fields}
    (cleared,) = writer.write(ACCOUNT, [intent("C-1", open_amount=None, as_of=None, on_hold=None)])
    assert cleared.status is DELIVERED
    names = ["open_amount", "as_of", "on_hold", "currency"]
    read = writer.read_back(ACCOUNT, ["C-1"], names)["C-1"]
    assert list(read.values()) == [None, None, False, "EUR"]


@pytest.mark.parametrize(("currency", "text"), [("JPY", "1200"), ("KWD", "1.250"), ("EUR", "7.00")])
def test_amounts_are_read_back_with_the_currencys_own_decimals(open_crm: Open, currency: str, text: str) -> None:
    crm = open_crm()
    crm.load(accounts(1))
    writer = writer_for(crm)
    list(writer.write(ACCOUNT, [intent("C-0", open_amount=text, currency=currency)]))
    assert writer.read_back(ACCOUNT, ["C-0"], ["open_amount"]) == {"C-0": {"open_amount": text}}


def test_keys_with_quotes_and_letters_of_all_kinds_are_escaped(open_crm: Open) -> None:
    crm = open_crm()
    keys = ["O'Brien \\ 1", 'say "x"', "Ü/é?&=#%", "' OR Name != '"]
    crm.load({"Account": [{"Name": k, "OTC_Customer_Key__c": k} for k in [*keys, "other"]]})
    writer = writer_for(crm)
    assert {o.status for o in writer.write(ACCOUNT, [intent(k) for k in keys])} == {DELIVERED}
    assert set(writer.read_back(ACCOUNT, keys, ["open_amount"])) == set(keys)


def test_orders_are_written_by_their_own_key(open_crm: Open) -> None:
    crm = open_crm()
    crm.load(accounts(1))
    account = crm.records("Account")[0]["Id"]
    crm.load({"Order": [{"AccountId": account, "OTC_Order_Key__c": "SO-1", "Status": "Draft"}]})
    fields = {
        "payment_status": "paid",
        "paid_amount": "99.90",
        "as_of": "2025-03-01",
        "currency": "USD",
    }
    writer = writer_for(crm)
    assert [o.status for o in writer.write(ORDER, [intent("SO-1", **fields)])] == [DELIVERED]
    assert writer.read_back(ORDER, ["SO-1"], list(fields)) == {"SO-1": fields}


def test_nothing_is_created(open_crm: Open) -> None:
    crm = open_crm()
    crm.load(accounts(1))
    writer = writer_for(crm)
    for threshold in (2000, 0):
        writer = writer_for(crm, write_threshold=threshold)
        outcomes = {o.key: o for o in writer.write(ACCOUNT, [intent("C-0"), intent("C-gone")])}
        assert outcomes["C-0"].status is DELIVERED
        assert outcomes["C-gone"].status is FAILED and "nothing was created" in outcomes["C-gone"].reason
        assert len(crm.records("Account")) == 1


def test_wrong_values_and_fields_fail_alone_and_are_not_sent(open_crm: Open) -> None:
    crm = open_crm()
    crm.load(accounts(4))
    wrong = [intent("C-1", open_amount="ten"), intent("C-2", Name="taken over"), intent("C-3", as_of="2025-02-30")]
    outcomes = by_status(list(writer_for(crm).write(ACCOUNT, [intent("C-0"), *wrong])))
    assert outcomes == {DELIVERED: {"C-0"}, FAILED: {"C-1", "C-2", "C-3"}}
    assert sent(crm) == [["C-0"]]


def test_no_change_makes_no_call(open_crm: Open) -> None:
    crm = open_crm()
    assert list(writer_for(crm).write(ACCOUNT, [])) == [] and crm.log() == []


def test_a_key_that_comes_twice_is_a_mistake_of_the_plan(open_crm: Open) -> None:
    with pytest.raises(FatalError, match="twice"):
        list(writer_for(open_crm()).write(ACCOUNT, [intent("C-1"), intent("C-1")]))


def test_an_organisation_that_is_not_ready_is_told_before_anything_is_sent(open_crm: Open) -> None:
    crm = open_crm(deployed=False)
    with pytest.raises(ConfigError, match=r"OTC_Customer_Key__c, OTC_AR_Open__c.*metadata"):
        list(writer_for(crm).write(ACCOUNT, [intent("C-1")]))
    with pytest.raises(ConfigError, match="check client_id and client_secret"):
        list(writer_for(crm, client_secret="wrong").write(ACCOUNT, [intent("C-1")]))
    assert crm.writes() == []


class TestFaults:
    def test_17_exactly_the_seven_rows_that_failed_are_reported(self, open_crm: Open) -> None:
        bad = frozenset(f"C-{n}" for n in (0, 3, 50, 51, 120, 198, 199))
        crm = open_crm(Fault("row_error", code="FIELD_CUSTOM_VALIDATION_EXCEPTION", keys=bad))
        crm.load(accounts(200))
        writer = writer_for(crm)
        first = list(writer.write(ACCOUNT, intents(200)))
        assert len(first) == 200
        assert by_status(first) == {DELIVERED: {f"C-{n}" for n in range(200)} - bad, FAILED: set(bad)}
        again = list(writer.write(ACCOUNT, [i for i in intents(200) if i.key in bad]))
        assert by_status(again) == {DELIVERED: set(bad)}
        assert Counter(key for keys in sent(crm) for key in keys) == Counter(
            {f"C-{n}": 2 if f"C-{n}" in bad else 1 for n in range(200)}
        )

    def test_18_rows_that_met_a_lock_go_again_sorted_by_parent_in_smaller_batches(self, open_crm: Open) -> None:
        crm = open_crm(Fault("row_error", code="UNABLE_TO_LOCK_ROW", keys=frozenset(f"SO-{n}" for n in range(60))))
        crm.load(accounts(3))
        parents = [r["Id"] for r in crm.records("Account")]
        crm.load({"Order": [{"OTC_Order_Key__c": f"SO-{n}", "AccountId": parents[n % 3]} for n in range(90)]})
        orders = [intent(f"SO-{n}", payment_status="paid") for n in range(90)]
        outcomes = list(writer_for(crm).write(ORDER, orders))
        assert by_status(outcomes) == {DELIVERED: {f"SO-{n}" for n in range(90)}} and len(outcomes) == 90
        first, *rest = sent(crm)
        assert len(first) == 90 and [len(keys) for keys in rest] == [40, 20]
        again = [key for keys in rest for key in keys]
        assert again == sorted((f"SO-{n}" for n in range(60)), key=lambda k: (parents[int(k[3:]) % 3], k))

    def test_18_a_storm_of_locks_hands_the_rows_back(self, open_crm: Open) -> None:
        held = frozenset({"C-1", "C-7"})
        crm = open_crm(Fault("row_error", code="UNABLE_TO_LOCK_ROW", keys=held, times=99))
        crm.load(accounts(10))
        outcomes = list(writer_for(crm, lock_retries=2).write(ACCOUNT, intents(10)))
        assert by_status(outcomes) == {DELIVERED: {f"C-{n}" for n in range(10)} - held, RETRY: set(held)}
        assert [len(keys) for keys in sent(crm)] == [10, 2, 2] and len(outcomes) == 10

    def test_19_a_time_out_after_the_write_is_unknown_and_reading_back_shows_it(self, open_crm: Open) -> None:
        crm = open_crm(Fault("lose_answer", method="PATCH", path="/composite/", seconds=60))
        crm.load(accounts(250))
        writer = writer_for(crm, read_timeout_seconds=0.5)
        outcomes = list(writer.write(ACCOUNT, intents(250, open_amount="77.00", currency="USD")))
        (applied,) = sent(crm)
        assert by_status(outcomes) == {UNKNOWN: set(applied), RETRY: {f"C-{n}" for n in range(250)} - set(applied)}
        assert len(applied) == 200
        read = writer.read_back(ACCOUNT, [f"C-{n}" for n in range(250)], ["open_amount"])
        assert {key for key, fields in read.items() if fields["open_amount"] == "77.00"} == set(applied)

    def test_a_garbled_answer_to_a_write_is_unknown(self, open_crm: Open) -> None:
        for kind in ("truncate", "html"):
            crm = open_crm(Fault(kind, method="PATCH", path="/composite/"), folder=kind)  # type: ignore[arg-type]
            crm.load(accounts(3))
            assert by_status(list(writer_for(crm).write(ACCOUNT, intents(3)))) == {UNKNOWN: {"C-0", "C-1", "C-2"}}

    def test_an_answer_5xx_to_a_write_is_unknown(self, open_crm: Open) -> None:
        for status in (500, 503):
            fault = Fault("unavailable", method="PATCH", path="/composite/", status=status)
            crm = open_crm(fault, folder=str(status))
            crm.load(accounts(3))
            assert by_status(list(writer_for(crm).write(ACCOUNT, intents(3)))) == {UNKNOWN: {"C-0", "C-1", "C-2"}}

    def test_a_limit_is_handed_back_for_all_that_was_not_sent(self, open_crm: Open) -> None:
        crm = open_crm(Fault("rate_limit", method="PATCH", after=1, seconds=9999))
        crm.load(accounts(500))
        found = by_status(list(writer_for(crm).write(ACCOUNT, intents(500))))
        assert {k: len(v) for k, v in found.items()} == {DELIVERED: 200, RETRY: 300}
        assert len(sent(crm)) == 1

    def test_a_session_that_expired_is_renewed_and_the_write_sent_once(self, open_crm: Open) -> None:
        crm = open_crm(Fault("expire_token", method="PATCH"))
        crm.load(accounts(3))
        assert by_status(list(writer_for(crm).write(ACCOUNT, intents(3)))) == {DELIVERED: {"C-0", "C-1", "C-2"}}
        assert len(sent(crm)) == 1


class TestBulk:
    def test_large_changes_go_by_one_job(self, open_crm: Open) -> None:
        crm = open_crm(Fault("row_error", code="UNABLE_TO_LOCK_ROW", keys=frozenset({"C-5"})))
        crm.load(accounts(2100))
        many = [
            *intents(2100, open_amount="5.25", past_due_amount=None, on_hold=True, currency="USD"),
            intent("C-gone"),
        ]
        outcomes = list(writer_for(crm).write(ACCOUNT, many))
        found = by_status(outcomes)
        assert len(outcomes) == 2101 and found[RETRY] == {"C-5"} and found[FAILED] == {"C-gone"}
        assert {r["OTC_AR_Open__c"] for r in crm.records("Account") if r["Name"] != "A5"} == {5.25}
        paths = [line["path"] for line in crm.log()]
        assert not [p for p in paths if "composite" in p] and [p.endswith("/batches") for p in paths].count(True) == 2

    def test_20_an_aborted_job_leaves_only_the_rest_to_send_again(self, open_crm: Open) -> None:
        for code in ("Aborted", "Failed"):
            crm = open_crm(Fault("abort_job", rows=37, code=code), folder=code)
            crm.load(accounts(100))
            writer = writer_for(crm, write_threshold=50)
            found = by_status(list(writer.write(ACCOUNT, intents(100))))
            assert {k: len(v) for k, v in found.items()} == {DELIVERED: 37, RETRY: 63}
            again = by_status(list(writer.write(ACCOUNT, [i for i in intents(100) if i.key in found[RETRY]])))
            assert again == {DELIVERED: found[RETRY]}
            assert max(Counter(key for keys in sent(crm) for key in keys).values()) == 1

    def test_a_job_whose_start_was_not_answered_is_followed_to_its_end(self, open_crm: Open) -> None:
        crm = open_crm(Fault("lose_answer", method="PATCH", path="/jobs/ingest"))
        crm.load(accounts(60))
        assert by_status(list(writer_for(crm, write_threshold=50).write(ACCOUNT, intents(60)))) == {
            DELIVERED: {f"C-{n}" for n in range(60)}
        }
        assert len(sent(crm)) == 1

    def test_a_job_whose_results_cannot_be_had_is_unknown(self, open_crm: Open) -> None:
        crm = open_crm(Fault("unavailable", path="successfulResults", times=99))
        crm.load(accounts(60))
        outcomes = list(writer_for(crm, write_threshold=50).write(ACCOUNT, intents(60)))
        assert by_status(outcomes) == {UNKNOWN: {f"C-{n}" for n in range(60)}}

    def test_rows_that_could_not_be_uploaded_are_certainly_not_applied(self, open_crm: Open) -> None:
        crm = open_crm(Fault("unavailable", path="/batches", times=99))
        crm.load(accounts(60))
        outcomes = list(writer_for(crm, write_threshold=50).write(ACCOUNT, intents(60)))
        assert by_status(outcomes) == {RETRY: {f"C-{n}" for n in range(60)}} and crm.writes() == []

    def test_rows_that_set_different_fields_do_not_empty_each_other(self, open_crm: Open) -> None:
        crm = open_crm()
        crm.load(accounts(4, OTC_AR_Open__c=1.0, OTC_AR_Past_Due__c=2.0))
        mixed = [intent("C-0", open_amount="9"), intent("C-1", past_due_amount="8"), intent("C-2", open_amount=None)]
        list(writer_for(crm, write_threshold=0).write(ACCOUNT, mixed))
        now = [(r["OTC_AR_Open__c"], r["OTC_AR_Past_Due__c"]) for r in crm.records("Account")]
        assert now == [(9.0, 2.0), (1.0, 8.0), (None, 2.0), (1.0, 2.0)]


def test_nothing_secret_is_logged(open_crm: Open, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    crm = open_crm()
    crm.load(accounts(3))
    list(writer_for(crm).write(ACCOUNT, intents(3)))
    assert "/composite/" in caplog.text
    for secret in (crm.client_secret, "Bearer", "10.50"):
        assert secret not in caplog.text


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**14), max_value=10**14))
def test_an_amount_reaches_the_wire_to_the_last_digit(value: Decimal) -> None:
    field = FIELDS.field("open_amount")
    assert json.loads(as_json(str(value), field), parse_float=Decimal, parse_int=Decimal) == value
    assert Decimal(as_cell(field, format(value, "f"))) == value


@given(st.text(min_size=1, max_size=60))
def test_text_survives_json_and_csv(value: str) -> None:
    assert json.loads(as_json(value)) == value
    if "\x00" in value or value == CLEARS or any(0xD800 <= ord(c) < 0xE000 for c in value):
        return
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(
        [as_cell(WRITABLE[ORDER].field("payment_status"), value)]
    )
    assert next(csv.reader(io.StringIO(text.getvalue(), newline=""))) == [value]
