"""The simulator's SOQL against SQLite, which decides the same questions by code of its own."""

from __future__ import annotations

import sqlite3
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connectors.crm.salesforce.client import literal
from connectors.crm.salesforce.simulator.schema import objects
from connectors.crm.salesforce.simulator.soql import parse

OBJECTS = objects()
TEXTS = st.text("aBc'\\%_ é", max_size=4)
STAMPS = [f"2025-01-01T00:00:0{n}.000+0000" for n in range(4)]
RECORDS = st.lists(
    st.fixed_dictionaries(
        {
            "OTC_Customer_Key__c": st.none() | TEXTS.filter(bool),
            "AnnualRevenue": st.none() | st.integers(-3, 3).map(float),
            "SystemModstamp": st.sampled_from(STAMPS),
            "IsDeleted": st.booleans(),
        }
    ),
    max_size=12,
)
MOMENTS = st.sampled_from(["2025-01-01T00:00:01Z", "2025-01-01T01:00:02+01:00", "2025-01-01T00:00:02.000Z"])


def _seconds(moment: str) -> int:
    return int(moment[17:19])


@st.composite
def conditions(draw: st.DrawFn, depth: int = 2) -> tuple[str, str]:
    """The same condition in SOQL and in SQL."""
    kind = draw(st.integers(0, 6 if depth else 3))
    if kind == 0:
        value, sign = draw(TEXTS.filter(bool)), draw(st.sampled_from(["=", "<", "<=", ">", ">="]))
        quoted = value.replace("'", "''")
        return f"OTC_Customer_Key__c {sign} {literal(value)}", f"coalesce(k {sign} '{quoted}', 0)"
    if kind == 1:
        number, sign = draw(st.integers(-3, 3)), draw(st.sampled_from(["=", "<", "<=", ">", ">="]))
        return f"AnnualRevenue {sign} {number}", f"coalesce(n {sign} {number}, 0)"
    if kind == 2:
        moment, sign = draw(MOMENTS), draw(st.sampled_from(["=", "<", "<=", ">", ">="]))
        return f"SystemModstamp {sign} {moment}", f"t {sign} {_seconds(moment)}"
    if kind == 3:
        values = draw(st.lists(TEXTS.filter(bool), min_size=1, max_size=3))
        listed = ", ".join("'" + v.replace("'", "''") + "'" for v in values)
        return f"OTC_Customer_Key__c IN {literal(values)}", f"coalesce(k in ({listed}), 0)"
    left, right = draw(conditions(depth - 1)), draw(conditions(depth - 1))
    if kind == 4:
        return f"({left[0]}) AND ({right[0]})", f"(({left[1]}) and ({right[1]}))"
    if kind == 5:
        return f"({left[0]}) OR ({right[0]})", f"(({left[1]}) or ({right[1]}))"
    return f"NOT ({left[0]})", f"not ({left[1]})"


@given(RECORDS, conditions(), st.booleans(), st.integers(0, 10))
def test_the_same_records_are_found_in_the_same_order(
    records: list[dict[str, Any]], condition: tuple[str, str], descending: bool, limit: int
) -> None:
    rows = [{"Id": f"001OT{n:010d}AAA", **record} for n, record in enumerate(records)]
    soql, sql = condition
    way = "DESC" if descending else "ASC"
    query = f"SELECT Id FROM Account WHERE {soql} ORDER BY SystemModstamp {way}, Id LIMIT {limit}"
    found = [r["Id"] for r in parse(query, OBJECTS).run(rows)]
    with sqlite3.connect(":memory:") as db:
        db.execute("create table a (id text, k text, n real, t integer)")
        db.executemany(
            "insert into a values (?, ?, ?, ?)",
            [(r["Id"], r["OTC_Customer_Key__c"], r["AnnualRevenue"], _seconds(r["SystemModstamp"])) for r in rows],
        )
        expected = [i for (i,) in db.execute(f"select id from a where {sql} order by t {way}, id limit {limit}")]
    db.close()
    assert found == expected


def test_text_compares_without_case_unless_the_field_minds_it() -> None:
    rows = [{"Id": "1", "Name": "ACME", "OTC_Customer_Key__c": "c-1"}]
    assert parse("select id from account where name = 'Acme'", OBJECTS).run(rows) == rows
    assert parse("SELECT Id FROM Account WHERE OTC_Customer_Key__c = 'C-1'", OBJECTS).run(rows) == []
    assert parse("SELECT Id FROM Account WHERE Name LIKE 'ac%'", OBJECTS).run(rows) == rows
    assert parse("SELECT Id FROM Account WHERE Name != null AND Phone = null", OBJECTS).run(rows) == rows
