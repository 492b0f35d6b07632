"""`otc run` tells of what failed by itself, once; a channel that is down changes nothing of the run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.live.postgres import free_port
from tests.live.smtp import PASSWORD, running
from tests.pipeline.conftest import Prepared
from tests.pipeline.house import change, configure, otc, otc_process

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("files")]


def told(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "alerts.jsonl").read_text().splitlines()]


def test_a_failed_source_is_told_once_and_check_shows_what_nobody_heard(
    tmp_path: Path, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", "s")
    down = {"url": f"https://127.0.0.1:{free_port()}", "secret": "${HOOK_SECRET}", "allow_private": True, "attempts": 1}
    config = prepared(configure(tmp_path / "house", alerts={"file": "./alerts.jsonl", "webhook": down}))
    document = yaml.safe_load(config.read_text())
    next(s for s in document["sources"] if s["name"] == "bank")["expect_every"] = "1d"
    config.write_text(yaml.safe_dump(document, sort_keys=False))
    change(config, "update ops.schema_version set applied_at = applied_at - interval '3 days'")
    shutil.rmtree(config.parent / "bank")
    assert otc("run", config=config).code == 3
    failed = [t for t in told(config.parent) if t["subject"] == "extract bank"]
    assert [t["kind"] for t in failed] == ["run_failed"]
    assert "is not there" in failed[0]["message"]
    (silent,) = (t for t in told(config.parent) if t["kind"] == "silent_source")
    assert (silent["subject"], silent["message"][:26]) == ("bank", "nothing has come yet, 3 da")
    before = told(config.parent)
    assert otc("run", config=config).code == 3
    assert told(config.parent) == before, "it lasts, and was told"

    said = otc("check", "--format", "json", config=config)
    lines = {r["what"]: r for r in json.loads(said.out)["rows"]}
    assert not lines["alerts webhook: webhook"]["ok"]
    assert "cannot reach" in lines["alerts: waiting webhook"]["message"]


def test_a_gate_that_fails_is_mailed_once(tmp_path: Path, prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the command, over a real mail server with STARTTLS and a login."""
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    with running(tmp_path / "mail") as server:
        mail = server.settings(password="${MAIL_PASSWORD}")
        entities = {"US": {"base_currency": "USD", "ar_account": "1200"}}
        house = configure(tmp_path / "house", legal_entities=entities, alerts={"smtp": mail})
        config = prepared(house)
        drop = config.parent / "drop"
        (drop / "parties.csv").write_text("party_id,name,currency,legal_entity\nC1,Gadget AG,USD,US\n")
        (drop / "documents.csv").write_text(
            "document_id,document_type,party_id,legal_entity,document_date,due_date,currency,amount\n"
            "INV-1,invoice,C1,US,2026-01-05,2026-02-04,USD,100.00\n"
        )
        control = "legal_entity,gl_account,currency,date,balance\nUS,1200,USD,2026-02-28,{}\n"
        (drop / "gl_balances.csv").write_text(control.format("99.99"))
        ran = otc_process("run", config=config)
        assert (ran.returncode, len(server.taken)) == (1, 1), ran.stderr
        (drop / "gl_balances.csv").write_text(control.format("99.98"))
        assert otc("run", config=config).code == 1
        assert len(server.taken) == 1, "it lasts, and was told"
        (message,) = server.got("ann@acme.example")
        assert message["Subject"] == "[Acme] gate failed: fct_tie_out"
        assert "1 of 5 failed: Open items, unapplied included, equal the control account" in message.get_content()
        assert "Gadget" not in message.get_content()
    kept = [p.read_bytes() for p in (config.parent / "data").rglob("*") if p.is_file()]
    assert not [1 for text in [ran.stdout, ran.stderr, *(k.decode("latin-1") for k in kept)] if PASSWORD in text]
