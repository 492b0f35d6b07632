"""One company, two warehouses: what is loaded, posted, decided and modelled is the same, row for row.

Every relation is compared by the hash of its rows' typed text, in both directions, after a first pass and after another
one some days later. dbt's own unit tests run on both.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from otc_pipelines.flow.context import Flow
from otc_pipelines.flow.models import transform, variables
from otc_pipelines.reports.aging import AgingQuestion, aging_report
from otc_pipelines.settings import load
from otc_pipelines.transform import aging_sql, build, project_dir
from otc_pipelines.warehouse import Tx, Warehouse
from otc_pipelines.warehouse.publish import published
from tests.live import hostile
from tests.live.content import difference, held, lines, relations
from tests.live.postgres import Server, postgres
from tests.live.tryton_books import Books, books, pay_by_bank
from tests.live.two_warehouses import AS_OF, LATER, MORNING, NAMES, Pair, books_of_later, clock, pair

__all__ = ["postgres"]
pytestmark = [pytest.mark.live, pytest.mark.xdist_group("postgres")]

_OWN = ('ops."audit_event"', 'ops."gate_verdict"', 'ops."instance"', 'ops."schema_version"')
"""What speaks of the warehouse itself or is chained to it, and not of the company."""


@pytest.fixture(scope="module")
def erp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    with books(tmp_path_factory.mktemp("erp"), MORNING - timedelta(hours=1)) as kept:
        yield kept


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, postgres: Server, erp: Books) -> Iterator[Pair]:
    with pair(tmp_path_factory.mktemp("both"), postgres, change=erp.configure) as both:
        pay_by_bank(both.demo.folder / "bank")
        for report in both.passed(MORNING):
            assert report.code in (0, 1), report.error  # 1: the old books do not tie, on either
            assert not [s for s in report.steps if s.status == "failed" and s.step != "gate"], report.steps
        yield both


@pytest.fixture(scope="module")
def later(first: Pair, erp: Books) -> Pair:
    """Days later: new files, new versions, what was pending is posted."""
    demo = first.demo.advance((LATER - MORNING).days)
    books_of_later()
    erp.moment = LATER - timedelta(hours=1)
    erp.go_on()
    both = Pair(demo, first.duckdb, first.postgres)
    for report in both.passed(LATER):
        assert not [s for s in report.steps if s.status == "failed" and s.step != "gate"], report.steps
    return both


def compared(both: Pair, *schemas: str) -> dict[str, str]:
    """What differs, by relation; marts are those that dbt has built."""
    one, other = (Warehouse.of(instance) for instance in both.instances)
    found: dict[str, str] = {}
    with one.reading() as here, other.reading() as there:
        names = [n for n in relations(here, *schemas) if n not in _OWN]
        assert names
        for name in names:
            found[name] = difference(held(here, name), held(there, other.built(name)), NAMES)
        wanted = {other.built(n) for n in names}
        more = set(relations(there, *(other.built(f"{s}.x").split(".")[0] for s in schemas))) - wanted - set(_OWN)
        found |= dict.fromkeys(more, "is in PostgreSQL only")
    return found


def differing(both: Pair, *schemas: str) -> dict[str, str]:
    return {name: said for name, said in compared(both, *schemas).items() if said}


@pytest.mark.parametrize("schemas", [("raw_",), ("ops",), ("staging",), ("conformed",), ("marts",), ("outbound",)])
def test_everything_is_equal_after_the_first_pass(first: Pair, schemas: tuple[str, ...]) -> None:
    assert differing(first, *schemas) == {}


@pytest.mark.parametrize("schemas", [("raw_",), ("ops",), ("staging",), ("conformed",), ("marts",), ("outbound",)])
def test_everything_is_equal_after_days_went_by(later: Pair, schemas: tuple[str, ...]) -> None:
    assert differing(later, *schemas) == {}


def test_aging_answers_the_same_for_any_day_knowledge_and_grouping(later: Pair) -> None:
    days = (AS_OF, AS_OF - timedelta(days=37), AS_OF - timedelta(days=111), LATER.date())
    known = (None, MORNING - timedelta(days=20))
    loaded = (None, MORNING + timedelta(hours=1))
    asked = answered = 0
    for day in days:
        for known_at in known:
            for loaded_at in loaded:
                for group_by in ("party", "document", "parent", "total"):
                    question = AgingQuestion(day, known_at, loaded_at, group_by=group_by, include_pending=day != AS_OF)
                    here, there = (aging_report(instance, question) for instance in later.instances)
                    assert (here.rows, here.columns, here.facts) == (there.rows, there.columns, there.facts), question
                    asked += 1
                    answered += bool(here.rows)
    assert answered > asked / 2


@pytest.mark.parametrize("by", ["due_date", "document_date"])
@pytest.mark.parametrize("unapplied", ["column", "own_date"])
def test_aging_by_other_dates_and_edges_is_equal_too(later: Pair, by: str, unapplied: str) -> None:
    sql = aging_sql(as_of=AS_OF, by=by, unapplied=unapplied, edges=(7, 14, 45), group_by="document")
    one, other = (Warehouse.of(instance) for instance in later.instances)
    with one.reading() as here, other.reading() as there:
        rows, others = here.rows(sql), there.rows(other.built(sql))
    assert len(rows) > 50
    assert lines(rows) == lines(others)
    assert [r["document_id"] for r in rows] == [r["document_id"] for r in others]


def columns(tx: Tx, schema: str) -> dict[tuple[str, str], tuple[str, ...]]:
    """Type and position of each column of each table, in words that both use."""
    found = tx.rows(
        """select table_name, column_name, ordinal_position, data_type, numeric_precision, numeric_scale
        from information_schema.columns where table_schema = :schema""",
        schema=schema,
    )
    listed = {}
    for r in found:
        kind = str(r["data_type"]).lower().partition("(")[0]
        kind = {"varchar": "text", "decimal": "numeric"}.get(kind, kind)
        size = (r["numeric_precision"], r["numeric_scale"]) if kind == "numeric" else ()
        listed[r["table_name"], r["column_name"]] = tuple(map(str, (r["ordinal_position"], kind, *size)))
    return listed


def test_what_people_read_has_the_same_tables_columns_types_and_rows(later: Pair) -> None:
    one, other = (Warehouse.of(instance) for instance in later.instances)
    with published(one) as here, published(other) as there:
        assert columns(here, "marts") == columns(there, "marts")
        names = relations(here, "marts")
        assert len(names) >= 12
        for name in names:
            assert difference(held(here, name), held(there, name), NAMES) == "", name


def test_columns_from_staging_to_outbound_have_the_same_types(later: Pair) -> None:
    """What a view says it is, a reader and the next model rely on; also where it has no rows."""
    one, other = (Warehouse.of(instance) for instance in later.instances)
    with one.reading() as here, other.reading() as there:
        for schema in ("staging", "conformed", "outbound"):
            mine, theirs = columns(here, schema), columns(there, schema)
            differing = {k: (v, theirs.get(k)) for k, v in mine.items() if theirs.get(k) != v}
            assert (differing, theirs.keys() - mine.keys()) == ({}, set()), schema


def test_the_odd_rows_arrived(later: Pair) -> None:
    """Equality of nothing would be easy: most odd documents are in the marts, those that cannot be are named."""
    for instance in later.instances:
        warehouse = Warehouse.of(instance)
        with warehouse.reading() as tx:
            found = tx.rows(warehouse.built("select * from marts.fct_documents where upper(document_id) like 'H%'"))
            known = {r["document_id"]: r for r in found}
            people = {r["party_id"] for r in tx.rows("select party_id from conformed.int_parties__current")}
        assert known.keys() == {str(row["document_id"]) for table, row in hostile.rows() if table == "documents"}
        assert {known[k]["open_amount"] for k in ("H-cents", "H-dinar")} == {Decimal("100"), Decimal("0.668")}
        assert known["H-largest"]["amount"] == Decimal(hostile.LARGEST)
        assert known["H-no-rate"]["base_open_amount"] is None
        assert {"hc", "HC", "Hc"} <= people


def test_what_the_simulated_erp_keeps_arrived_and_would_be_written_back(later: Pair, erp: Books) -> None:
    for instance in later.instances:
        warehouse = Warehouse.of(instance)
        with warehouse.reading() as tx:
            found = tx.rows(warehouse.built("select * from marts.fct_documents where source_system = 'books'"))
            receipts = tx.rows("select target_source, amount, allocations from outbound.sync_tryton__receipt")
        known = {r["document_id"]: (r["open_amount"], r["status"]) for r in found}
        left = {name: known.get(str(erp.keyed[name])) for name in ("whole", "thirds", "yen", "open", "cancelled")}
        assert left == {
            "whole": (0, "posted"),
            "thirds": (0, "posted"),
            "yen": (0, "posted"),
            "open": (Decimal("417.2"), "posted"),
            "cancelled": (0, "void"),
        }
        told = {"target_source": "books", "amount": Decimal("417.2")}
        assert receipts == [{**told, "allocations": f"{erp.keyed['open']}:417.2000"}]


MUTANTS = [
    ("marts", "marts.fct_documents", "open_amount = open_amount + 0.0001", "document_key"),
    ("marts", "marts.fct_ar_ledger", "recorded_at = recorded_at + interval '1 microsecond'", "movement_id"),
    ("outbound", "outbound.sync_salesforce__account_ar_status", "on_hold = not on_hold", "target_key"),
    ("ops", "ops.ar_movement", "base_amount = null", "movement_id"),
]


@pytest.mark.parametrize(("schema", "table", "change", "key"), MUTANTS, ids=[m[1] for m in MUTANTS])
def test_one_changed_value_in_one_row_is_seen(later: Pair, schema: str, table: str, change: str, key: str) -> None:
    warehouse = Warehouse.of(load(later.postgres))
    relation = warehouse.built(table)
    with warehouse.transaction() as tx:
        tx.temp("kept", f"select * from {relation} where {key} = (select min({key}) from {relation})")
        tx.execute(f"update {relation} set {change} where {key} in (select {key} from kept)")
        before = tx.rows("select * from kept")
        assert len(before) == 1
    try:
        said = differing(later, schema)
    finally:
        with warehouse.transaction() as tx:
            tx.execute(f"delete from {relation} where {key} = :key", key=before[0][key])
            tx.insert(relation, before)
    assert len(said) == 1, said
    (told,) = said.values()
    assert "1 rows only in DuckDB" in told
    assert "1 rows only in PostgreSQL" in told
    assert differing(later, schema) == {}


def test_the_unit_tests_of_the_models_pass_on_both(later: Pair) -> None:
    ran = []
    for config in later.configs:
        flow = Flow(load(config))
        with clock(LATER), flow.warehouse.writing():
            target = flow.instance.data_dir / "dbt" / "unit"
            told = variables(flow)
            report = build(
                project_dir(), flow.warehouse, ["test_type:unit"], told, target, command="test", unit_tests=True
            )
        assert report.ok, report.summary
        ran.append(sorted(r.name for r in report.results))
    assert ran[0] == ran[1]
    assert len(ran[0]) >= 10


def oids(tx: Tx, *schemas: str) -> dict[str, int]:
    """Every relation of the schemas and its number, which a relation that is made anew does not keep."""
    found = tx.rows(
        """select n.nspname || '.' || c.relname as name, cast(c.oid as bigint) as oid from pg_class as c
        inner join pg_namespace as n on c.relnamespace = n.oid
        where c.relkind in ('v', 'r') and n.nspname = any(:schemas)""",
        schemas=list(schemas),
    )
    return {r["name"]: r["oid"] for r in found}


def test_a_new_day_replaces_views_in_place_and_touches_nothing_upon_them(later: Pair) -> None:
    flow = Flow(load(later.postgres))
    with flow.warehouse.reading() as tx:
        before = oids(tx, "staging", "conformed", flow.warehouse.marts_built_in, "outbound")
    with clock(LATER + timedelta(days=1)):
        step, report = transform(flow, "conform")
    assert step.code == 0, step.message
    assert len(report.models) > 80
    with flow.warehouse.reading() as tx:
        after = oids(tx, "staging", "conformed", flow.warehouse.marts_built_in, "outbound")
        text = tx.scalar("select pg_get_viewdef('conformed.int_installment_balances'::regclass)")
    assert after == before
    assert (LATER + timedelta(days=1)).date().isoformat() in text


def test_a_view_whose_columns_changed_is_made_again_with_all_that_is_built_upon_it(later: Pair) -> None:
    """As after an upgrade that gives a view other columns; DuckDB and PostgreSQL are equal afterwards."""
    flow = Flow(load(later.postgres))
    with flow.warehouse.transaction() as tx:
        tx.execute("alter view staging.stg_files__documents rename column gl_account to another_name")
        tx.execute("alter view conformed.int_parties__unioned rename column duns to another_name")
    with clock(LATER):
        for part in ("conform", "marts"):
            step, _ = transform(flow, part)
            assert step.code == 0, step.message
    assert differing(later, "staging", "conformed", "marts", "outbound") == {}


CODES = [
    *range(0x20, 0x180),
    *range(0x386, 0x3D0),
    *range(0x400, 0x460),
    0x2009,
    0x202F,
    0x3000,
    0x6771,
    0x1F600,
    0x301,
]
LETTERS = [chr(c) for c in CODES if chr(c).isprintable() or chr(c).isspace()]


def test_letters_of_any_script_are_spelled_the_same(later: Pair) -> None:
    for instance in later.instances:
        with Warehouse.of(instance).transaction("loader") as tx:
            _spell(tx)
    assert differing(later, "staging", "conformed") == {}


def _spell(tx: Tx) -> None:
    """Put every letter into names, payment texts and references, in the order of their keys."""
    people = [
        r["person"] for r in tx.rows("select distinct person from raw_bank_files.bank_lines__personal order by 1")
    ]
    assert len(people) > 50
    for nth, person in enumerate(people):
        letters = [LETTERS[at % len(LETTERS)] for at in range(nth, max(len(LETTERS), nth + 1), len(people))]
        tx.execute(
            """update raw_bank_files.bank_lines__personal set counterparty_name = :name,
            counterparty_account = :account, remittance_text = :text where person = :person""",
            name=" ".join(f"a{c}ß{c}z" for c in letters) + " Ltd",
            account="".join(letters),
            text="  ".join(f"inv{c}70{c}01" for c in letters),
            person=person,
        )
        tx.execute(
            """update raw_bank_files.bank_lines set bank_reference = :reference, end_to_end_id = :id
            where person = :person""",
            reference=f"\u00a0{' x '.join(letters)}\u2003",
            id=f" {letters[0]}r{nth} ",
            person=person,
        )
