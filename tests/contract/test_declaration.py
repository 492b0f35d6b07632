"""What a connector says of itself is complete, and its settings are strict."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from connectors.kit.contract import Capability, Connector, FieldType, Settings
from tests.contract.case import declared, hooked_up

NAME = re.compile(r"^[a-z][a-z0-9_]*$")
PERSONAL = {"email", "phone", "street", "first_name", "last_name", "tax_id", "counterparty_name", "website"}
SECRET = re.compile(r"(password|secret|token|private_key|api_key|passphrase)$")


def test_every_connector_has_a_case_and_every_case_a_connector():
    assert hooked_up() == {c.name for c in declared()}


def folder_of(connector: Connector) -> Path:
    return Path(inspect.getfile(connector.settings)).parent


def test_it_has_a_title_a_readme_and_documented_settings(connector):
    assert connector.title.strip()
    assert inspect.getdoc(connector.settings) != inspect.getdoc(Settings)
    readme = folder_of(connector) / "README.md"
    assert readme.is_file(), f"{readme} is missing: what it reads, its settings, what goes wrong"
    text = readme.read_text(encoding="utf-8")
    needed = {info.alias or name for name, info in connector.settings.model_fields.items() if info.is_required()}
    assert not {name for name in needed if name not in text}, "README.md does not mention every setting that is needed"


def test_every_module_says_what_it_is_for(connector):
    for path in folder_of(connector).rglob("*.py"):
        first = path.read_text(encoding="utf-8").lstrip()
        assert first.startswith(('"""', 'r"""')), f"{path} has no docstring"


def test_its_entities_have_keys_types_and_descriptions(connector):
    names = [e.name for e in connector.entities]
    assert names
    assert len(set(names)) == len(names)
    for entity in connector.entities:
        columns = [f.name for f in entity.fields]
        assert NAME.match(entity.name)
        assert entity.description.strip(), f"{entity.name} has no description"
        assert entity.key, f"{entity.name} has no key"
        assert set(entity.key) <= set(columns), f"{entity.name}: its key is not among its columns"
        assert len(set(columns)) == len(columns), f"{entity.name} has a column twice"
        assert {"recorded_at", "deleted"} <= set(columns)
        for field in entity.fields:
            assert NAME.match(field.name), f"{entity.name}.{field.name}"
            assert isinstance(field.type, FieldType)
            assert not field.choices or field.type is FieldType.TEXT
            assert not field.non_negative or field.type in (FieldType.DECIMAL, FieldType.RATE, FieldType.INTEGER)


def test_what_identifies_a_person_is_declared_so(connector):
    for entity in connector.entities:
        for field in entity.fields:
            assert field.name not in PERSONAL or field.personal, f"{entity.name}.{field.name} is personal"


def test_its_settings_are_strict_and_keep_secrets_secret(connector):
    assert issubclass(connector.settings, Settings)
    assert connector.settings.model_config["extra"] == "forbid"
    with pytest.raises(ValidationError) as caught:
        connector.settings.model_validate({"colour_of_the_sky": "blue"})
    assert "colour_of_the_sky" in str(caught.value)
    for name, info in connector.settings.model_fields.items():
        if SECRET.search(name):
            assert SecretStr.__name__ in str(info.annotation), f"{name} must be a SecretStr"


def test_it_writes_if_and_only_if_it_says_so(connector):
    assert (connector.writer is not None) == (Capability.WRITES in connector.capabilities)


def test_its_simulator_is_there(connector):
    if connector.simulator is None:
        pytest.skip(f"{connector.name} has no server to simulate")
    module, _, function = connector.simulator.partition(":")
    assert callable(getattr(importlib.import_module(module), function))
