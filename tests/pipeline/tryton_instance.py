"""An instance over a live Tryton, as tests run it and look into its warehouse.

Belongs here: running it, reading its tables. Not here: what must stand in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otc_pipelines.flow.context import Flow
from otc_pipelines.flow.run import RunReport, run_pass
from otc_pipelines.settings import load
from tests.live.tryton import Tryton


@dataclass
class Instance:
    """An instance whose only source is a live Tryton."""

    config: Path
    erp: Tryton
    report: RunReport | None = None

    def run(self) -> RunReport:
        self.report = run_pass(Flow(load(self.config)))
        return self.report

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with Flow(load(self.config)).warehouse.transaction() as tx:
            return list(tx.rows(sql))

    def current(self, entity: str) -> list[dict[str, Any]]:
        """The last version of each row of a raw table, without what was deleted."""
        return self.rows(
            f"""select * from (select *, row_number() over (
                partition by _key order by recorded_at desc, _loaded_at desc) as nth
            from raw_tryton.{entity}) as v where nth = 1 and not deleted"""
        )
