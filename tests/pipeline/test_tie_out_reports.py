"""Deliberate faults in an export, one a legal entity: each is named by the tie-outs, exactly, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from otc_pipelines.settings import load
from otc_pipelines.warehouse import Warehouse
from otc_pipelines.warehouse.publish import publish
from tests.pipeline.conftest import Prepared
from tests.pipeline.house import change, configure, otc, passed, rows

pytestmark = pytest.mark.xdist_group("tie-outs")

_DOCUMENTS = """\
document_id,document_type,party_id,legal_entity,document_date,currency,amount,gl_account,fx_rate,recorded_at
OK-1,invoice,C,OK,2026-01-05,USD,100.00,1200,,2026-01-05T09:00:00+00:00
LOST-1,invoice,C,LOST,2026-01-05,USD,100.00,1200,,2026-01-05T09:00:00+00:00
LOST-2,invoice,C,LOST,2026-01-06,USD,5O.00,1200,,2026-01-06T09:00:00+00:00
CENT-1,invoice,C,CENT,2026-01-05,USD,70.01,1200,,2026-01-05T09:00:00+00:00
WRONG-1,invoice,C,WRONG,2026-01-05,USD,100.00,1200,,2026-01-05T09:00:00+00:00
WRONG-2,invoice,C,WRONG,2026-01-07,USD,40.00,1200,,2026-01-07T09:00:00+00:00
TWICE-1,invoice,C,TWICE,2026-01-05,USD,31.00,1200,,2026-01-05T09:00:00+00:00
TWICE-1-COPY,invoice,C,TWICE,2026-01-05,USD,31.00,1200,,2026-01-05T09:00:00+00:00
LATE-1,invoice,C,LATE,2026-01-05,USD,100.00,1200,,2026-01-05T09:00:00+00:00
LATE-2,invoice,C,LATE,2026-01-20,USD,30.00,1200,,2026-02-10T09:00:00+00:00
BASE-1,invoice,C,BASE,2026-01-05,USD,10.00,1200,16,2026-01-05T09:00:00+00:00
OLD-1,invoice,C,OLD,2026-01-05,USD,50.00,1200,,2026-01-05T09:00:00+00:00
OLD-2,invoice,C,OLD,2026-01-25,USD,50.00,1200,,2026-01-25T09:00:00+00:00
NONE-1,invoice,C,NONE,2026-01-05,USD,8.00,,,2026-01-05T09:00:00+00:00
"""
_BALANCES = """\
legal_entity,gl_account,currency,date,balance,base_balance,recorded_at
OK,1200,USD,2026-01-31,100.00,100.00,2026-02-01T00:00:00+00:00
LOST,1200,USD,2026-01-31,150.00,150.00,2026-02-01T00:00:00+00:00
CENT,1200,USD,2026-01-31,70.00,70.00,2026-02-01T00:00:00+00:00
WRONG,1200,USD,2026-01-31,100.00,100.00,2026-02-01T00:00:00+00:00
WRONG,1210,USD,2026-01-31,40.00,40.00,2026-02-01T00:00:00+00:00
TWICE,1200,USD,2026-01-31,31.00,31.00,2026-02-01T00:00:00+00:00
LATE,1200,USD,2026-01-31,100.00,100.00,2026-02-01T00:00:00+00:00
BASE,1200,USD,2026-01-31,10.00,161.00,2026-02-01T00:00:00+00:00
OLD,1200,USD,2026-01-15,60.00,60.00,2026-02-01T00:00:00+00:00
OLD,1200,USD,2026-01-31,100.00,100.00,2026-02-01T00:00:00+00:00
NONE,1200,USD,2026-01-31,0.00,0.00,2026-02-01T00:00:00+00:00
NONE,1210,USD,2026-01-31,0.00,0.00,2026-02-01T00:00:00+00:00
"""
_RECEIPTS = """\
receipt_id,legal_entity,receipt_date,currency,amount,party_id,recorded_at
R-1,OK,2026-02-02,USD,60.00,C,2026-02-02T09:00:00+00:00
R-2,OK,2026-02-02,USD,15.00,C,2026-02-02T09:00:00+00:00
"""
_ALLOCATIONS = """\
allocation_id,source_type,source_id,document_id,amount,recorded_at
A-1,receipt,R-1,OK-1,50.00,2026-02-02T09:00:00+00:00
A-2,receipt,R-2,OK-1,10.00,2026-02-02T09:00:00+00:00
"""
_EVENTS = """\
receipt_id,event_type,event_date,amount,recorded_at
R-1,bounced,2026-02-05,,2026-02-05T09:00:00+00:00
"""


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory, prepared: Prepared) -> Path:
    config = configure(
        tmp_path_factory.mktemp("ties"), legal_entities={"BASE": {"base_currency": "MXN"}, "OK": {"ar_account": "1200"}}
    )
    drop = config.parent / "drop"
    (drop / "parties.csv").write_text("party_id,name\nC,Customer\n")
    for name, text in (
        ("documents", _DOCUMENTS),
        ("gl_balances", _BALANCES),
        ("receipts", _RECEIPTS),
        ("allocations", _ALLOCATIONS),
        ("receipt_events", _EVENTS),
    ):
        (drop / f"{name}.csv").write_text(text)
    report = passed(prepared(config))
    failed = {s.name for s in report.steps if s.status == "failed"}
    assert (report.code, failed) == (1, {"fct_tie_out"})
    assert report.facts["tie_out"]["status"] == "difference"
    assert "OLD 1200 on 2026-01-15: -10.00 USD" in report.facts["tie_out"]["differences"]
    return config


def differences(config: Path, *words: str) -> tuple[int, list[dict[str, Any]], dict[str, Any]]:
    said = otc("tie-out", *words, "--format", "json", config=config)
    assert said.err == ""
    document = json.loads(said.out)
    return said.code, document.pop("rows"), document


def test_each_fault_is_named_by_entity_account_day_and_row(faulty: Path) -> None:
    code, off, facts = differences(faulty, "--check", "control")
    assert code == 1
    found = {(r["legal_entity"], r["subject"], r["as_of"]): (r["difference"], r["status"]) for r in off}
    assert found == {
        ("LOST", "account 1200", "2026-01-31"): ("-50.00", "difference"),
        ("CENT", "account 1200", "2026-01-31"): ("0.01", "difference"),
        ("WRONG", "account 1200", "2026-01-31"): ("40.00", "difference"),
        ("WRONG", "account 1210", "2026-01-31"): ("-40.00", "difference"),
        ("TWICE", "account 1200", "2026-01-31"): ("31.00", "difference"),
        ("BASE", "account 1200", "2026-01-31"): ("-1.00", "difference in base currency"),
        ("OLD", "account 1200", "2026-01-15"): ("-10.00", "difference"),
        ("NONE", "no account", off[-1]["as_of"]): ("8.00", "no account"),
    }
    assert facts["summary"] == {"control": "13 balances, 8 differ, 1 changed by rows recorded since"}
    why = {(r["legal_entity"], r["subject"]): r["suspects"] for r in off}
    assert why["LOST", "account 1200"].startswith("in quarantine: documents LOST-2 (documents.csv:4): ")
    assert why["CENT", "account 1200"].startswith("moved: documents CENT-1 of legacy, 70.01 USD on 2026-01-05")
    assert why["WRONG", "account 1200"] == (
        "in the ledger: documents WRONG-2 of legacy, 40.00 USD on 2026-01-07 (WRONG-2)"
    )
    assert why["WRONG", "account 1210"] == (
        "on account 1200: documents WRONG-2 of legacy, 40.00 USD on 2026-01-07 (WRONG-2)"
    )
    both = [
        f"in the ledger: documents {d} of legacy, 31.00 USD on 2026-01-05 ({d})" for d in ("TWICE-1", "TWICE-1-COPY")
    ]
    assert why["TWICE", "account 1200"] == "; ".join(both)
    assert "NONE-1" in why["NONE", "no account"]


def test_only_the_days_asked_for_are_shown(faulty: Path) -> None:
    code, off, _ = differences(faulty, "--check", "control", "--as-of", "2026-01-20")
    assert (code, [r["legal_entity"] for r in off]) == (1, ["OLD"])


def test_what_adds_up_is_exit_0_and_says_how_much_was_compared(faulty: Path) -> None:
    for check, said in (
        ("roll_forward", "10 months, 0 differ"),
        ("receipts", "2 receipts, 0 differ"),
        ("buckets", "9 parties, 0 differ"),
    ):
        assert differences(faulty, "--check", check) == (0, [], {"summary": {check: said}, "differences": 0})


def test_a_bounced_receipt_is_reversed_and_the_other_one_is_split(faulty: Path) -> None:
    found = rows(
        faulty,
        """select receipt_id, applied_amount, unapplied_amount, refunded_amount, reversed_amount
        from marts.fct_receipts order by receipt_id""",
    )
    assert [[str(v.normalize()) if hasattr(v, "normalize") else v for v in r.values()] for r in found] == [
        ["R-1", "0", "0", "0", "6E+1"],
        ["R-2", "1E+1", "5", "0", "0"],
    ]


def test_a_wrong_check_is_one_line(faulty: Path) -> None:
    said = otc("tie-out", "--check", "all", config=faulty)
    assert said.code == 2
    assert said.line == "--check 'all' is not known; use control, roll_forward, receipts, buckets, source"


def test_marts_that_were_changed_behind_everybody_s_back_are_named(faulty: Path) -> None:
    for sql in (
        "update marts.fct_roll_forward set residual = 1 where legal_entity = 'OK' and period_start = '2026-01-01'",
        "update marts.fct_receipts set applied_amount = 11 where receipt_id = 'R-2'",
        "update marts.fct_documents set open_amount = 89 where document_id = 'OK-1'",
        "delete from marts.fct_open_items where item_id = 'CENT-1'",
    ):
        change(faulty, sql)
    publish(Warehouse.of(load(faulty)))
    code, off, _ = differences(faulty)
    assert code == 1
    found = {(r["check"], r["subject"], r["difference"]) for r in off if r["check"] != "control"}
    assert found == {
        ("roll_forward", "2026-01", "1.00"),
        ("receipts", "receipt legacy:R-2", "1.00"),
        ("buckets", "party legacy:C", "70.01"),
        ("buckets", "document legacy:OK-1", "1.00"),
        ("buckets", "document legacy:CENT-1", "-70.01"),
    }
