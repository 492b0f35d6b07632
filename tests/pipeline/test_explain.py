"""``otc explain`` over the simulated company: each movement to a source row, a delivered field to a bank file."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from otc_pipelines.reports.explain.trail import COLUMNS, KINDS
from tests.pipeline.conftest import TODAY, Settled
from tests.pipeline.explained import explained, misplaced, summed, unfounded
from tests.pipeline.house import change, otc, rows

pytestmark = pytest.mark.xdist_group("settled")


@pytest.fixture(scope="module")
def config(settled: Settled) -> Path:
    return settled.copy()


@pytest.fixture(scope="module")
def drop(settled: Settled) -> dict[str, Path]:
    return {"erp": settled.demo.folder / "drop"}


def test_every_movement_goes_back_to_a_row_in_a_file(config: Path, drop: dict[str, Path]) -> None:
    told: list[str] = []
    for where in rows(config, "select distinct legal_entity, currency from ops.ar_movement"):
        thing = f"total:{where['legal_entity']}/{where['currency']}"
        document = explained(config, thing, "--as-of", "2200-01-01", "--settled")
        told += [row["movement_id"] for row in document["rows"] if row["kind"] == "movement"]
        assert unfounded(document["rows"]) == []
        assert misplaced(document["rows"], drop) == []
        assert all(f["agrees"] for f in document["figures"])
    kept = [row["movement_id"] for row in rows(config, "select movement_id from ops.ar_movement")]
    assert sorted(told) == sorted(kept)
    assert len(told) > 1000


@pytest.mark.parametrize("pending", [(), ("--include-pending",)], ids=["posted", "with pending"])
def test_a_customers_buckets_sum_to_what_it_owes(config: Path, pending: tuple[str, ...]) -> None:
    day = (TODAY - timedelta(days=1)).isoformat()
    aged = otc("aging", "--as-of", day, *pending, "--format", "json", config=config)
    row = max(json.loads(aged.out)["rows"], key=lambda r: abs(Decimal(r["unapplied"])))
    where = (row["legal_entity"], row["currency"])
    for bucket in ("not_due", "d1_30", "d31_60", "d61_90", "d91_plus", "unapplied"):
        told = explained(config, f"bucket:{row['party_id']}/{bucket}", "--as-of", day, *pending)
        assert summed(told["rows"]).get(where, Decimal(0)) == Decimal(row[bucket])


def test_a_delivered_field_goes_back_to_the_line_of_the_bank_file(settled: Settled, config: Path) -> None:
    found = rows(
        config,
        """select o.key, l.source_file, l.source_line, d.receipt_id from ops.outbox as o
        inner join ops.ar_movement as m on m.source_system || ':' || m.party_id = o.key or m.party_id = o.key
        inner join ops.match_decision as d on d.receipt_id = m.item_id and d.superseded_at is null
        inner join ops.ar_movement as r on r.cause_entity = 'allocations' and r.item_id = d.receipt_id
        inner join ops.ar_movement as a on a.cause_entity = 'allocations' and a.cause_id = r.cause_id
            and a.item_type = 'installment' and a.item_id = d.document_id
        inner join conformed.int_bank_lines__unioned as l on l.bank_line_id = d.bank_line_id
        where o.object = 'account_ar_status' and (a.item_id, a.installment_no) in (
            select (item_id, installment_no) from ops.ar_movement where item_type = 'installment'
            group by item_id, installment_no having sum(amount) <> 0)
        order by 1, 2, 3 limit 1""",
    )
    (one,) = found
    (account,) = rows(
        config,
        "select account_id from conformed.int_crm_accounts__linked where customer_key = :key",
        key=one["key"],
    )
    told = explained(config, f"delivered:crm/account_ar_status/{account['account_id']}/OTC_AR_Open__c")
    (figure,) = told["figures"]
    assert figure["agrees"]
    assert told["value"] == figure["amount"] == figure["shown"]
    delivery = [r for r in told["rows"] if r["kind"] == "delivery"][-1]
    assert delivery["status"] == "delivered"
    beneath = [r for r in told["rows"] if r["of"] == delivery["n"]]
    assert [r["status"] for r in beneath if r["kind"] == "attempt"] == ["delivered"]
    assert {r["status"] for r in beneath if r["kind"] == "verdict"} == {"passed"}
    lines = {(r["source_file"], r["source_line"]): r for r in told["rows"] if r["role"] == "bank line"}
    line = lines[one["source_file"], one["source_line"]]
    by_number = {r["n"]: r for r in told["rows"]}
    way = [line]
    while way[-1]["of"] is not None:
        way.append(by_number[way[-1]["of"]])
    assert [r["kind"] for r in way] == ["source", "decision", "source", "movement"]
    assert way[1]["cause_id"] == way[2]["key"] == one["receipt_id"]
    text = (settled.demo.folder / "bank" / str(line["source_file"])).read_text(encoding="utf-8").splitlines()
    near = "".join(text[line["source_line"] - 1 : line["source_line"] + 12])
    amount = line["stated_amount"].rstrip("0").rstrip(".")
    assert amount in near or amount.replace(".", ",") in near


def test_other_delivered_fields_come_to_what_was_delivered(config: Path) -> None:
    asked = 0
    for entry in rows(
        config, "select target, object, key, payload from ops.outbox where status = 'delivered' order by 3"
    ):
        if hash_of(entry["key"]) % 6:
            continue
        names = ("open_amount", "past_due_amount", "oldest_days_late", "paid_amount")
        for name in (n for n in names if n in json.loads(entry["payload"])):
            told = explained(config, f"delivered:{entry['target']}/{entry['object']}/{entry['key']}/{name}")
            assert [f["agrees"] for f in told["figures"]] == [True]
            asked += 1
    assert asked > 10


def hash_of(text: str) -> int:
    return sum(text.encode())


def test_a_bank_line_is_told_with_its_decisions(config: Path) -> None:
    (line,) = rows(
        config, "select bank_line_id, amount from ops.match_decision where rule = 'posted' order by 1 limit 1"
    )
    told = explained(config, f"bank_line:{line['bank_line_id'][:12]}")
    assert told["thing"] == f"bank_line:bank/{line['bank_line_id']}"
    assert next(r["rule"] for r in told["rows"] if r["kind"] == "decision") == "posted"
    assert [r["role"] for r in told["rows"] if r["kind"] == "source"][:2] == ["bank line", "statement"]
    assert all(r["audit_seq"] for r in told["rows"] if r["kind"] in ("source", "decision", "movement"))


def test_what_was_set_aside_is_told_of_a_document_that_never_came(config: Path) -> None:
    told = explained(config, "D-BAD-1")
    (row,) = [r for r in told["rows"] if r["kind"] == "quarantine"]
    assert row["status"] == "open"
    assert "1234.5x" in row["reason"]
    assert row["source_line"]


def test_the_shape_is_always_the_same(config: Path) -> None:
    (one,) = rows(config, "select document_id, reference from conformed.int_documents__current order by 1 limit 1")
    told = explained(config, one["reference"])
    assert told["thing"] == f"document:erp/{one['document_id']}"
    assert {tuple(row) for row in told["rows"]} == {COLUMNS}
    assert {row["kind"] for row in told["rows"]} <= set(KINDS)
    as_csv = otc("explain", one["document_id"], "--format", "csv", config=config)
    assert as_csv.out.splitlines()[0] == ",".join(COLUMNS)
    assert len(as_csv.out.splitlines()) == len(told["rows"]) + 1
    table = otc("explain", one["document_id"], config=config)
    assert ".csv:" in table.out
    assert "otc aging --as-of" in " ".join(table.out.split())


def test_what_came_later_is_marked_and_counts_nothing(config: Path) -> None:
    (one,) = rows(
        config,
        """select item_id, min(recorded_at) as known from ops.ar_movement where item_type = 'installment'
        group by item_id having count(distinct recorded_at) > 2 and count(distinct installment_no) = 1
        order by 1 limit 1""",
    )
    told = explained(config, f"document:{one['item_id']}", "--known-at", one["known"].isoformat())
    kinds = [row["kind"] for row in told["rows"]]
    assert kinds.count("movement") == 1
    assert kinds.count("later") >= 2
    now = explained(config, f"document:{one['item_id']}")
    since = explained(config, f"document:{one['item_id']}", "--since-known", one["known"].isoformat())
    assert len([r for r in since["rows"] if r["kind"] == "movement"]) == kinds.count("later")
    assert len([r for r in now["rows"] if r["kind"] == "movement"]) == 1 + kinds.count("later")


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        ("D00000", "nothing is called 'D00000'; looked for it among documents"),
        ("document:INV-10400", "near: document:erp/"),
        ("bucket:C10001/d1_45", "is not bucket:PARTY/BUCKET with a bucket of not_due, d1_30"),
        ("total:US", "is not total:ENTITY/CURRENCY"),
        ("delivered:crm/account_ar_status/C1", "is not delivered:TARGET/OBJECT/KEY/FIELD"),
        ("delivered:sap/x/y/z", "target 'sap' is not in otc.yaml; there are: crm"),
        ("delivered:crm/account_ar_status/nobody/open_amount", "nothing was ever planned for 'nobody'"),
    ],
)
def test_a_wrong_name_is_one_line(config: Path, thing: str, said: str) -> None:
    wrong = otc("explain", thing, config=config)
    assert wrong.code == 2
    assert said in wrong.line


def test_two_things_of_one_name_are_named(settled: Settled) -> None:
    config = settled.copy()
    (one,) = rows(config, "select min(receipt_id) as id from conformed.int_receipts__current")
    change(
        config,
        f"""update ops.ar_movement set party_id = '{one["id"]}' where movement_id = (
            select min(movement_id) from ops.ar_movement)""",
    )
    wrong = otc("explain", one["id"], config=config)
    assert wrong.code == 2
    assert wrong.line == f"'{one['id']}' is ambiguous; say which: party:erp/{one['id']}, receipt:erp/{one['id']}"


def test_a_ledger_that_is_not_what_was_published_is_said(settled: Settled) -> None:
    config = settled.copy()
    (one,) = rows(config, "select min(item_id) as id from ops.ar_movement where movement_type = 'document'")
    change(
        config,
        f"""update ops.ar_movement set amount = amount + 0.01 where movement_id = (
            select min(movement_id) from ops.ar_movement
            where item_id = '{one["id"]}' and movement_type = 'document')""",
    )
    wrong = otc("explain", f"document:{one['id']}", config=config)
    assert wrong.code == 1
    assert "by otc aging" in wrong.line
    assert "run `otc run`" in wrong.line
    assert one["id"] in wrong.out


def test_a_since_that_is_after_the_time_is_refused(config: Path) -> None:
    wrong = otc("explain", "D0000001", "--since-known", "2026-02-01", "--known-at", "2026-01-01", config=config)
    assert wrong.code == 2
    assert "--since-known" in wrong.line
