"""A batch that the bank reports both as one sum and in payments is one sum of money, whatever comes first.

The files are read by the bank's reader, landed as rows, and asked of the models' views.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otc_pipelines.transform import CONFORM, project_dir
from tests.unit.connectors.bank.bank_files.reader import Result, balance, camt, entry, mt940, read
from tests.unit.otc_pipelines.transform.house import NOON, House, insert

LINE_COLUMNS = ("bank_line_id", "statement_id", "account", "currency", "status", "bank_reference", "entry_reference")
IBAN = "DE89370400440532013000"


class Bank:
    """The house of a company, with one bank account, whose files can be taken out again."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.loads = 0

    def clear(self) -> None:
        with self.house.warehouse.transaction() as tx:
            for table in ("raw_bank_files.bank_lines", "raw_bank_files.bank_statements", "raw_files.receipts"):
                tx.execute(f"delete from {table}")
            tx.execute("delete from ops.bank_account")
            insert(tx, "ops.bank_account", {"account": IBAN, "legal_entity": "US"})

    def take(self, *files: str) -> None:
        """Load files, one after the other."""
        for content in files:
            found: Result = read(content)
            assert not found.rejects, found.rejects
            self.loads += 1
            at = NOON + timedelta(minutes=self.loads)
            lines = [{"key": r["bank_line_id"], "at": at, "person": None} | _typed(r) for r in found.lines]
            self.house.land("bank_files", "bank_lines", "bank", *lines)
            statements = [
                {"key": r["statement_id"], "at": at, "format": r["format"], "statement_id": r["statement_id"]}
                for r in found.statements
            ]
            self.house.land("bank_files", "bank_statements", "bank", *statements)

    def cash(self) -> Decimal:
        (row,) = self.house.rows("select coalesce(sum(amount), 0) as cash from conformed.int_bank_lines__counted")
        return Decimal(row["cash"])

    def counted(self) -> list[Decimal]:
        found = self.house.rows("select amount from conformed.int_bank_lines__counted order by amount")
        return [Decimal(r["amount"]) for r in found]

    def batches(self) -> list[tuple[Any, ...]]:
        found = self.house.rows(
            "select amount, payments, difference, counted from conformed.int_bank_batches order by amount"
        )
        return [tuple(r.values()) for r in found]


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in LINE_COLUMNS} | {
        "entry_no": int(row["entry_no"]),
        "transaction_no": int(row["transaction_no"]) if row["transaction_no"] else None,
        "amount": Decimal(row["amount"]),
        "booking_date": date.fromisoformat(row["booking_date"]) if row["booking_date"] else None,
        "value_date": date.fromisoformat(row["value_date"]) if row["value_date"] else None,
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    house = House(tmp_path_factory.mktemp("batches"), project_dir())
    report = house.build(*CONFORM)
    assert report.ok, report.summary
    yield Bank(house)


@pytest.fixture
def bank(built: Bank) -> Bank:
    built.clear()
    return built


def payment(amount: str, reference: str) -> str:
    return (
        f"<TxDtls><Refs><AcctSvcrRef>{reference}</AcctSvcrRef></Refs>"
        f'<Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd></TxDtls>'
    )


def statement(*entries: str, total: str) -> str:
    return camt("".join(entries), balance("OPBD", "0.00") + balance("CLBD", total))


def notification(*entries: str, number: int = 1) -> str:
    return camt("".join(entries), kind="054", header=f"<ElctrncSeqNb>{number}</ElctrncSeqNb>")


STATEMENT = statement(entry("100.00", reference="BATCH0001"), entry("7.00", reference="OTHER0007"), total="107.00")
DETAILS = payment("40.00", "PAY00040") + payment("60.00", "PAY00060")
NOTIFIED = notification(entry("100.00", DETAILS, reference="BATCH0001"))
PAYMENTS = [Decimal(7), Decimal(40), Decimal(60)]
SUM = [Decimal(7), Decimal(100)]


@pytest.mark.parametrize("files", [(STATEMENT, NOTIFIED), (NOTIFIED, STATEMENT), (STATEMENT, NOTIFIED, STATEMENT)])
def test_the_payments_count_and_the_sum_does_not_whichever_comes_first(bank: Bank, files: tuple[str, ...]) -> None:
    bank.take(*files)
    assert bank.counted() == PAYMENTS
    assert bank.batches() == [(100, 2, 0, "in payments")]


def test_nothing_is_lost_of_what_was_loaded(bank: Bank) -> None:
    bank.take(STATEMENT, NOTIFIED)
    found = bank.house.rows("select amount from conformed.int_bank_lines__current order by amount")
    assert [r["amount"] for r in found] == [7, 40, 60, 100]


def test_a_statement_of_another_format_is_tied_to_the_notification_too(bank: Bank) -> None:
    own = mt940(":61:2602040203C100,00NTRFNONREF//BATCH0001", ":62F:C260203EUR100,00")
    bank.take(own, NOTIFIED)
    assert bank.counted() == PAYMENTS[1:]


def test_the_reference_of_the_entry_does_where_the_bank_gives_no_other(bank: Bank) -> None:
    named = "<NtryRef>N0000123</NtryRef>"
    whole = entry("100.00", reference="").replace("<Ntry>", f"<Ntry>{named}")
    detailed = entry("100.00", DETAILS, reference="").replace("<Ntry>", f"<Ntry>{named}")
    bank.take(statement(whole, total="100.00"), notification(detailed))
    assert bank.counted() == PAYMENTS[1:]


def test_payments_of_another_day_are_of_another_batch(bank: Bank) -> None:
    bank.take(STATEMENT, NOTIFIED.replace("2026-02-03", "2026-03-03").replace("2026-02-04", "2026-03-04"))
    assert bank.cash() == Decimal(207)
    assert bank.batches() == []


def test_a_part_of_the_payments_is_reported_with_the_difference_and_the_sum_counts(bank: Bank) -> None:
    bank.take(STATEMENT, notification(entry("40.00", payment("40.00", "PAY00040"), reference="BATCH0001")))
    assert bank.counted() == SUM
    assert bank.batches() == [(100, 1, 60, "differs")]
    rows = bank.house.rows("select amount, batch_difference from conformed.int_bank_credits order by amount")
    assert [tuple(r.values()) for r in rows] == [(7, None), (100, 60)]
    bank.take(notification(entry("60.00", payment("60.00", "PAY00060"), reference="BATCH0001"), number=2))
    assert bank.cash() == Decimal(107)
    assert bank.batches() == [(100, 2, 0, "in payments")]


def test_a_sum_that_the_erp_has_posted_stays(bank: Bank) -> None:
    receipt = {"legal_entity": "US", "receipt_date": date(2026, 2, 4), "currency": "EUR", "party_id": "P1"}
    bank.house.land("files", "receipts", "erp", {"key": "R", "receipt_id": "R", "amount": Decimal(100), **receipt})
    bank.take(NOTIFIED, STATEMENT)
    assert bank.counted() == SUM


def test_entries_of_one_reference_and_other_amounts_are_told_apart(bank: Bank) -> None:
    """Banks give one reference to several batches of a day, and to what they charge for them."""
    entries = [entry(amount, reference="BATCH0001") for amount in ("100.00", "30.00")]
    charged = entry("1.00", indicator="DBIT", reference="BATCH0001")
    bank.take(NOTIFIED, statement(*entries, charged, total="129.00"))
    assert bank.counted() == [-1, 30, 40, 60]
    assert bank.batches() == [(100, 2, 0, "in payments")]


def test_twins_are_left_out_one_by_one(bank: Bank) -> None:
    two = statement(entry("100.00", reference="BATCH0001"), entry("100.00", reference="BATCH0001"), total="200.00")
    bank.take(two, NOTIFIED)
    assert bank.counted() == [40, 60, 100]
    more = payment("30.00", "PAY00030") + payment("70.00", "PAY00070")
    bank.take(notification(entry("100.00", more, reference="BATCH0001"), number=2))
    assert bank.counted() == [30, 40, 60, 70]


AMOUNTS = st.lists(st.integers(1, 9), min_size=1, max_size=5)
BATCHES = st.lists(AMOUNTS, min_size=1, max_size=3)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), batches=BATCHES)
def test_cash_is_the_statements_in_any_order_and_split(
    bank: Bank, data: st.DataObject, batches: list[list[int]]
) -> None:
    """Files in any order, sent again, a batch notified in any number of messages, some or none of them here yet."""
    bank.clear()
    entries, files = [], []
    for number, amounts in enumerate(batches):
        reference = f"BATCH{number:04d}"
        entries.append(entry(f"{sum(amounts)}.00", reference=reference))
        cut = data.draw(st.integers(0, len(amounts)))
        payments = [(a, payment(f"{a}.00", f"PAY{number:02d}{nth:04d}")) for nth, a in enumerate(amounts)]
        for part in (payments[:cut], payments[cut:]):
            if part and data.draw(st.booleans()):
                told = entry(f"{sum(a for a, _ in part)}.00", "".join(p for _, p in part), reference=reference)
                files.append(notification(told, number=len(files) + 1))
    total = sum(map(sum, batches))
    whole = statement(*entries, total=f"{total}.00")
    order = data.draw(st.permutations([*files, whole]))
    again = data.draw(st.lists(st.sampled_from(order), max_size=2))
    bank.take(*order, *again)
    assert bank.cash() == total
    assert all(counted == "differs" for *_, difference, counted in bank.batches() if difference)
