from __future__ import annotations

import logging
from collections import Counter
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.crm.salesforce.catalogue import TABLES
from connectors.crm.salesforce.client import SalesforceClient
from connectors.crm.salesforce.connector import CONNECTOR
from connectors.crm.salesforce.simulator.org import stamp
from connectors.crm.salesforce.source import batches
from connectors.kit.contract import Cursor, KeySweep
from connectors.kit.errors import ConfigError, FatalError, RetriableError
from connectors.simulation.faults import Fault, Faults
from connectors.simulation.server import Answer, LoopbackServer
from tests.unit.connectors.crm.salesforce.conftest import Clock, Open, settings_for
from tests.unit.connectors.crm.salesforce.reading import accounts, names, read, rows_of


def test_every_entity_gives_its_declared_columns_as_text(open_crm: Open) -> None:
    crm = open_crm()
    crm.load(
        {
            "Account": [
                {"Id": "001OT0000000001YAA", "Name": "Acme", "OTC_Customer_Key__c": "C-1", "AccountNumber": "7"}
            ],
            "Contact": [{"AccountId": "001OT0000000001YAA", "LastName": "Roe"}],
            "Opportunity": [{"Name": "Big", "StageName": "Proposal", "Amount": 1234.5, "CloseDate": "2025-01-31"}],
            "Order": [{"AccountId": "001OT0000000001YAA", "Status": "Draft", "OTC_Order_Key__c": "SO-1"}],
            "Contract": [{"AccountId": "001OT0000000001YAA", "ContractTerm": 12}],
            "Case": [{"Subject": "Late", "Status": "New"}],
        }
    )
    source = CONNECTOR.source("sf_main", settings_for(crm), {})
    found = {name: list(resource) for name, resource in source.resources.items()}
    assert list(found) == [entity.name for entity in CONNECTOR.entities]
    for entity in CONNECTOR.entities:
        batch, sweep = found[entity.name]
        assert sweep.keys["id"].to_pylist() == batch.rows["id"].to_pylist(), "read from the start, all were met"
        assert batch.entity is entity and batch.rows.num_rows == 1
        assert set(batch.rows.column_names) == {f.name for f in entity.fields}
        assert {str(t) for t in batch.rows.schema.types} == {"string"}
        assert batch.cursor is not None and batch.cursor.stream == entity.name
    account = found["accounts"][0].rows.to_pylist()[0]
    assert (account["customer_key"], account["account_number"], account["name"]) == ("C-1", "7", "Acme")
    assert (account["recorded_at"], account["deleted"]) == ("2025-03-01T12:00:00.000Z", "false")
    assert found["opportunities"][0].rows["amount"].to_pylist() == ["1234.5"]
    assert found["orders"][0].rows["order_key"].to_pylist() == ["SO-1"]
    assert found["contracts"][0].rows["contract_term"].to_pylist() == ["12"]


def test_paging_gives_each_row_once_and_the_cursor_at_the_end(open_crm: Open) -> None:
    crm = open_crm(page_rows=250)
    crm.load(accounts(1601))
    found = read(settings_for(crm))
    assert names(found) == Counter(f"A{n}" for n in range(1601))
    assert [b.cursor is not None for b in found] == [False] * 6 + [True]
    queries = [line for line in crm.log() if "/query" in line["path"]]
    assert len(queries) == 1 + 7


def test_thousands_of_rows_with_one_time_stamp_come_once_each_through_small_windows(open_crm: Open) -> None:
    crm = open_crm(page_rows=200)
    crm.load(accounts(4100))
    assert {r["SystemModstamp"] for r in crm.records("Account")} == {"2025-03-01T12:00:00.000+0000"}
    found = read(settings_for(crm, window_rows=1000))
    assert names(found) == Counter(f"A{n}" for n in range(4100))
    assert sum(b.cursor is not None for b in found) == 5
    assert max(b.rows.num_rows for b in found) <= 200


def test_10_001_accounts_through_bulk_are_equal_as_a_multiset(open_crm: Open) -> None:
    crm = open_crm()
    hostile = 'Müller, "Söhne"\n& Co; \u2028 \\ '
    crm.load(accounts(10_001, BillingStreet=hostile, Website=""))
    found = read(settings_for(crm, bulk_page_rows=4_000))
    said = Counter((r["name"], r["customer_key"], r["billing_street"]) for r in rows_of(found))
    assert said == Counter((f"A{n}", f"C-{n}", hostile) for n in range(10_001))
    assert {r["website"] for r in rows_of(found)} == {None}
    assert len([line for line in crm.log() if line["path"].endswith("/results")]) == 3
    assert not [line for line in crm.log() if "/query/01g" in line["path"]]


def test_rest_and_bulk_say_the_same(open_crm: Open) -> None:
    crm = open_crm()
    crm.load(accounts(30, BillingCity="Ulm", CurrencyIsoCode="EUR"))
    amounts = [0.0, 0.1, -5.25, 9_999_999.99, 10_000_000.0, 12_345_678.91, 350_000_000.5, 1e12]
    crm.load(
        {"Opportunity": [{"Name": f"O{n}", "Amount": a, "CloseDate": "2025-01-01"} for n, a in enumerate(amounts)]}
    )
    for entity in ("accounts", "opportunities"):
        rest = rows_of(read(settings_for(crm), entity))
        bulk = rows_of(read(settings_for(crm, bulk_threshold=0), entity))
        decimals = {c.field.name for c in TABLES[entity].columns if c.field.type.value == "decimal"}
        typed = [
            [{k: Decimal(v) if k in decimals and v is not None else v for k, v in r.items()} for r in rows]
            for rows in (rest, bulk)
        ]
        assert typed[0] == typed[1] and len(rest) > 7
        assert not [r for r in rest + bulk for k in decimals if r[k] is not None and "E" in r[k]]
    assert [Decimal(r["amount"]) for r in rest] == [Decimal(str(a)) for a in amounts]


def test_a_later_run_asks_only_for_what_changed_and_the_overlap(open_crm: Open, clock: Clock) -> None:
    crm = open_crm()
    crm.load(accounts(5))
    clock.advance(3600)
    (first,) = read(settings_for(crm))
    crm.load({"Account": [{"Name": "new"}]})
    changed = crm.records("Account")[2]["Id"]
    crm.edit("Account", changed, {"Name": "renamed"})
    (second,) = read(settings_for(crm), cursor=first.cursor)
    assert set(names([second])) >= {"new", "renamed"}
    (third,) = read(settings_for(crm), cursor=second.cursor)
    assert names([third]) == Counter({"new": 1, "renamed": 1})
    assert third.cursor == second.cursor


def test_the_cursor_keeps_the_vendors_own_literal(open_crm: Open) -> None:
    crm = open_crm()
    crm.load(accounts(3))
    (rest,) = read(settings_for(crm))
    (bulk,) = read(settings_for(crm, bulk_threshold=0))
    assert rest.cursor == Cursor("accounts", "2025-03-01T12:00:00.000+0000", "001OT0000000003YAA")
    assert bulk.cursor == Cursor("accounts", "2025-03-01T12:00:00.000Z", "001OT0000000003YAA")


def test_a_row_that_becomes_visible_late_is_caught_by_the_overlap(open_crm: Open, clock: Clock) -> None:
    crm = open_crm()
    crm.load(accounts(3))
    (first,) = read(settings_for(crm))
    late = stamp(datetime.fromtimestamp(clock.now.timestamp() - 90, clock.now.tzinfo))
    crm.load({"Account": [{"Name": "late", "SystemModstamp": late}]})
    assert "late" in names(read(settings_for(crm), cursor=first.cursor))
    assert "late" not in names(read(settings_for(crm, lookback_seconds=0), cursor=first.cursor))


def test_deleted_records_come_as_tombstones(open_crm: Open, clock: Clock) -> None:
    crm = open_crm()
    crm.load(accounts(3))
    (first,) = read(settings_for(crm))
    clock.advance(60)
    gone = crm.records("Account")[1]["Id"]
    crm.delete("Account", gone)
    for threshold in (2000, 0):
        rows = rows_of(read(settings_for(crm, bulk_threshold=threshold), cursor=first.cursor))
        assert [r["id"] for r in rows if r["deleted"] == "true"] == [gone]


def test_nothing_new_gives_nothing(open_crm: Open) -> None:
    assert read(settings_for(open_crm())) == []


def test_an_organisation_with_one_currency_has_no_currency_column(open_crm: Open) -> None:
    crm = open_crm(multi_currency=False)
    crm.load(accounts(1))
    (batch,) = read(settings_for(crm))
    assert batch.absent == {"currency_iso_code"} and "currency_iso_code" not in batch.rows.column_names


def test_missing_custom_fields_are_named_with_the_way_to_get_them(open_crm: Open) -> None:
    crm = open_crm(deployed=False)
    with pytest.raises(ConfigError, match=r"Account has no OTC_Customer_Key__c; deploy .*salesforce/metadata"):
        read(settings_for(crm))
    results = {r.what: r for r in CONNECTOR.check(settings_for(crm))}
    assert results["sign in"].ok and not results["read accounts"].ok and results["read contacts"].ok
    assert "OTC_AR_Open__c" in results["write account_ar_status"].message


class TestFaults:
    def test_a_token_that_expires_in_mid_page_is_renewed_once(self, open_crm: Open) -> None:
        crm = open_crm(Fault("expire_token", path=r"/query/01g", after=2), page_rows=200)
        crm.load(accounts(1500))
        found = read(settings_for(crm))
        assert names(found) == Counter(f"A{n}" for n in range(1500))
        log = crm.log()
        assert [line["path"] for line in log].count("/services/oauth2/token") == 2
        refused = [n for n, line in enumerate(log) if line["status"] == 401]
        assert len(refused) == 1 and log[refused[0]]["path"] == log[refused[0] + 2]["path"]

    def test_a_token_that_expires_in_a_bulk_job_is_renewed_once(self, open_crm: Open) -> None:
        crm = open_crm(Fault("expire_token", path=r"/results$", after=1))
        crm.load(accounts(900))
        found = read(settings_for(crm, bulk_threshold=0, bulk_page_rows=300))
        assert names(found) == Counter(f"A{n}" for n in range(900))
        assert [line["path"] for line in crm.log()].count("/services/oauth2/token") == 2

    def test_a_session_that_stays_invalid_ends_in_one_error_without_recursion(self, open_crm: Open) -> None:
        crm = open_crm(Fault("expire_token", path=r"/services/data", times=10_000))
        with pytest.raises(ConfigError, match="refused a session it had just given"):
            read(settings_for(crm))
        assert [line["path"] for line in crm.log()].count("/services/oauth2/token") == 2

    def test_429_and_503_are_waited_out(self, open_crm: Open) -> None:
        busy = (Fault("rate_limit", path=r"/query/01g", seconds=0), Fault("unavailable", path=r"/query/01g", times=2))
        crm = open_crm(*busy, page_rows=200)
        crm.load(accounts(700))
        assert names(read(settings_for(crm))) == Counter(f"A{n}" for n in range(700))

    @pytest.mark.parametrize(
        ("fault", "complaint"),
        [
            (Fault("truncate", path=r"/query/01g"), "not whole JSON"),
            (Fault("html", path=r"/query/01g"), "text/html where data was expected"),
            (Fault("short", path=r"/query/01g", rows=3), "700 rows were announced and 697 came"),
            (Fault("repeat_page", path=r"/query", times=99), "the same page came twice"),
            (Fault("unavailable", path=r"/query/01g", times=99), "is busy"),
            (Fault("unavailable", path=r"/query/01g", status=500, times=99), "failed at the next page"),
        ],
    )
    def test_a_bad_page_is_rejected_and_the_cursor_stays(self, open_crm: Open, fault: Fault, complaint: str) -> None:
        crm = open_crm(fault, page_rows=200)
        crm.load(accounts(700))
        with pytest.raises(RetriableError, match=complaint):
            read(settings_for(crm))

    @pytest.mark.parametrize(
        ("fault", "complaint"),
        [
            (Fault("truncate", path=r"/results$"), "not whole CSV|rows were announced"),
            (Fault("html", path=r"/results$"), "text/html where data was expected"),
            (Fault("short", path=r"/results$", rows=3), "700 rows were announced and 697 came"),
        ],
    )
    def test_a_bad_bulk_page_is_rejected(self, open_crm: Open, fault: Fault, complaint: str) -> None:
        crm = open_crm(fault)
        crm.load(accounts(700))
        with pytest.raises(RetriableError, match=complaint):
            read(settings_for(crm, bulk_threshold=0))

    @pytest.mark.parametrize(
        "trick", ["{url}/services/data/v62.0/query/01g-200", "//127.0.0.1:{port}/x", "http://a@b/"]
    )
    def test_a_next_link_to_another_host_is_refused_and_nothing_is_sent_there(self, open_crm: Open, trick: str) -> None:
        other = open_crm(folder="other")
        link = trick.format(url=other.url, port=other.url.rpartition(":")[2])
        crm = open_crm(Fault("foreign_next", path=r"/query", url=link), page_rows=200)
        crm.load(accounts(500))
        with pytest.raises(FatalError, match="not followed"):
            read(settings_for(crm))
        assert other.log() == []

    def test_a_next_link_outside_the_data_api_is_refused(self, open_crm: Open) -> None:
        crm = open_crm(Fault("foreign_next", path=r"/query", url="/services/apexrest/steal"), page_rows=200)
        crm.load(accounts(500))
        with pytest.raises(FatalError, match="outside its data API"):
            read(settings_for(crm))
        assert not [line for line in crm.log() if "apexrest" in line["path"]]

    def test_an_api_limit_is_to_be_tried_later(self, open_crm: Open) -> None:
        said = '[{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]'
        crm = open_crm(Fault("unavailable", path=r"/query", status=403, body=said, times=99))
        crm.load(accounts(1))
        with pytest.raises(RetriableError, match=r"refused a query \(REQUEST_LIMIT_EXCEEDED\); try again later"):
            read(settings_for(crm))

    def test_a_permission_that_is_missing_is_a_setting_to_correct(self, open_crm: Open) -> None:
        said = '[{"message": "secret detail", "errorCode": "INSUFFICIENT_ACCESS"}]'
        crm = open_crm(Fault("unavailable", path=r"/query", status=403, body=said, times=99))
        with pytest.raises(ConfigError, match=r"INSUFFICIENT_ACCESS.*permissions") as error:
            read(settings_for(crm))
        assert "secret detail" not in str(error.value)


def test_rows_that_change_between_two_windows_are_not_skipped(open_crm: Open, clock: Clock) -> None:
    crm = open_crm(page_rows=200)
    crm.load(accounts(900))
    seen: dict[str, str] = {}
    ids = [r["Id"] for r in crm.records("Account")]
    with SalesforceClient(settings_for(crm, window_rows=300)) as client:
        for n, batch in enumerate(batches(client, TABLES["accounts"], None)):
            if isinstance(batch, KeySweep):
                assert set(batch.keys["id"].to_pylist()) == set(seen)
                continue
            seen.update({r["id"]: r["name"] for r in batch.rows.to_pylist()})
            clock.advance(1)
            crm.edit("Account", ids[n * 7], {"Name": f"changed {n}"})
            crm.edit("Account", ids[-1 - n * 5], {"Name": f"changed too {n}"})
            if n == 2:
                crm.load({"Account": [{"Name": "inserted"}]})
            if n > 30:
                pytest.fail("reading does not end")
    last = {r["Id"]: r["Name"] for r in crm.records("Account")}
    assert set(seen) == set(last)
    behind = {key for key in last if seen[key] != last[key]}
    assert len(behind) <= 2  # only what was changed after the last window was read


def test_secrets_and_personal_data_are_never_logged(open_crm: Open, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    crm = open_crm(Fault("expire_token", path=r"/query/"), Fault("unavailable", path=r"/query"), page_rows=200)
    crm.load(accounts(300, Phone="555-0123", BillingStreet="1 Secret Lane"))
    read(settings_for(crm))
    assert "/services/data" in caplog.text
    for secret in (crm.client_secret, "555-0123", "Secret Lane", "Bearer", "00DOT0000000001!"):
        assert secret not in caplog.text


def test_html_at_the_login_is_said_in_one_line(open_crm: Open) -> None:
    crm = open_crm(Fault("html", path="/services/oauth2/token"))
    (result,) = CONNECTOR.check(settings_for(crm))
    assert not result.ok and "text/html" in result.message and "\n" not in result.message


def test_what_is_not_salesforce_is_said(tmp_path: Path, open_crm: Open) -> None:
    crm = open_crm()
    with LoopbackServer(lambda request: Answer(404), tmp_path / "other", faults=Faults()) as other:
        (result,) = CONNECTOR.check(settings_for(crm, login_url=other.url, ca_bundle=other.ca_bundle))
    assert not result.ok and "refused the login" in result.message
