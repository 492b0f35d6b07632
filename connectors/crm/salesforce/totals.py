"""What Salesforce itself says it holds: aggregate SOQL beside the reading of rows.

Belongs here: counts and sums by currency, and lists of ids. Not here: windows and rows (``source``), comparing.

A vendor's quirk: in an organisation with several currencies an aggregate of a currency field is in the organisation's
default currency, whatever it is grouped by (SOQL reference, "Querying Currency Fields in Multi-Currency Orgs"). Such a
sum proves nothing. There the vendor counts by currency, and amounts are fetched, in a query of their own, and added
here: up to ``totals_rows`` rows of an object, above that only counts are compared. The same is done with fields that
the vendor does not aggregate, as describe says (some formulas).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pyarrow as pa

from connectors.crm.salesforce.bulk import bulk_query
from connectors.crm.salesforce.catalogue import TABLES, Table
from connectors.crm.salesforce.client import SalesforceClient, literal, soql
from connectors.crm.salesforce.schema import absent_columns
from connectors.crm.salesforce.settings import SalesforceSettings
from connectors.crm.salesforce.source import as_table, moment_literal
from connectors.kit.contract import Counter, Listed, Question, Totals
from connectors.kit.http import AnswerLostError
from connectors.kit.incremental import expect_count, instant
from connectors.kit.totals import Adding, money_columns

_CURRENCY = "currency_iso_code"


@contextmanager
def counting(settings: SalesforceSettings) -> Iterator[Counter]:
    """Sign in on the first question."""
    with SalesforceClient(settings) as client:
        yield _Objects(client)


class _Objects:
    def __init__(self, client: SalesforceClient) -> None:
        self._client = client

    def totals(self, question: Question) -> Totals | None:
        """Count an object's records that are not in the recycle bin, and add their amounts."""
        if question.entity.name not in self._client.settings.entities:
            return None
        table = TABLES[question.entity.name]
        absent = absent_columns(self._client, table)
        vendor = {c.field.name: c.vendor for c in table.columns}
        money = [f.name for f in money_columns(table.entity)]
        where, until = _where(question)
        by_currency = _CURRENCY in vendor and _CURRENCY not in absent
        fields = [vendor[n] for n in money]
        if not by_currency and (not money or self._aggregates_all(table, fields)):
            return Totals(self._aggregated(table, where, fields, money), until)
        counted = self._counted(table, where, by_currency)
        rows = sum(count for _, count in counted)
        if money and rows <= self._client.settings.totals_rows:
            wanted = [*fields, *([vendor[_CURRENCY]] if by_currency else [])]
            return Totals(self._added_here(table, where, wanted, vendor, money, rows), until)
        adding = Adding(table.entity, ())
        for currency, count in counted:
            adding.add(count, {}, currency=currency)
        return Totals(adding.groups, until)

    def listed(self, question: Question) -> Iterator[Listed]:
        """Give the ids that are counted; above the threshold of Bulk by a job."""
        table = TABLES[question.entity.name]
        where, _ = _where(question)
        names = ["Id", "SystemModstamp"]
        expected = self._client.count(soql("COUNT()", table.vendor, where), deleted=False)
        for page in self._fetched(table, where, names, expected):
            yield Listed(pa.table({"id": page["Id"]}), page["SystemModstamp"].combine_chunks())

    def _aggregated(self, table: Table, where: str, fields: Sequence[str], money: Sequence[str]) -> Any:
        select = ", ".join(["COUNT(Id) counted", *(f"SUM({f}) sum{n}" for n, f in enumerate(fields))])
        record = self._aggregates(table, soql(select, table.vendor, where))[0]
        adding = Adding(table.entity, money)
        if record["counted"]:
            adding.add(record["counted"], {m: record[f"sum{n}"] for n, m in enumerate(money)})
        return adding.groups

    def _aggregates_all(self, table: Table, fields: Sequence[str]) -> bool:
        there = self._client.describe(table.vendor)
        return all(there[f].get("aggregatable", True) for f in fields)

    def _counted(self, table: Table, where: str, by_currency: bool) -> list[tuple[str | None, int]]:
        if by_currency:
            query = soql("CurrencyIsoCode, COUNT(Id) counted", table.vendor, where, "GROUP BY CurrencyIsoCode")
        else:
            query = soql("COUNT(Id) counted", table.vendor, where)
        return [(r.get("CurrencyIsoCode"), r["counted"]) for r in self._aggregates(table, query) if r["counted"]]

    def _added_here(
        self, table: Table, where: str, fields: Sequence[str], vendor: dict[str, str], money: Sequence[str], rows: int
    ) -> Any:
        adding = Adding(table.entity, money)
        for page in self._fetched(table, where, fields, rows):
            for record in page.to_pylist():
                adding.add(1, {m: record[vendor[m]] for m in money}, currency=record.get(vendor.get(_CURRENCY, "")))
        return adding.groups

    def _fetched(self, table: Table, where: str, fields: Sequence[str], expected: int) -> Iterator[pa.Table]:
        """Give columns of the records that match; all of them, or an error."""
        query, received = soql(", ".join(fields), table.vendor, where), 0
        if expected > self._client.settings.bulk_threshold:
            yield from bulk_query(self._client, query, self._client.settings.bulk_page_rows, deleted=False)
            return
        for page in self._client.query(query, deleted=False):
            received, expected = received + len(page.records), page.total
            yield as_table(page.records, fields)
        expect_count(f"{self._client.host}: {table.vendor}", expected, received)

    def _aggregates(self, table: Table, query: str) -> list[dict[str, Any]]:
        records = [r for page in self._client.query(query, deleted=False) for r in page.records]
        if not records and "GROUP BY" in query:
            return []
        if not records or any(not isinstance(r.get("counted"), int) for r in records):
            raise AnswerLostError(f"{self._client.host} answered a count of {table.vendor} without a count; not used")
        return records


def _where(question: Question) -> tuple[str, datetime | None]:
    """Return the condition on what counts, and the position that it goes by."""
    cursor = question.cursors.get(question.entity.name)
    until = instant(cursor.position) if cursor else None
    parts = [f"SystemModstamp <= {moment_literal(until)}"] if until else []
    if question.without:
        parts.append(f"Id NOT IN {literal(sorted(question.without))}")
    return ("WHERE " + " AND ".join(parts) if parts else ""), until
