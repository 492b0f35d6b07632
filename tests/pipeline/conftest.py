"""Instances that many tests look at are made once a session.

A test that changes one takes a copy. Tests of one group share a worker, and so its instances.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from otc_pipelines.demo.start import SECRET, Demo, DemoOptions, running
from otc_pipelines.flow.context import Flow
from otc_pipelines.flow.extract import prepare
from otc_pipelines.flow.models import transform
from otc_pipelines.flow.run import RunReport
from otc_pipelines.settings import load
from tests.pipeline.house import passed
from tests.seeds import WORLD_SEED

TODAY = datetime.now(UTC).date()
Prepared = Callable[[Path], Path]


@pytest.fixture(scope="session", autouse=True)
def _nobody_is_told() -> Iterator[None]:
    """The wait for a lock is short in tests, and an actor is named."""
    before = os.environ.get("OTC_ACTOR")
    os.environ["OTC_ACTOR"] = "ann"
    yield
    os.environ.pop("OTC_ACTOR")
    if before is not None:
        os.environ["OTC_ACTOR"] = before


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Give a new instance a warehouse whose views stand: they are views, and the same for the same connectors."""
    kept: dict[frozenset[str], Path] = {}

    def prepare_one(config: Path) -> Path:
        flow = Flow(load(config))
        connectors = frozenset(flow.connectors)
        data = flow.instance.data_dir
        if connectors not in kept:
            prepare(flow)
            assert transform(flow, "conform")[0].code == 0
            kept[connectors] = tmp_path_factory.mktemp("prepared") / "data"
            shutil.copytree(data, kept[connectors])
        else:
            shutil.copytree(kept[connectors], data)
        return config

    return prepare_one


@dataclass(frozen=True)
class Settled:
    """A small company whose pass is done and delivered, its CRM still there, and how to take a copy of the instance."""

    demo: Demo
    first: RunReport
    second: RunReport
    copy: Callable[..., Path]


@pytest.fixture(scope="session")
def settled(tmp_path_factory: pytest.TempPathFactory, prepared: Prepared) -> Iterator[Settled]:
    folder = tmp_path_factory.mktemp("settled")
    options = DemoOptions(folder=folder / "house", seed=WORLD_SEED, customers=60, invoices=400, months=8)
    with running(options) as demo:
        config = prepared(demo.config_path)
        first = passed(config)
        second = passed(config)  # reads back what the first one has written to the CRM
        made: list[Path] = []

        def copy(**changes: Any) -> Path:
            """A copy of the instance, with changes of its target; it speaks to the same CRM."""
            target = folder / f"copy{len(made)}"
            target.mkdir()
            document = yaml.safe_load(config.read_text(encoding="utf-8"))
            for source in document["sources"]:
                for key in ("path", "ca_bundle"):
                    if source.get(key):
                        source[key] = str((config.parent / source[key]).resolve())
            document["targets"][0] |= changes
            (target / "otc.yaml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
            (target / ".env").write_text(f"{SECRET}={demo.salesforce.client_secret}\n", encoding="utf-8")
            shutil.copytree(config.parent / "data", target / "data")
            made.append(target)
            return target / "otc.yaml"

        yield Settled(demo, first, second, copy)
