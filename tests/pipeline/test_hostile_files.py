"""One pass over folders full of files that should not be: what is good loads, the rest is set aside with its reason.

Empty, half-written, wrongly encoded, unreadable; columns added, renamed, retyped; XML that would take the house down;
card numbers, which no file of the instance may hold afterwards.
"""

from __future__ import annotations

import io
import json
import os
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from otc_pipelines.audit import verify
from otc_pipelines.settings import load
from otc_pipelines.warehouse import Warehouse
from tests.pipeline.conftest import Prepared
from tests.pipeline.house import Said, asking, configure, counts, grown, otc, rows, tables
from tests.unit.connectors.bank.bank_files.reader import balance, camt, entry

pytestmark = pytest.mark.xdist_group("files")
YESTERDAY = time.time() - 86_400
CARDS = ("4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005")
BESIDE = "zebra-crossing"  #: stands beside each card number, and stays
HEADER = "document_id,document_type,party_id,legal_entity,document_date,due_date,currency,amount,reference"


def document(key: str, day: str = "2026-01-05", amount: str = "100.00", reference: str = "") -> str:
    return f"{key},invoice,P1,US,{day},2026-02-04,USD,{amount},{reference}"


def parquet(**columns: list[Any]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def laughs() -> str:
    entities = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
    return f'<!DOCTYPE lolz [<!ENTITY a0 "lol">{entities}]>'


def with_doctype(doctype: str, text: str) -> str:
    body = camt(entry("1.00", f"<TxDtls><RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls>")).partition("?>")[2]
    return '<?xml version="1.0" encoding="UTF-8"?>' + doctype + body


def paid(text: str, amount: str, reference: str) -> str:
    return entry(amount, f"<TxDtls><RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls>", reference=reference)


GOOD_STATEMENT = camt(
    paid(f"{BESIDE} card {CARDS[0]} thanks", "10.00", "BANKREF001") + paid("Invoice G1", "5.00", "BANKREF002"),
    balance("OPBD", "0.00") + balance("CLBD", "15.00"),
)
WRONG_BALANCE = camt(entry("7.00", reference="BANKREF003"), balance("OPBD", "0.00") + balance("CLBD", "8.00"))
DROP: dict[str, bytes] = {
    "parties.csv": b"party_id,name\nP1,Alder Works\n",
    "documents_good.csv": "\n".join(
        [HEADER, document("G1"), document("G2", reference=f"{BESIDE} {CARDS[1]}")]
    ).encode(),
    "documents_bad.csv": "\n".join(
        [HEADER, document("B1", day="2026-13-45", reference=f"{BESIDE} {CARDS[2]}")]
    ).encode(),
    "documents_empty.csv": b"",
    "documents_header.csv": HEADER.encode() + b"\n",
    "documents_latin.csv": "\n".join([HEADER, document("L1", reference="Müller")]).encode("latin-1"),
    "documents_utf16.csv": "\n".join([HEADER, document("U1")]).encode("utf-16"),
    "documents_unreadable.parquet": parquet(document_id=["X1"], amount=["1.00"])[:-20],
    "documents_half.jsonl": b'{"document_id":"H1","document_type":"invoice","party_id":"P1","legal_entity":"US",'
    b'"document_date":"2026-01-05","currency":"USD","amount":"3.00"}\n{"document_id":"H2","docu',
    "documents_added.csv": "\n".join([HEADER + ",colour", document("A1") + ",red"]).encode(),
    "documents_renamed.csv": "\n".join([HEADER.replace("amount", "amt"), document("R1"), document("R2")]).encode(),
    "documents_retyped.csv": "\n".join(
        [HEADER, document("T1", day="1767571200"), document("T2", amount="1.000;00")]
    ).encode(),
}
BANK: dict[str, bytes] = {
    "good.xml": GOOD_STATEMENT.encode(),
    "laughs.xml": with_doctype(laughs(), "&a9;").encode(),
    "external.xml": with_doctype('<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>', "&x;").encode(),
    "bare.xml": with_doctype("<!DOCTYPE Document>", "bare").encode(),
    "undeclared.xml": with_doctype("", "&y;").encode(),
    "half.xml": GOOD_STATEMENT.replace("BANKREF", "HALFREF").encode()[:-300],
    "empty.xml": b"",
    "wrong_balance.xml": WRONG_BALANCE.replace("S1", "S2").encode(),
    "not_a_statement.sta": b"Dear customer, please find attached\n",
}
#: file → a word of its reason; nothing of these files loads
REFUSED = {
    "documents_bad.csv": "document_date",
    "documents_empty.csv": "empty",
    "documents_latin.csv": "UTF-8",
    "documents_utf16.csv": "UTF-8",
    "documents_unreadable.parquet": "Parquet",
    "documents_renamed.csv": "amount",
    "documents_retyped.csv": "",
    "laughs.xml": "DOCTYPE",
    "external.xml": "DOCTYPE",
    "bare.xml": "DOCTYPE",
    "undeclared.xml": "entities",
    "half.xml": "half-written",
    "empty.xml": "empty",
    "wrong_balance.xml": "difference",
    "not_a_statement.sta": "not a bank statement",
}


@dataclass
class Told:
    """The instance after the pass, and what the command said."""

    config: Path
    said: Said

    @property
    def steps(self) -> dict[str, dict[str, Any]]:
        return {r["name"]: r for r in json.loads(self.said.out)["rows"]}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, prepared: Prepared) -> Told:
    config = prepared(configure(tmp_path_factory.mktemp("hostile")))
    for folder, files in (("drop", DROP), ("bank", BANK)):
        for name, content in files.items():
            path = config.parent / folder / name
            path.write_bytes(content)
            os.utime(path, (0, YESTERDAY))  # an empty file of this minute might still be written to
    return Told(config, otc("run", "--format", "json", config=config))


def test_quarantine_alone_is_no_failure(told: Told) -> None:
    assert (told.said.code, told.said.err) == (0, "")
    assert {s["status"] for s in told.steps.values()} <= {"done", "warned"}


def test_what_is_good_is_there(told: Told) -> None:
    keys = {r["document_id"] for r in rows(told.config, "select document_id from raw_files.documents")}
    assert keys == {"G1", "G2", "A1", "H1"}
    lines = rows(told.config, "select bank_reference, amount from raw_bank_files.bank_lines order by 1")
    assert [(r["bank_reference"], r["amount"]) for r in lines] == [
        ("BANKREF001", Decimal(10)),
        ("BANKREF002", Decimal(5)),
    ]


@pytest.mark.parametrize("file", REFUSED)
def test_what_is_not_is_set_aside_with_its_reason(told: Told, file: str) -> None:
    found = rows(told.config, "select * from ops.quarantine where file = :file", file=file)
    assert found, "it is set aside, with its name"
    assert all(REFUSED[file].lower() in r["reason"].lower() for r in found), [r["reason"] for r in found]
    assert all("\n" not in r["reason"] and "Traceback" not in r["reason"] for r in found)


def test_nothing_else_is_set_aside(told: Told) -> None:
    found = rows(told.config, "select distinct file from ops.quarantine")
    assert {r["file"] for r in found} == set(REFUSED) | {"documents_half.jsonl"}
    retyped = rows(
        told.config, "select line, reason from ops.quarantine where file = 'documents_retyped.csv' order by line"
    )
    assert [r["line"] for r in retyped] == [2, 3]
    assert "document_date" in retyped[0]["reason"]
    assert "amount" in retyped[1]["reason"]


def test_an_added_column_is_kept_and_told_of(told: Told) -> None:
    assert "colour" in told.steps["legacy"]["message"]
    kept = rows(told.config, "select _extra from raw_files.documents where document_id = 'A1'")
    assert json.loads(kept[0]["_extra"]) == {"colour": "red"}
    assert rows(told.config, "select entity, column_name from ops.unknown_column where column_name = 'colour'") == [
        {"entity": "documents", "column_name": "colour"}
    ]


def test_again_nothing_is_added(told: Told) -> None:
    before = counts(told.config)
    said = otc("run", "--format", "json", config=told.config)
    assert (said.code, said.err) == (0, "")
    assert grown(before, counts(told.config)) == {}
    assert verify(Warehouse.of(load(told.config))).ok


def every_text(config: Path) -> str:
    """Every text of every table of the warehouse and of the published marts, which are compressed in their files."""
    said = []
    with asking(config) as tx:
        for name in tables(tx):
            said.append(json.dumps(tx.rows(f"select * from {name}"), default=str, ensure_ascii=False))
    with duckdb.connect(str(load(config).data_dir / "published" / "bi.duckdb"), read_only=True) as reader:
        for (name,) in reader.execute("select table_name from information_schema.tables").fetchall():
            said.append(str(reader.execute(f'select * from marts."{name}"').fetchall()))
    return "\n".join(said)


def test_no_file_of_the_instance_holds_a_card_number(told: Told) -> None:
    files = [p for p in load(told.config).data_dir.rglob("*") if p.is_file()]
    assert {p.suffix for p in files} >= {".duckdb", ".html"}
    content = {str(p): p.read_bytes() for p in files}
    content["(every table)"] = every_text(told.config).encode()
    content["(said)"] = (told.said.out + told.said.err).encode()
    assert content["(every table)"].count(BESIDE.encode()) >= 3, "what stands beside the numbers is there to be seen"
    for card in CARDS:
        digits = "".join(c for c in card if c.isdigit())
        for spelling in (card, digits, " ".join(digits), digits[:12]):
            assert [name for name, data in content.items() if spelling.encode() in data] == []
    assert b"411111******1111" in content["(every table)"]
