"""Opening items against a legacy list and the control account: each difference is named, and stops the signature."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from otc_pipelines.audit import verify
from otc_pipelines.settings import load
from otc_pipelines.warehouse import Warehouse
from tests.pipeline.conftest import Prepared
from tests.pipeline.house import configure, otc, passed, rows

pytestmark = pytest.mark.xdist_group("migration")
DAY = "2026-01-31"
_DOCUMENTS = """\
document_id,document_type,party_id,legal_entity,document_date,posting_date,due_date,currency,amount,gl_account
O-1,opening_item,C1,US,2025-11-01,2026-01-31,2025-12-01,USD,100.00,1200
O-2,opening_item,C1,US,2025-11-05,2026-01-31,2025-12-01,USD,50.00,1200
O-3,opening_item,C2,US,2026-01-10,2026-01-31,2026-02-09,EUR,30.00,1200
O-4,credit_memo,C2,US,2026-01-20,2026-01-31,,EUR,5.00,1200
"""
_BALANCES = """\
legal_entity,gl_account,currency,date,balance
US,1200,USD,2026-01-31,150.00
US,1200,EUR,2026-01-31,25.00
"""
_RIGHT = """\
Customer,currency,due_date,Open,Invoice
C1,USD,2025-12-01,100.00,O-1
C1,USD,2025-12-01,50.00,O-2
C2,EUR,2026-02-09,30.00,O-3
C2,EUR,2026-02-19,-5.00,O-4
"""
_WRONG = """\
Customer,currency,due_date,Open,Invoice
C1,USD,2025-12-01,100.01,O-1
C1,USD,2025-12-01,50.00,O-2
C1,USD,2025-12-02,7.00,O-9
C2,EUR,2026-02-19,-5.00,O-4
C2,EUR,2026-02-19,1O,O-5
"""
HEADERS = ("--column", "party_id=Customer", "--column", "amount=Open", "--column", "document_id=Invoice")


@pytest.fixture(scope="module")
def taken_over(tmp_path_factory: pytest.TempPathFactory, prepared: Prepared) -> Path:
    config = configure(tmp_path_factory.mktemp("migration"))
    drop = config.parent / "drop"
    (drop / "parties.csv").write_text("party_id,name\nC1,One\nC2,Two\n")
    (drop / "documents.csv").write_text(_DOCUMENTS)
    (drop / "gl_balances.csv").write_text(_BALANCES)
    assert passed(prepared(config)).code == 0
    (config.parent / "right.csv").write_text(_RIGHT)
    (config.parent / "wrong.csv").write_text(_WRONG)
    return config


def asked(config: Path, listed: str, *words: str) -> tuple[int, dict[str, Any]]:
    said = otc(
        "migrate", "check", config.parent / listed, "--source", "legacy", "--as-of", DAY, *HEADERS, *words,
        "--format", "json", config=config,
    )  # fmt: skip
    assert said.err == ""
    return said.code, json.loads(said.out)


def signed(config: Path, listed: str, out: Path) -> Any:
    return otc(
        "migrate", "sign-off", config.parent / listed, "--source", "legacy", "--as-of", DAY, *HEADERS, "--out", out,
        "--format", "json", config=config,
    )  # fmt: skip


def test_a_list_that_agrees_is_equal_in_every_slot(taken_over: Path) -> None:
    code, document = asked(taken_over, "right.csv", "--all")
    assert code == 0
    assert {r["status"] for r in document["rows"]} == {"equal"}
    assert (document["compared"], document["differences"]) == (3, 0)
    assert document["control"] == "2 balances, 0 differ"
    assert document["totals"] == {
        "EUR": {"loaded": "25.00", "legacy": "25.00"},
        "USD": {"loaded": "150.00", "legacy": "150.00"},
    }


def test_each_difference_is_named_by_customer_currency_due_date_and_document(taken_over: Path) -> None:
    code, document = asked(taken_over, "wrong.csv")
    assert code == 1
    found = [(r["party_id"], r["due_date"], r["difference"], r["status"], r["items"]) for r in document["rows"]]
    assert found == [
        ("C1", "2025-12-01", "-0.01", "differs", "O-1: loaded 100.00, list line 2 100.01"),
        ("C1", "2025-12-02", "-7.00", "not loaded", "O-9: not loaded, list line 4 7.00"),
        ("C2", "2026-02-09", "30.00", "not in the legacy list", "O-3: loaded 30.00, not in the list"),
        ("", None, None, "unreadable", "line 6: '1O' is not an amount"),
    ]


def test_what_differs_is_not_signed(taken_over: Path, tmp_path: Path) -> None:
    said = signed(taken_over, "wrong.csv", tmp_path / "report.md")
    assert said.code == 1
    assert said.line.startswith("4 differences stand between legacy and its list")
    assert not (tmp_path / "report.md").exists()
    assert rows(taken_over, "select * from ops.audit_event where kind = 'migration'") == []


def test_a_signature_is_the_hash_of_the_report_in_the_audit_trail(taken_over: Path, tmp_path: Path) -> None:
    report = tmp_path / "signed" / "report.md"
    said = signed(taken_over, "right.csv", report)
    assert (said.code, said.err) == (0, "")
    (row,) = json.loads(said.out)["rows"]
    assert row["sha256"] == hashlib.sha256(report.read_bytes()).hexdigest()
    (event,) = rows(taken_over, "select actor, subject, details from ops.audit_event where kind = 'migration'")
    details = json.loads(event["details"])
    assert (event["actor"], event["subject"], row["signed_by"]) == ("ann", "legacy", "ann")
    assert details["sha256"] == row["sha256"]
    assert details["list_sha256"] == hashlib.sha256((taken_over.parent / "right.csv").read_bytes()).hexdigest()
    assert verify(Warehouse.of(load(taken_over))).ok
    text = report.read_text()
    assert "| C2 | EUR | 2026-02-09 | 30.00 | 30.00 |" in text
    assert "Signed by ann on " in text


def test_the_control_account_counts_too(taken_over: Path) -> None:
    (taken_over.parent / "drop" / "gl_balances_later.csv").write_text(
        "legal_entity,gl_account,currency,date,balance,base_balance\nUS,1200,USD,2026-01-31,151.00,\n"
    )
    assert passed(taken_over).code == 1
    code, document = asked(taken_over, "right.csv")
    assert code == 1
    assert [(r["status"], r["difference"], r["items"]) for r in document["rows"]] == [
        ("control account differs", "-1.00", "control account US 1200")
    ]
