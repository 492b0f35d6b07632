"""Settings of the file drop: where it is, and how other people's exports are read as ours.

Belongs here: what may be written in ``otc.yaml`` and what is wrong with it. Not here: doing what it says.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from connectors.erp.files.filters import parse_filter
from connectors.kit.contract import Entity, Settings
from connectors.kit.inbox import InboxSettings
from connectors.kit.receivables import RECEIVABLES
from connectors.kit.timezone import Timezone

ENTITIES: Mapping[str, Entity] = {e.name: e for e in RECEIVABLES}


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _codec(value: str) -> str:
    try:
        return codecs.lookup(value).name
    except LookupError:
        raise ValueError(f"{value!r} is not a known encoding; use a name such as utf-8, cp1252 or latin-1") from None


def _as_text(value: Any) -> Any:
    """YAML reads 1 and 1.5 as numbers, yes as a truth value; a cell is text."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) or hasattr(value, "isoformat") else value


def entity_of(reading: str) -> str:
    """Return the entity of a reading: ``documents#credits`` is a further reading of documents."""
    return reading.split("#", 1)[0]


Several = Annotated[tuple[str, ...], BeforeValidator(_several)]
Cell = Annotated[str, BeforeValidator(_as_text)]


class Formats(Settings):
    """How values are written. Dates and timestamps by ``strptime`` patterns, one or several that are tried in order."""

    date: Several = ("%Y-%m-%d",)
    timestamp: Several = ()
    timezone: Timezone | None = None
    decimal: Literal[".", ","] = "."
    thousands: Literal[".", ",", " ", "'"] | None = None
    encoding: Annotated[str, AfterValidator(_codec)] = "utf-8"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    floats: Literal["refuse", "allow"] = "refuse"

    @model_validator(mode="after")
    def _coherent(self) -> Formats:
        if self.thousands == self.decimal:
            raise ValueError(f"thousands and decimal are both {self.decimal!r}; they must differ")
        if self.delimiter in '"\r\n':
            raise ValueError(f"delimiter {self.delimiter!r} cannot separate cells; use one such as ';' or a tab")
        return self


class FilesSettings(InboxSettings):
    """The keys of every inbox (``kit/inbox``): ``path`` is a folder, ``sftp://…`` or ``s3://…``, and the way in.

    The rest is for other people's exports, each by entity: ``files`` names its files (one may serve several entities),
    ``columns`` the header of a column (null: none; several: their cells joined by /), ``constants`` the value of a
    column that a file lacks, ``values`` translates codes, ``sign: absolute`` drops the sign of amounts, ``filters``
    picks rows by the file's own headers. ``documents#credits`` in place of ``documents`` is a further reading of the
    same entity, with a mapping of its own.
    ``settle_seconds``: how long a fresh file without a last line end is watched, on another machine any fresh file.
    ``storage`` goes to fsspec as it is.
    """

    files: dict[str, Several] = Field(default_factory=dict)
    columns: dict[str, dict[str, str | tuple[str, ...] | None]] = Field(default_factory=dict)
    constants: dict[str, dict[str, Cell]] = Field(default_factory=dict)
    values: dict[str, dict[str, dict[Cell, Cell]]] = Field(default_factory=dict)
    sign: dict[str, Literal["absolute"]] = Field(default_factory=dict)
    filters: dict[str, str] = Field(default_factory=dict)
    formats: Formats = Formats()
    storage: dict[str, Any] = Field(default_factory=dict, repr=False)

    @field_validator("files", "columns", "constants", "values", "sign", "filters")
    @classmethod
    def _known_entities(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value:
            _expect(entity_of(name), ENTITIES, "an entity")
        return value

    @field_validator("columns", "constants", "values")
    @classmethod
    def _known_columns(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for reading, columns in value.items():
            entity = entity_of(reading)
            for name in columns:
                _expect(name, [f.name for f in ENTITIES[entity].fields], f"a column of {entity}")
        return value

    @field_validator("filters")
    @classmethod
    def _parsed(cls, value: dict[str, str]) -> dict[str, str]:
        for text in value.values():
            parse_filter(text)
        return value

    @model_validator(mode="after")
    def _further_readings_have_files(self) -> FilesSettings:
        for key in ("columns", "constants", "values", "sign", "filters"):
            for reading in getattr(self, key):
                if "#" in reading and reading not in self.files:
                    raise ValueError(f"{key} has {reading!r}, which files does not name; list its files there")
        return self


def _expect(name: str, allowed: Iterable[str], what: str) -> None:
    if name not in allowed:
        raise ValueError(f"{name!r} is not {what}; there are: {', '.join(allowed)}")
