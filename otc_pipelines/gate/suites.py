"""Suites as data: reading ``expectations/`` and refusing what is not well-formed before anything runs.

Belongs here: files into suites. Not here: Great Expectations, SQL.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from string import Template
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connectors.kit.errors import ConfigError
from otc_pipelines.gate.model import Severity

_IN_TREE = Path(__file__).resolve().parents[2] / "expectations"
_TABLE = re.compile(r"^[a-z][a-z0-9_]*$")
UNEXPECTED_ROWS = "unexpected_rows_expectation"
"""What Great Expectations calls the check that a query finds no row."""


class GateError(ConfigError):
    """A suite or gate.yml that is not well-formed: the file, the key, what is allowed."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Note(_Model):
    """A count, and what is said when it is not 0; ``{n}`` is the count, ``{names}`` what the query ``names`` lists."""

    count: str
    say: str
    names: str | None = None


class _Gate(_Model):
    table_schema: Annotated[Literal["marts", "outbound"], Field(alias="schema")]
    severity: Severity
    owner: str = Field(pattern=r"^team:[a-z-]+$")
    guards: Literal["all"] | tuple[str, ...]
    notes: tuple[Note, ...] = ()


class Expectation(_Model):
    """One check as Great Expectations names it, its arguments, and what it says to people."""

    type: str = Field(pattern=rf"^(expect_[a-z_]+|{UNEXPECTED_ROWS})$")
    kwargs: dict[str, Any]
    description: str = Field(min_length=10)


class _Expectations(_Model):
    name: str
    expectations: tuple[Expectation, ...] = Field(min_length=1)


class _Gates(_Model):
    suites: dict[str, _Gate]


@dataclass(frozen=True)
class Suite:
    """The expectations of one table, and what they guard."""

    table: str
    schema: str
    severity: Severity
    owner: str
    guards: frozenset[str] | None
    notes: tuple[Note, ...]
    expectations: tuple[Expectation, ...]

    def guarding(self, table: str) -> bool:
        """True if it guards the rows of that outbound table."""
        return self.guards is None or table in self.guards

    @property
    def outbound(self) -> bool:
        """True if it is about rows that leave, and so runs for each batch."""
        return self.schema == "outbound"

    def configured(self, values: Mapping[str, str], built: Callable[[str], str] = str) -> list[dict[str, Any]]:
        """Expectations as Great Expectations reads them, ``$name`` replaced.

        ``built`` says where the marts of a query are, as they were built last.
        """
        found = []
        for e in self.expectations:
            kwargs = dict(e.kwargs)
            if e.type == UNEXPECTED_ROWS:
                query = Template(str(kwargs["unexpected_rows_query"])).substitute(values)
                kwargs["unexpected_rows_query"] = built(query)
            found.append({"type": e.type, "kwargs": kwargs, "description": e.description})
        return found


def expectations_dir() -> Path:
    """Where the suites are: beside the package in a checkout, inside it in an installed wheel."""
    packaged = files("otc_pipelines") / "_data" / "expectations"
    if packaged.is_dir():
        with as_file(packaged) as folder:
            return Path(folder)
    return _IN_TREE


def load_suites(folder: Path | None = None) -> tuple[Suite, ...]:
    """Read gate.yml and every suite. GateError if a file is missing, unknown, or not well-formed."""
    folder = folder or expectations_dir()
    gates = _checked(_Gates, folder / "gate.yml", _yaml(folder / "gate.yml"))
    present = {f.stem for f in folder.glob("*.json")}
    for name in sorted(present ^ set(gates.suites)):
        where = "gate.yml" if name in present else f"{name}.json"
        raise GateError(f"expectations: suite {name} is not in {where}; a suite needs both")
    suites = []
    for name, gate in gates.suites.items():
        file = folder / f"{name}.json"
        read = _checked(_Expectations, file, _json(file))
        if read.name != name or not _TABLE.match(name):
            raise GateError(f"expectations: {file.name} names its suite {read.name!r}; it must be {name!r}")
        guards = None if gate.guards == "all" else frozenset(gate.guards)
        suites.append(Suite(name, gate.table_schema, gate.severity, gate.owner, guards, gate.notes, read.expectations))
    return tuple(suites)


def _yaml(file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise GateError(f"expectations: {file.name} cannot be read: {problem}") from None


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError) as problem:
        raise GateError(f"expectations: {file.name} cannot be read: {problem}") from None


def _checked(model: type[Any], file: Path, document: Any) -> Any:
    try:
        return model.model_validate(document)
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise GateError(f"expectations: {file.name}: {place}: {first['msg']}") from None
