"""`otc run` tells of what failed by itself, once; a channel that is down changes nothing of the run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.live.postgres import free_port
from tests.pipeline.conftest import Prepared
from tests.pipeline.house import change, configure, otc

pytestmark = pytest.mark.xdist_group("files")


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
