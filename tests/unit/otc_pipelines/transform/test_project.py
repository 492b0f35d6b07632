"""What the project says of itself agrees with the declarations: vocabulary, staging, descriptions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment, FileSystemLoader

from connectors.kit.banking import BANKING
from connectors.kit.contract import Entity
from connectors.kit.receivables import RECEIVABLES
from otc_pipelines.landing.tables import SQL_TYPES, business_columns
from otc_pipelines.transform import dbt_vars, outbound, project_dir, staged
from tests.unit.otc_pipelines.transform.house import TODAY

PROJECT = project_dir()
MODELS = sorted((PROJECT / "models").rglob("*.sql"))


def vocabulary(role: str) -> Mapping[str, list[tuple[str, str]]]:
    found: list[Any] = []
    environment = Environment(loader=FileSystemLoader(PROJECT / "macros" / "vocabulary"), autoescape=True)
    environment.globals["return"] = lambda value: found.append(value) or ""
    getattr(environment.get_template(f"{role}.sql").module, f"{role}_vocabulary")()
    return dict(found[0])


def columns_of(entity: Entity) -> dict[str, list[tuple[str, str]]]:
    own = [(f.name, SQL_TYPES[f.type]) for f in business_columns(entity)]
    if not entity.personal:
        return {entity.name: own}
    personal = [("person", "text"), *((f.name, SQL_TYPES[f.type]) for f in entity.personal)]
    return {entity.name: [*own, ("person", "text")], f"{entity.name}__personal": personal}


@pytest.mark.parametrize(("role", "entities"), [("receivables", RECEIVABLES), ("banking", BANKING)])
def test_the_vocabulary_is_what_connectors_declare(role: str, entities: tuple[Entity, ...]) -> None:
    declared = {name: columns for e in entities for name, columns in columns_of(e).items()}
    assert {name: [tuple(c) for c in columns] for name, columns in vocabulary(role).items()} == declared


@pytest.mark.parametrize("connector", ["files", "sql"])
def test_an_erp_stages_every_entity(connector: str) -> None:
    assert set(staged(PROJECT, [connector])) == {n for e in RECEIVABLES for n in columns_of(e)}


def test_staged_follows_the_folders(tmp_path: Path) -> None:
    for connector, entity in (
        ("one", "documents"),
        ("two", "documents"),
        ("two", "crm_orders"),
        ("two", "parties__personal"),
    ):
        folder = tmp_path / "models" / "staging" / connector
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"stg_{connector}__{entity}.sql").write_text("")
    assert staged(tmp_path, ["two", "one", "two", "three"]) == {
        "crm_orders": ["two"],
        "documents": ["one", "two"],
        "parties__personal": ["two"],
    }
    assert staged(tmp_path, []) == {}


def test_what_can_be_written_where_follows_the_folder() -> None:
    found = outbound(PROJECT, ["files", "tryton", "salesforce"])
    assert found["receipt"] == ["tryton"]
    assert found["account_ar_status"] == ["salesforce"]
    assert outbound(PROJECT, ["files"]) == {}


def test_the_same_instance_is_told_the_same() -> None:
    first = dbt_vars(PROJECT, ["files", "bank_files"], today=TODAY)
    assert first == dbt_vars(PROJECT, iter(["bank_files", "files", "files"]), today=TODAY)
    assert first["today"] == "2026-01-31"


def documented() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for path in (PROJECT / "models").rglob("*.yml"):
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", []):
            assert model["name"] not in found, model["name"]
            found[model["name"]] = model
    return found


def test_every_model_and_column_is_described() -> None:
    known = documented()
    assert known.keys() == {path.stem for path in MODELS}
    for name, model in known.items():
        assert model.get("description"), name
        assert model.get("columns"), name
        for column in model["columns"]:
            assert column.get("description"), f"{name}.{column['name']}"


def test_no_vendor_is_named_between_staging_and_outbound() -> None:
    vendors = {p.name for p in (PROJECT / "models" / "staging").iterdir() if p.is_dir()} - {"sql", "files"}
    named = re.compile("|".join(sorted(vendors)), re.IGNORECASE)
    for area in ("conformed", "marts"):
        for path in (PROJECT / "models" / area).rglob("*"):
            if path.is_file():
                assert not named.search(path.read_text(encoding="utf-8")), path


def test_a_date_that_is_written_along_is_no_reason_to_write() -> None:
    for name, model in documented().items():
        if name.startswith("sync_"):
            along = [c["name"] for c in model["columns"] if c["name"] == "as_of"]
            assert model.get("config", {}).get("meta", {}).get("not_compared", []) == along, name
