"""A batch that comes as one sum and then in payments, and statements with one missing, through whole passes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from otc_pipelines.flow.context import Flow
from otc_pipelines.flow.matching import match
from otc_pipelines.flow.run import RunReport
from otc_pipelines.settings import load
from otc_pipelines.warehouse import Warehouse
from otc_pipelines.warehouse.embedded import EmbeddedTx
from tests.pipeline.conftest import Prepared
from tests.pipeline.house import configure, otc, passed, rows
from tests.unit.connectors.bank.bank_files.reader import balance, camt, entry

pytestmark = pytest.mark.xdist_group("files")
NOW = datetime.now(UTC)
IBAN = "DE89370400440532013000"


@pytest.fixture
def config(tmp_path: Path, prepared: Prepared) -> Path:
    made = prepared(
        configure(
            tmp_path / "house",
            legal_entities={"US": {"base_currency": "EUR", "ar_account": "1200"}},
            bank_accounts={IBAN: {"legal_entity": "US", "gl_account": "1010"}},
        )
    )
    drop = made.parent / "drop"
    (drop / "parties.csv").write_text("party_id,name\nC1,Gadget AG\nC2,Widget Ltd\nC3,Sum SA\n")
    (drop / "documents.csv").write_text(
        "document_id,document_type,party_id,legal_entity,document_date,due_date,currency,amount\n"
        "INV-1001,invoice,C1,US,2026-01-05,2026-02-04,EUR,40.00\n"
        "INV-1002,invoice,C2,US,2026-01-05,2026-02-04,EUR,60.00\n"
        "INV-1000,invoice,C3,US,2026-01-05,2026-02-04,EUR,100.00\n"
    )
    return made


def statement(number: int, opening: int, *entries: str, closing: int) -> str:
    day = f"2026-02-{number:02d}"
    balances = balance("OPBD", f"{opening}.00", day=day) + balance("CLBD", f"{closing}.00", day=day)
    return camt("".join(entries), balances, header=f"<ElctrncSeqNb>{number}</ElctrncSeqNb>")


def payment(amount: str, reference: str, text: str) -> str:
    return (
        f"<TxDtls><Refs><AcctSvcrRef>{reference}</AcctSvcrRef></Refs>"
        f'<Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls>'
    )


def run(config: Path, **files: str) -> RunReport:
    for name, text in files.items():
        (config.parent / "bank" / f"{name}.xml").write_text(text)
    report = passed(config)
    assert not report.error
    return report


def matches(config: Path) -> dict[str, tuple[str, str]]:
    said = otc("matches", "--format", "json", config=config)
    assert said.code == 0, said.err
    found: list[dict[str, Any]] = json.loads(said.out)["rows"]
    return {r["amount"]: (r["document_id"] or "", r["rule"]) for r in found}


def looks_at_what_is_open(config: Path) -> bool:
    """Whether matching again asks what could pay a line."""
    asked: list[str] = []
    rows_of = EmbeddedTx.rows

    def heard(tx: EmbeddedTx, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        asked.append(sql)
        return rows_of(tx, sql, **parameters)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EmbeddedTx, "rows", heard)
        assert match(Flow(load(config))).rows_new == 0
    assert any("int_bank_credits" in sql for sql in asked)
    return any("int_match_candidates" in sql for sql in asked)


def statuses(report: RunReport) -> dict[str, str]:
    return {s.name: s.status for s in report.steps if s.step == "gate"}


def test_a_sum_that_was_applied_gives_way_to_its_payments_and_cash_is_never_doubled(config: Path) -> None:
    whole = entry("100.00", reference="BATCH0001", more="<AddtlNtryInf>INV-1000</AddtlNtryInf>")
    run(config, first=statement(1, 0, whole, closing=100))
    assert matches(config) == {"100.00": ("INV-1000", "reference_exact")}
    assert not looks_at_what_is_open(config), "every line has its decision"

    part = entry("40.00", payment("40.00", "PAY00040", "INV-1001"), reference="BATCH0001")
    half = run(config, part=camt(part, kind="054", header="<ElctrncSeqNb>1</ElctrncSeqNb>"))
    assert statuses(half)["fct_bank_batches"] != statuses(half)["fct_bank_statements"]
    assert matches(config) == {"100.00": ("INV-1000", "reference_exact")}, "what was applied stays until more is known"

    rest = entry("60.00", payment("60.00", "PAY00060", "INV-1002"), reference="BATCH0001")
    report = run(config, rest=camt(rest, kind="054", header="<ElctrncSeqNb>2</ElctrncSeqNb>"))
    assert matches(config) == {"40.00": ("INV-1001", "reference_exact"), "60.00": ("INV-1002", "reference_exact")}
    assert statuses(report)["fct_bank_batches"] == statuses(report)["fct_bank_statements"]
    (row,) = rows(config, "select amount, payments, difference, counted from marts.fct_bank_batches")
    assert tuple(row.values()) == (Decimal(100), 2, Decimal(0), "in payments")
    (cash,) = rows(config, "select sum(amount) as amount from marts.fct_bank_lines")
    assert cash["amount"] == Decimal(100)


def test_a_sum_whose_receipt_is_on_its_way_keeps_its_decision_and_its_payments_wait(config: Path) -> None:
    whole = entry("100.00", reference="BATCH0001", more="<AddtlNtryInf>INV-1000</AddtlNtryInf>")
    run(config, first=statement(1, 0, whole, closing=100))
    (line,) = rows(config, "select bank_line_id from marts.fct_bank_lines")
    sent = {
        "outbox_id": "o1", "target": "erp", "object": "receipt", "key": line["bank_line_id"], "version": 1,
        "action": "create", "payload": "{}", "payload_hash": "h", "batch_hash": "b", "status": "unknown",
        "created_at": NOW, "updated_at": NOW, "created_by": "ann",
    }  # fmt: skip
    with Warehouse.of(load(config)).transaction() as tx:
        tx.insert("ops.outbox", [sent])
    both = "".join(
        entry(f"{n}.00", payment(f"{n}.00", f"PAY000{n}", f"INV-100{i}"), reference="BATCH0001")
        for i, n in ((1, 40), (2, 60))
    )
    run(config, parts=camt(both, kind="054", header="<ElctrncSeqNb>1</ElctrncSeqNb>"))
    assert matches(config) == {"100.00": ("INV-1000", "reference_exact")}
    with Warehouse.of(load(config)).transaction() as tx:
        tx.execute("update ops.outbox set status = 'failed'")
    run(config)
    assert matches(config) == {"40.00": ("INV-1001", "reference_exact"), "60.00": ("INV-1002", "reference_exact")}


def test_a_missing_statement_is_told_until_it_comes(config: Path) -> None:
    def day(number: int) -> str:
        return statement(number, number * 10, entry("10.00", reference=f"DAY{number:05d}"), closing=number * 10 + 10)

    run(config, one=day(1))
    assert looks_at_what_is_open(config), "the line has nothing yet that it pays"
    report = run(config, three=day(3))
    assert report.code in (0, 1)
    told = rows(
        config,
        """select sequence_no, continuity, missing_from_no, missing_to_no, balance_break
        from marts.fct_bank_statements order by sequence_no""",
    )
    assert [tuple(r.values()) for r in told] == [
        ("1", "first", None, None, None),
        ("3", "numbers missing", 2, 2, Decimal(10)),
    ]
    gap = statuses(report)["fct_bank_statements"]
    report = run(config, two=day(2))
    assert [
        r["continuity"] for r in rows(config, "select continuity from marts.fct_bank_statements order by to_date")
    ] == [
        "first",
        "follows",
        "follows",
    ]
    assert statuses(report)["fct_bank_statements"] != gap
