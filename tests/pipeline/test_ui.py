"""``otc ui`` in a browser: the graph, a run, the pictures, the verdicts. Pictures stay in ``artefacts/ui``."""

from __future__ import annotations

from pathlib import Path

import pytest

from otc_pipelines.defs.home import dagster_instance
from otc_pipelines.defs.whole_way import run_whole_way
from otc_pipelines.settings import Instance, load
from tests.pipeline import browser
from tests.pipeline.served_ui import artefacts, serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.live,
    pytest.mark.xdist_group("dagster"),
    pytest.mark.skipif(browser.executable() is None, reason="no chromium on this machine"),
]


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Instance:
    folder = tmp_path_factory.mktemp("ui")
    (folder / "drop").mkdir()
    (folder / "drop" / "parties.csv").write_text("party_id,name\nC1,Gadget AG\n")
    (folder / "drop" / "documents.csv").write_text(
        "document_id,document_type,party_id,legal_entity,document_date,due_date,currency,amount\n"
        "INV-1,invoice,C1,US,2026-01-05,2026-02-04,USD,100.00\n"
    )
    (folder / "otc.yaml").write_text(
        "company: {name: Acme, base_currency: USD}\nsources: [{name: legacy, connector: files, path: ./drop}]\n"
    )
    run_whole_way(folder / "otc.yaml")
    return load(folder / "otc.yaml")


def test_people_see_the_flow_the_run_and_the_pictures(instance: Instance, tmp_path: Path) -> None:
    kept = artefacts()
    with dagster_instance(instance) as recorded:
        run_id = recorded.get_runs()[0].run_id
    with serving(instance, "--read-only") as url, browser.page(tmp_path / "profile") as page:
        page.go(f"{url}/asset-groups")
        page.wait_for("extract", "stage", "conform", "post", "match", "marts")
        page.picture(kept / "graph.png")

        page.go(f"{url}/runs/{run_id}")
        page.wait_for("whole_way", "Success", "ops__ar_movement", "Finished execution of run")
        page.picture(kept / "run.png")

        page.go(f"{url}/assets/published/marts?view=overview")
        page.wait_for("receivables", "aging", "Show Markdown")
        page.evaluate(
            "[...document.querySelectorAll('*')].filter(e => e.textContent === '[Show Markdown]').pop().click()"
        )
        page.wait_until("[...document.images].some(i => i.src.startsWith('data:image/png') && i.naturalWidth > 100)")
        page.picture(kept / "aging.png")

        page.go(f"{url}/assets/marts/fct_tie_out?view=checks&checkDetail=gate")
        page.wait_for("not checked, no control balances", "team:controllership", "data docs")
        page.picture(kept / "gate.png")
