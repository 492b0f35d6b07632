"""The receivable journal of an S/4HANA extract through the file drop by the documented mapping alone.

What is expected is read from the tables themselves, with nothing but json and Decimal: an item is open from its posting
day until its clearing day, and what stood against it there is its clearing document.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from otc_pipelines.flow.run import RunReport
from otc_pipelines.reports.aging import AgingQuestion, aging_report
from otc_pipelines.settings import load
from tests.pipeline.conftest import Prepared
from tests.pipeline.house import ROOT, SHARED, configure, passed, rows

FOLDER = SHARED / "data" / "sap_o2c_s4"
ITEMS = "journal_entry_items_accounts_receivable.jsonl"
EXAMPLE = ROOT / "docs" / "examples" / "sap_receivables.yaml"
Row = Mapping[str, Any]
pytestmark = pytest.mark.xdist_group("files")
needs_data = pytest.mark.skipif(not FOLDER.is_dir(), reason="the third-party tables are not beside the project")


def instance(folder: Path, **entities: Mapping[str, str]) -> Path:
    """An instance as the example says, with further legal entities; the bank's inbox stays empty."""
    example = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    return configure(
        folder,
        [*example["sources"], {"name": "bank", "connector": "bank_files", "path": "./bank"}],
        company=example["company"],
        legal_entities={**example["legal_entities"], **entities},
    )


def table(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def day(text: str | None) -> date | None:
    return date.fromisoformat(text[:10]) if text else None


def key(item: Row) -> str:
    return f"{item['companyCode']}/{item['fiscalYear']}/{item['accountingDocument']}"


def open_by_party(items: Iterable[Row], on: date) -> dict[tuple[str, str, str], Decimal]:
    """What each customer owes, by company and currency: the sum of the signed items that are not cleared by then."""
    found: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for item in items:
        cleared = day(item["clearingDate"])
        if (day(item["postingDate"]) or date.max) <= on and (cleared is None or cleared > on):
            place = (item["companyCode"], item["customer"], item["transactionCurrency"])
            found[place] += Decimal(item["amountInTransactionCurrency"])
    return {place: amount for place, amount in found.items() if amount}


def totals(config: Path, on: date) -> dict[tuple[str, str, str], Decimal]:
    return {
        (r["legal_entity"], r["party_id"], r["currency"]): Decimal(r["total"])
        for r in aging_report(load(config), AgingQuestion(on)).rows
        if Decimal(r["total"])
    }


def applied(config: Path) -> dict[str, tuple[str, Decimal, date]]:
    """What cleared each document, for how much, on which day, as the ledger has it."""
    found = rows(
        config,
        """select a.document_id, a.source_id, m.effective_date, -sum(m.amount) as amount
        from marts.fct_allocations as a
        join marts.fct_ar_ledger as m
          on m.cause_entity = 'allocations' and m.cause_id = a.allocation_id and m.item_type = 'installment'
        where a.source_system = 'sap' and m.source_system = 'sap'
        group by a.document_id, a.source_id, m.effective_date""",
    )
    assert len({r["document_id"] for r in found}) == len(found)
    return {r["document_id"]: (r["source_id"], Decimal(r["amount"]), r["effective_date"]) for r in found}


@pytest.fixture(scope="module")
def extract(tmp_path_factory: pytest.TempPathFactory, prepared: Prepared) -> tuple[Path, RunReport]:
    config = prepared(instance(tmp_path_factory.mktemp("sap")))
    for name in (ITEMS, "business_partners.jsonl", "sales_order_headers.jsonl"):
        (config.parent / "drop" / name).write_bytes((FOLDER / name).read_bytes())
    return config, passed(config)


@needs_data
def test_all_of_it_came_and_nothing_was_set_aside(extract: tuple[Path, RunReport]) -> None:
    config, report = extract
    assert report.code == 0, report.error
    assert rows(config, "select * from ops.quarantine") == []
    items = table(FOLDER / ITEMS)
    posted = rows(config, "select document_id, document_type, amount from marts.fct_documents")
    signed = {r["document_id"]: (-1 if r["document_type"] == "credit_memo" else 1) * r["amount"] for r in posted}
    for item in items:
        assert signed[key(item)] == Decimal(item["amountInTransactionCurrency"])
    orders = table(FOLDER / "sales_order_headers.jsonl")
    landed = rows(config, "select order_id, status from raw_files.orders")
    assert {r["order_id"]: r["status"] for r in landed} == {
        o["salesOrder"]: {"A": "open", "C": "delivered"}[o["overallDeliveryStatus"]] for o in orders
    }
    assert len(rows(config, "select * from raw_files.parties")) == len(table(FOLDER / "business_partners.jsonl"))


@needs_data
def test_an_invoice_is_cleared_exactly_where_the_tables_say(extract: tuple[Path, RunReport]) -> None:
    config, _ = extract
    items = table(FOLDER / ITEMS)
    here = {i["accountingDocument"] for i in items}
    found = applied(config)
    invoices = [i for i in items if Decimal(i["amountInTransactionCurrency"]) > 0]
    assert len(invoices) == 67
    paired = 0
    for item in invoices:
        partner = item["clearingAccountingDocument"]
        if not partner:
            assert key(item) not in found
            continue
        source, amount, on = found[key(item)]
        assert source.split("/")[:3] == [item["companyCode"], item["clearingDocFiscalYear"], partner]
        assert (source.count("/") == 2) is (partner in here)
        assert (amount, on) == (Decimal(item["amountInTransactionCurrency"]), day(item["clearingDate"]))
        paired += partner in here
    assert paired == 44
    cleared = {key(i) for i in table(FOLDER / "payments_accounts_receivable.jsonl")}
    still = {r["item_id"] for r in rows(config, "select item_id from marts.fct_open_items")}
    assert still == {key(i) for i in items} - cleared
    assert len(still) == 3


@needs_data
def test_what_a_credit_cancels_is_what_the_billing_documents_say_it_cancels(extract: tuple[Path, RunReport]) -> None:
    config, _ = extract
    headers = table(FOLDER / "billing_document_headers.jsonl")
    number = {h["billingDocument"]: h["accountingDocument"] for h in headers}
    cancels = {
        h["accountingDocument"]: number[h["cancelledBillingDocument"]] for h in headers if h["cancelledBillingDocument"]
    }
    seen = 0
    for document_id, (source, _, _) in applied(config).items():
        if document_id.count("/") == 2:
            assert cancels[source.split("/")[2]] == document_id.split("/")[2]
            seen += 1
    assert seen == 64


@needs_data
@pytest.mark.parametrize("on", ["2025-04-01", "2025-04-02", "2025-04-30", "2025-05-15", "2025-05-16", "2026-01-01"])
def test_on_any_day_each_customer_owes_what_the_tables_say(extract: tuple[Path, RunReport], on: str) -> None:
    asked = date.fromisoformat(on)
    assert totals(extract[0], asked) == open_by_party(table(FOLDER / ITEMS), asked)


def generated() -> list[Row]:
    """A journal of the same shape: two companies that use the same numbers, three currencies, days apart, payments."""
    start, made = date(2026, 1, 1), []

    def item(company, number, kind, amount, currency, base, customer, posted, cleared=None, partner=""):
        stamp = "{}T00:00:00.000Z".format
        made.append(
            {
                "companyCode": company,
                "fiscalYear": "2026",
                "accountingDocument": number,
                "glAccount": "15500020" if company == "ABCD" else "140000",
                "referenceDocument": number,
                "transactionCurrency": currency,
                "amountInTransactionCurrency": str(amount),
                "amountInCompanyCodeCurrency": str(base),
                "postingDate": stamp(start + timedelta(days=posted)),
                "documentDate": stamp(start + timedelta(days=posted)),
                "accountingDocumentType": kind,
                "lastChangeDateTime": "2026-03-01T10:00:00.000Z",
                "customer": customer,
                "clearingDate": None if cleared is None else stamp(start + timedelta(days=cleared)),
                "clearingAccountingDocument": partner,
                "clearingDocFiscalYear": "2026" if partner else "0",
            }
        )

    for company, currency, unit in (
        ("ABCD", "JPY", 1),
        ("EFGH", "KWD", Decimal("0.001")),
        ("EFGH", "EUR", Decimal("0.01")),
    ):
        p = "9" if currency == "EUR" else "1"
        for n in range(1, 4):  # n invoices, one payment for all of them, its number also the clearing's
            payment = f"{p}4{n:03}"
            for i in range(n):
                item(
                    company,
                    f"{p}8{n}{i:02}",
                    "RV",
                    1000 * unit + i * unit,
                    currency,
                    500 + i,
                    "C1",
                    n + i,
                    20 + n,
                    payment,
                )
            amount = -sum((1000 + i) * unit for i in range(n))
            item(
                company, payment, "DZ", amount, currency, -sum(500 + i for i in range(n)), "C1", 20 + n, 20 + n, payment
            )
        item(company, f"{p}7001", "RV", 70 * unit, currency, 35, "C2", 3, 9, f"{p}6001")
        item(company, f"{p}6001", "RV", -70 * unit, currency, -35, "C2", 8, 9, f"{p}6001")
        item(company, f"{p}7002", "RV", 71 * unit, currency, 36, "C2", 3, 12, f"{p}5555")  # cleared by what is not here
        item(company, f"{p}4555", "DZ", -72 * unit, currency, -36, "C2", 5, 13, f"{p}4555")  # cleared what is not here
        item(company, f"{p}6556", "RV", -73 * unit, currency, -36, "C2", 5, 14, f"{p}6556")
        item(company, f"{p}7003", "RV", 74 * unit, currency, 37, "C2", 6)
        item(company, f"{p}4900", "DZ", -15 * unit, currency, -7, "C2", 7)  # on account
    return made


@pytest.fixture(scope="module")
def companies(tmp_path_factory: pytest.TempPathFactory, prepared: Prepared) -> tuple[Path, RunReport, list[Row]]:
    config = prepared(
        instance(tmp_path_factory.mktemp("sap_companies"), EFGH={"base_currency": "USD", "ar_account": "140000"})
    )
    items = generated()
    (config.parent / "drop" / ITEMS).write_text("".join(json.dumps(i) + "\n" for i in items), encoding="utf-8")
    (config.parent / "drop" / "business_partners.jsonl").write_text(
        "".join(json.dumps({"customer": c, "businessPartnerFullName": f"Customer {c}"}) + "\n" for c in ("C1", "C2")),
        encoding="utf-8",
    )
    return config, passed(config), items


def test_companies_that_share_numbers_and_currencies_of_any_decimals_stay_apart(companies) -> None:
    config, report, items = companies
    assert report.code == 0, report.error
    assert rows(config, "select * from ops.quarantine") == []
    for offset in range(28):
        on = date(2026, 1, 1) + timedelta(days=offset)
        assert totals(config, on) == open_by_party(items, on)
    found = applied(config)
    for item in items:
        partner, cleared = item["clearingAccountingDocument"], day(item["clearingDate"])
        if Decimal(item["amountInTransactionCurrency"]) > 0 and partner:
            source, amount, on = found[key(item)]
            assert source.startswith(f"{item['companyCode']}/2026/{partner}")
            assert (amount, on) == (Decimal(item["amountInTransactionCurrency"]), cleared)


def test_payments_are_receipts_and_base_amounts_are_the_company_s_own(companies) -> None:
    config, _, items = companies
    receipts = rows(config, "select receipt_id, amount, currency from marts.fct_receipts")
    assert {r["receipt_id"]: -r["amount"] for r in receipts} == {
        key(i): Decimal(i["amountInTransactionCurrency"]) for i in items if i["accountingDocumentType"] == "DZ"
    }
    booked = rows(
        config,
        """select item_id, base_currency, sum(base_amount) as base from marts.fct_ar_ledger
        where movement_type = 'document' group by item_id, base_currency""",
    )
    by_id = {r["item_id"]: (r["base_currency"], r["base"]) for r in booked}
    for item in items:
        if item["accountingDocumentType"] == "RV":
            currency = "INR" if item["companyCode"] == "ABCD" else "USD"
            assert by_id[key(item)] == (currency, Decimal(item["amountInCompanyCodeCurrency"]))
