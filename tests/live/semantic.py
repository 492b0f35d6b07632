"""A small company whose figures are known by hand, and MetricFlow asked about its published marts.

Belongs here: its rows, one pass, handing questions over. Not here: any expectation.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from otc_pipelines.settings import Instance, load
from otc_pipelines.transform import project_dir
from otc_pipelines.warehouse import EmbeddedWarehouse, Warehouse
from otc_pipelines.warehouse.publish import published_path
from tests.live import peers
from tests.live.two_warehouses import clock
from tests.pipeline.house import configure, passed

TODAY = datetime(2026, 3, 31, 14, tzinfo=UTC)
_ASK = Path(__file__).parent / "metricflow" / "ask.py"
_DROP = {
    "parties": """party_id,name,country
P1,Alpha,US
P2,Beta,CA
P3,Gamma,GB
P4,Delta,DE
""",
    # U1 has no rate; X1 is dated after today
    "documents": """document_id,document_type,party_id,legal_entity,document_date,due_date,currency,amount,tax_amount,fx_rate,recorded_at
I1,invoice,P1,US,2026-01-10,2026-02-10,USD,1000.00,,1,2026-01-10T12:00:00Z
I2,invoice,P1,US,2026-02-05,2026-03-05,EUR,500.00,,1.1,2026-02-05T12:00:00Z
I3,invoice,P2,US,2026-03-01,2026-04-15,USD,700.00,100.00,1,2026-03-01T12:00:00Z
C1,credit_memo,P2,US,2026-03-10,,USD,50.00,,1,2026-03-10T12:00:00Z
F1,finance_charge,P1,US,2026-03-15,2026-03-20,USD,10.00,,1,2026-03-15T12:00:00Z
W1,invoice,P2,US,2025-12-20,2026-01-20,USD,80.00,,1,2025-12-20T12:00:00Z
U1,invoice,P3,US,2026-03-20,2026-03-25,GBP,300.00,,,2026-03-20T12:00:00Z
D0,invoice,P4,DE,2025-11-30,2026-01-15,EUR,200.00,,1,2025-11-30T12:00:00Z
D1,invoice,P4,DE,2026-02-20,2026-03-20,EUR,900.00,,1,2026-02-20T12:00:00Z
X1,invoice,P1,US,2026-04-05,2026-05-05,USD,999.00,,1,2026-03-30T12:00:00Z
""",  # noqa: E501
    "receipts": """receipt_id,party_id,legal_entity,receipt_date,currency,amount,fx_rate,recorded_at
R1,P1,US,2026-02-15,USD,600.00,1,2026-02-15T12:00:00Z
R2,P2,US,2026-03-20,USD,100.00,1,2026-03-28T12:00:00Z
R3,P4,DE,2026-03-25,EUR,400.00,1,2026-03-25T12:00:00Z
R4,P1,US,2026-02-20,USD,100.00,1,2026-02-20T12:00:00Z
""",
    "receipt_events": """receipt_id,event_type,event_date,recorded_at
R4,bounced,2026-03-02,2026-03-02T12:00:00Z
""",
    "allocations": """allocation_id,source_type,source_id,document_id,amount,recorded_at
A1,receipt,R1,I1,600.00,2026-02-15T12:00:00Z
A3,receipt,R3,D1,400.00,2026-03-25T12:00:00Z
A4,receipt,R4,I1,100.00,2026-02-20T12:00:00Z
""",
    "adjustments": """adjustment_id,document_id,adjustment_type,amount,effective_date,recorded_at
J1,W1,write_off,30.00,2026-03-25,2026-03-25T12:00:00Z
""",
    "promises": """promise_id,document_id,promised_on,due_on,amount,recorded_at
M1,D1,2026-03-01,2026-03-26,400.00,2026-03-01T12:00:00Z
M2,I1,2026-03-01,2026-03-28,300.00,2026-03-01T12:00:00Z
""",
}


@dataclass(frozen=True)
class Company:
    """The company after its pass, its dbt project as MetricFlow reads it, and a MetricFlow at work on both.

    ``edits`` are (old, new) texts of the semantic manifest: what somebody altered in it.
    """

    instance: Instance
    project: Path
    metricflow: subprocess.Popen[str]
    edits: tuple[tuple[str, str], ...] = ()

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """What the published marts answer: decimals as they are, days as dates."""
        with duckdb.connect(str(_marts(self.instance)), read_only=True) as connection:
            connection.execute("set TimeZone = 'UTC'")
            cursor = connection.execute(sql)
            names = [d[0] for d in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def ask(self, *questions: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
        """Return the rows that MetricFlow's SQL gives, question by question; what its own client read is the same."""
        return [self._answer(question) for question in questions]

    def _answer(self, question: Mapping[str, Any]) -> list[dict[str, Any]]:
        to, back = self.metricflow.stdin, self.metricflow.stdout
        assert to is not None and back is not None
        to.write(json.dumps({**question, "edits": self.edits}) + "\n")
        to.flush()
        line = back.readline()
        if not line:
            raise RuntimeError(f"MetricFlow has no answer to {question}; it said why on stderr")
        answer = json.loads(line)
        rows = [{k: _day(v) for k, v in row.items()} for row in self.rows(answer["sql"])]
        assert sorted(map(_rough, rows)) == sorted(map(_rough, answer["rows"]))
        return rows


def _rough(row: Mapping[str, Any]) -> str:
    """A row to ten digits: the client of MetricFlow makes floats of decimals."""
    return repr([f"{float(v):.10g}" if isinstance(v, int | float | Decimal) else v for _, v in sorted(row.items())])


def _day(cell: Any) -> Any:
    return f"{cell:%Y-%m-%d}" if isinstance(cell, date) else cell


def _marts(instance: Instance) -> Path:
    warehouse = Warehouse.of(instance)
    assert isinstance(warehouse, EmbeddedWarehouse)
    return published_path(warehouse)


@contextlib.contextmanager
def company(folder: Path) -> Iterator[Company]:
    """Set the company up, run one pass on its day, let MetricFlow's own dbt parse the project, and start MetricFlow."""
    config = configure(
        folder,
        [{"name": "legacy", "connector": "files", "path": "./drop"}],
        legal_entities={"US": {"base_currency": "USD"}, "DE": {"base_currency": "EUR"}},
    )
    for entity, rows in _DROP.items():
        (folder / "drop" / f"{entity}.csv").write_text(rows, encoding="utf-8")
    with clock(TODAY):
        report = passed(config)
    assert report.code == 0, report
    project = folder / "project"
    shutil.copytree(project_dir(), project, ignore=shutil.ignore_patterns("target", "logs"))
    instance, home = load(config), peers.home("metricflow") / "bin"
    marts = {"OTC_WAREHOUSE_PATH": str(_marts(instance)), "OTC_WAREHOUSE_ACCESS": "read_only"}
    environment = {**os.environ, "OTC_DBT_TARGET": "duckdb", **marts}
    strict = ("--warn-error-options", '{"error": "all"}')
    parsed = subprocess.run(
        [str(home / "dbt"), "parse", *strict], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert parsed.returncode == 0, parsed.stdout[-3000:]
    with subprocess.Popen(
        [str(home / "python"), str(_ASK)],
        cwd=project,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as metricflow:
        try:
            yield Company(instance, project, metricflow)
        finally:
            metricflow.terminate()
