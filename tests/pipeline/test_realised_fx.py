"""``otc fx`` over the whole way, on both warehouses; and a ledger that was posted before its movements were linked."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live import postgres as servers
from tests.live.postgres import postgres
from tests.pipeline.house import change, configure, otc, passed, rows

__all__ = ["postgres"]
_AT = "T09:00:00+00:00"
_FILES = {
    "parties": "party_id,name\nC,Customer\nD,Dealer\n",
    "documents": f"""document_id,document_type,party_id,legal_entity,document_date,currency,amount,fx_rate,recorded_at
WORKED,invoice,C,MX,2026-03-01,USD,5000.00,16,2026-03-01{_AT}
BOUNCED,invoice,C,MX,2026-03-01,USD,100.00,16,2026-03-01{_AT}
BETTER,invoice,D,MX,2026-03-01,USD,100.00,16,2026-03-01{_AT}
ACROSS,invoice,D,MX,2026-03-01,EUR,100.00,20,2026-03-01{_AT}
LATE,invoice,D,US,2026-03-01,EUR,100.00,1.1,2026-03-01{_AT}
NEVER,invoice,C,US,2026-03-01,GBP,10.00,,2026-03-01{_AT}
HOME,invoice,C,MX,2026-03-01,MXN,10.00,,2026-03-01{_AT}
""",
    "receipts": f"""receipt_id,legal_entity,receipt_date,currency,amount,party_id,fx_rate,recorded_at
R-WORKED,MX,2026-04-10,USD,10000.00,C,15,2026-04-10{_AT}
R-BOUNCED,MX,2026-04-10,USD,150.00,C,15.5,2026-04-10{_AT}
R-BETTER,MX,2026-04-12,USD,100.00,D,16.25,2026-04-12{_AT}
R-ACROSS,MX,2026-04-12,USD,110.00,D,17,2026-04-12{_AT}
R-LATE,US,2026-04-12,EUR,100.00,D,,2026-04-12{_AT}
R-NEVER,US,2026-04-12,GBP,10.00,C,,2026-04-12{_AT}
R-HOME,MX,2026-04-12,MXN,10.00,C,,2026-04-12{_AT}
""",
    "allocations": f"""allocation_id,source_type,source_id,document_id,amount,source_amount,recorded_at
L-WORKED,receipt,R-WORKED,WORKED,5000.00,,2026-04-10{_AT}
L-BOUNCED,receipt,R-BOUNCED,BOUNCED,100.00,,2026-04-10{_AT}
L-BETTER,receipt,R-BETTER,BETTER,100.00,,2026-04-12{_AT}
L-ACROSS,receipt,R-ACROSS,ACROSS,100.00,110.00,2026-04-12{_AT}
L-LATE,receipt,R-LATE,LATE,100.00,,2026-04-12{_AT}
L-NEVER,receipt,R-NEVER,NEVER,10.00,,2026-04-12{_AT}
L-HOME,receipt,R-HOME,HOME,10.00,,2026-04-12{_AT}
""",
    "receipt_events": f"""receipt_id,event_type,event_date,amount,recorded_at
R-BOUNCED,bounced,2026-05-04,,2026-05-04{_AT}
""",
    "fx_rates": f"""from_currency,to_currency,date,rate,recorded_at
EUR,USD,2026-04-11,1.15,2026-04-20{_AT}
""",
}
KINDS = [
    "duckdb",
    pytest.param(
        "postgres",
        marks=[
            pytest.mark.live,
            pytest.mark.xdist_group("postgres"),
            pytest.mark.skipif(bool(servers.missing()), reason=servers.missing() or "-"),
        ],
    ),
]


@pytest.fixture(scope="module", params=KINDS)
def books(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("fx")
    server: servers.Server | None = request.getfixturevalue("postgres") if request.param == "postgres" else None
    database = server.fresh() if server else ""
    config = configure(
        folder,
        [{"name": "legacy", "connector": "files", "path": "./drop"}],
        legal_entities={"MX": {"base_currency": "MXN"}},
        warehouse=server.url(database, password="${OTC_TEST_FX_PASSWORD}") if server else "duckdb",
    )
    for name, text in _FILES.items():
        (folder / "drop" / f"{name}.csv").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTC_TEST_FX_PASSWORD", servers.PASSWORD)
        report = passed(config)
        assert report.code == 0, report.error
        yield config
    if server:
        server.drop(database)


def asked(config: Path, *words: str, first: str = "2026-04-01", last: str = "2026-04-30") -> dict[str, Any]:
    said = otc("fx", "--from", first, "--to", last, *words, "--format", "json", config=config)
    assert said.code == 0, said.err
    answer: dict[str, Any] = json.loads(said.out)
    return answer


def test_a_month_by_pairs_of_currencies(books: Path) -> None:
    answer = asked(books)
    assert (answer["from"], answer["to"], answer["notes"]) == ("2026-04-01", "2026-04-30", None)
    pair = {"source_currency": "USD", "base_currency": "MXN", "notes": None}
    assert answer["rows"] == [
        # 100 EUR @20 paid with 110 USD @17
        {"legal_entity": "MX", "currency": "EUR", **pair, "events": 1, "gain": "0.00", "loss": "-130.00",
         "realised_fx": "-130.00"},
        # 5,000 @16 to @15, 100 @16 to @15.5, 100 @16 to @16.25
        {"legal_entity": "MX", "currency": "USD", **pair, "events": 3, "gain": "25.00", "loss": "-5050.00",
         "realised_fx": "-5025.00"},
        {"legal_entity": "US", "currency": "EUR", "source_currency": "EUR", "base_currency": "USD", "events": 1,
         "gain": "5.00", "loss": "0.00", "realised_fx": "5.00", "notes": None},
        {"legal_entity": "US", "currency": "GBP", "source_currency": "GBP", "base_currency": "USD", "events": 1,
         "gain": None, "loss": None, "realised_fx": None,
         "notes": "no booked rate on one side: 1 of 1, first of them L-NEVER"},
    ]  # fmt: skip


def test_a_bounce_takes_a_loss_back_in_its_own_month(books: Path) -> None:
    (may,) = asked(books, first="2026-05-01", last="2026-05-31")["rows"]
    assert (may["gain"], may["loss"], may["realised_fx"]) == ("0.00", "50.00", "50.00")
    (told,) = asked(books, "--group-by", "allocation", first="2026-05-01", last="2026-05-31")["rows"]
    assert told == {
        "legal_entity": "MX", "source_system": "legacy", "party_id": "C", "party_name": "Customer",
        "effective_date": "2026-05-04", "movement_type": "receipt_event", "allocation_id": "L-BOUNCED",
        "cause_id": told["cause_id"], "document_id": "BOUNCED", "currency": "USD", "document_amount": "100.00",
        "source_type": "receipt", "source_id": "R-BOUNCED", "source_currency": "USD", "source_amount": "-100.00",
        "base_currency": "MXN", "document_base_amount": "1600.00", "source_base_amount": "-1550.00",
        "realised_fx": "50.00", "notes": None,
    }  # fmt: skip


def test_by_customer_it_is_the_same(books: Path) -> None:
    rows_of = asked(books, "--group-by", "party")["rows"]
    said = {(r["legal_entity"], r["party_name"], r["currency"]): r["realised_fx"] for r in rows_of}
    assert said == {
        ("MX", "Customer", "USD"): "-5050.00",
        ("MX", "Dealer", "EUR"): "-130.00",
        ("MX", "Dealer", "USD"): "25.00",
        ("US", "Dealer", "EUR"): "5.00",
        ("US", "Customer", "GBP"): None,
    }


def test_before_the_rate_was_recorded_it_is_not_known(books: Path) -> None:
    then = {
        r["currency"]: r
        for r in asked(books, "--known-at", "2026-04-15T00:00:00Z")["rows"]
        if r["legal_entity"] == "US"
    }
    assert (then["EUR"]["realised_fx"], then["EUR"]["events"]) == (None, 1)
    assert asked(books, "--known-at", "2026-04-11")["rows"][0]["realised_fx"] == "-5050.00"
    before = asked(books, "--loaded-at", "2020-01-01")
    assert (before["rows"], before["notes"]) == ([], "nothing had been loaded")


def test_csv_and_wrong_questions(books: Path) -> None:
    said = otc("fx", "--from", "2026-04-01", "--to", "2026-04-30", "--format", "csv", config=books)
    assert [r["realised_fx"] for r in csv.DictReader(io.StringIO(said.out))] == ["-130.00", "-5025.00", "5.00", ""]
    assert otc("fx", "--from", "2026-04-01", "--to", "2026-04-30", config=books).out.count("MXN") == 2
    wrong = otc("fx", "--from", "2026-05-01", "--to", "2026-04-30", config=books)
    assert (wrong.code, wrong.line.count("--from 2026-05-01 is after --to 2026-04-30")) == (2, 1)
    wrong = otc("fx", "--from", "2026-05-01", "--to", "2026-05-30", "--group-by", "month", config=books)
    assert (wrong.code, "use pair or party or allocation" in wrong.line) == (2, True)


def test_the_roll_forward_closes_in_base_currency(books: Path) -> None:
    rolled = rows(books, "select * from marts.fct_roll_forward order by legal_entity, currency, period_start")
    fx: dict[str, Any] = {}
    for r in rolled:
        fx.setdefault(r["legal_entity"], []).append(r["base_fx"])
        if r["base_closing"] is not None and r["base_opening"] is not None:
            assert r["base_residual"] in (None, 0), r
    assert sum(fx["MX"]) == -5155 + 50
    assert None in fx["US"]


def test_the_gate_says_what_is_unknown(books: Path) -> None:
    said = rows(books, "select passed, details from ops.gate_verdict where suite = 'fct_fx_realised'")
    assert said[-1]["passed"]
    assert "realised exchange difference unknown, no rate: 1 allocations, first of them L-NEVER" in said[-1]["details"]


_SUMS = """select item_type, item_id, movement_type, cause_id, effective_date, recorded_at, loaded_at,
    sum(amount) as amount, sum(base_amount) as base_amount from ops.ar_movement
    group by item_type, item_id, movement_type, cause_id, effective_date, recorded_at, loaded_at
    having sum(amount) <> 0 or sum(base_amount) <> 0
    order by item_type, item_id, movement_type, cause_id, effective_date, recorded_at, loaded_at"""


def test_a_ledger_without_links_is_linked_by_the_next_pass_and_no_balance_moves(books: Path) -> None:
    """As an earlier version posted it: an event's own movement and what it undid were one, a rate that came late moved
    nothing on the side that had one."""
    wanted, realised = rows(books, _SUMS), asked(books, first="2026-01-01", last="2026-12-31")["rows"]
    own = "item_type = 'receipt' and movement_type = 'receipt_event'"
    change(
        books,
        f"""update ops.ar_movement set amount = 50, base_amount = 775 where {own} and exchange_id is null;
        delete from ops.ar_movement where {own} and exchange_id is not null;
        delete from ops.ar_movement where item_id = 'LATE' and recorded_at > timestamptz '2026-04-15 00:00:00+00';
        update ops.ar_movement set allocation_id = null, exchange_id = null;
        insert into ops.exchange_due select max(posted_to) from ops.posting_run""",
    )
    before = {r["movement_id"]: r for r in rows(books, "select * from ops.ar_movement")}
    assert rows(books, _SUMS) == wanted
    report = passed(books)
    assert report.code == 0, report.error
    now = {r["movement_id"]: r for r in rows(books, "select * from ops.ar_movement")}
    links = ("allocation_id", "exchange_id")
    assert {k: {**now[k], **dict.fromkeys(links)} for k in before} == before
    assert len(now) == len(before) + 4
    assert rows(books, _SUMS) == wanted
    assert asked(books, first="2026-01-01", last="2026-12-31")["rows"] == realised
    assert rows(books, "select * from ops.exchange_due") == []
    assert passed(books).code == 0
    assert len(rows(books, "select 1 from ops.ar_movement")) == len(now)
