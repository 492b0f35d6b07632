"""``otc.yaml``: what an instance is. Reads, checks, and says in one line what is wrong.

Belongs here: the file's shape, secrets from the environment, paths relative to the file. Not here: what a connector's
own settings mean (the connector declares them).
"""

from __future__ import annotations

import os
import re
import zoneinfo
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

import yaml
from croniter import croniter
from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from connectors.kit.contract import Connector, Settings
from connectors.kit.errors import ConfigError
from connectors.kit.money import exponent
from connectors.kit.notifying import Channel
from connectors.kit.timezone import Timezone
from connectors.registry import channel, channels, connector

MOST_DAYS = 3660
"""Days that a window of measures may have."""
ALARM_RATES = ("0.05", "0.01")
"""Of customers who pay as ever, the share that the change flag may be raised for all the same."""
INDUSTRY = r"^[a-z0-9][a-z0-9 &/,.-]*$"
"""How reference values and legal entities spell an industry."""
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_NAME = r"^[a-z][a-z0-9_]*$"
_SPAN = re.compile(r"(?P<count>[1-9][0-9]{0,4})(?P<unit>[mhd])")
_LATER = ("sources", "alerts")  # whose variables are replaced where they are used: a source or a channel at a time
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_SERVER = re.compile(r"^postgres(ql)?(\+psycopg2)?://")
_PASSWORD = re.compile(r"^[a-z0-9+]+://[^/@]*:(?P<password>[^@]*)@")


def _currency(value: str) -> str:
    exponent(value)
    return value


def _cron(value: str) -> str:
    fields = len(value.split())
    if (fields != 5 and not (fields == 1 and value.startswith("@"))) or not croniter.is_valid(value):
        raise ValueError(f"{value!r} is not a cron expression; write five fields, such as 0 6-20 * * 1-5")
    return value


CurrencyCode = Annotated[str, AfterValidator(_currency)]
Cron = Annotated[str, AfterValidator(_cron)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Company(_Model):
    """Whose books these are."""

    name: str
    base_currency: CurrencyCode
    timezone: Timezone = "UTC"

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The time zone that tells which day of the books a moment is on."""
        return zoneinfo.ZoneInfo(self.timezone)

    def today(self) -> date:
        """The day that the books are on now."""
        return datetime.now(self.zone).date()


class LegalEntity(_Model):
    """A legal entity's own base currency and receivables control account; what is not given is the company's.

    ``industry``, ``region``: of the reference values that its measures are compared with.
    """

    base_currency: CurrencyCode | None = None
    ar_account: str | None = None
    industry: Annotated[str, Field(pattern=INDUSTRY)] | None = None
    region: Annotated[str, Field(min_length=1)] | None = None


class BankAccount(_Model):
    """Whose bank account it is, and the ledger account behind it."""

    legal_entity: str
    gl_account: str | None = None


class Aging(_Model):
    """Bucket edges in days, ascending, and the date that they count from; how far back days and month-ends are kept."""

    edges: tuple[int, ...] = (30, 60, 90)
    by: Literal["due_date", "document_date"] = "due_date"
    snapshot_days: int = Field(default=90, ge=0, le=3660)
    snapshot_months: int = Field(default=120, ge=0, le=1200)

    @model_validator(mode="after")
    def _ascending(self) -> Aging:
        if not self.edges or list(self.edges) != sorted(set(self.edges)) or self.edges[0] < 1:
            raise ValueError(f"edges {list(self.edges)} must be whole days above 0, ascending, such as [30, 60, 90]")
        return self


class Revaluation(_Model):
    """Open foreign amounts at closing rates: which type of rate, and for how many month-ends back."""

    rate_type: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _-]*$")] | None = None
    months: int = Field(default=24, ge=1, le=600)


class Measures(_Model):
    """How payments are judged; a file of reference values that measures are compared with, instead of those shipped."""

    behaviour_days: int = Field(default=90, ge=1, le=MOST_DAYS)
    alarm_rate: Decimal = Decimal("0.01")
    reference_values: Path | None = None

    @field_validator("alarm_rate")
    @classmethod
    def _one_of_two(cls, value: Decimal) -> Decimal:
        if value not in map(Decimal, ALARM_RATES):
            raise ValueError(f"it must be {' or '.join(ALARM_RATES)}")
        return value

    @property
    def alarm_rate_text(self) -> str:
        """The rate as the macros take it."""
        return f"{self.alarm_rate:.2f}"


class Source(BaseModel):
    """A system to read from: its name here, its connector, and that connector's own settings."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = Field(pattern=_NAME)
    connector: str
    expect_every: str | None = None

    @field_validator("expect_every")
    @classmethod
    def _span(cls, value: str | None) -> str | None:
        if value is not None and not _SPAN.fullmatch(value):
            raise ValueError("it must be minutes, hours or days, such as 90m, 26h or 3d")
        return value

    @property
    def options(self) -> dict[str, Any]:
        """The connector's own keys, as written in the file."""
        return dict(self.model_extra or {})

    @property
    def longest_silence(self) -> timedelta | None:
        """How long it may bring nothing new; None where nobody waits for it."""
        span = _SPAN.fullmatch(self.expect_every or "")
        return timedelta(**{_UNITS[span["unit"]]: int(span["count"])}) if span else None


class Limits(_Model):
    """What a delivery may change at most before a person must approve it."""

    max_changes: int = Field(default=5000, ge=0)
    max_share: float = Field(default=1.0, ge=0, le=1)
    max_amount: str | None = None


class Target(_Model):
    """A system to write to: a source that can be written, the objects, and whether it is meant."""

    name: str = Field(pattern=_NAME)
    source: str
    objects: tuple[str, ...] = Field(min_length=1)
    mode: Literal["dry_run", "deliver"] = "dry_run"
    limits: Limits = Limits()
    on_conflict: Literal["overwrite", "keep", "hold"] = "overwrite"


class Alerts(BaseModel):
    """Where alerts go: always to the log; to a file of JSON lines and through channels too, where they are named."""

    model_config = ConfigDict(extra="allow", frozen=True)

    file: str | None = None

    @model_validator(mode="after")
    def _known(self) -> Alerts:
        for name, stated in self.options.items():
            if name not in channels():
                allowed = ", ".join(["file", *channels()])
                raise ValueError(f"{name} is not a known key; allowed here: {allowed}")
            if not isinstance(stated, dict):
                raise ValueError(f"{name} must be a mapping of its settings; see docs/configure.md")
        return self

    @property
    def options(self) -> dict[str, Any]:
        """The settings of each channel that is named, as written in the file."""
        return dict(self.model_extra or {})


class Schedules(_Model):
    """When jobs start, in the company's time zone, once somebody has turned their schedules on."""

    pull: Cron = "0 * * * *"
    delivery: Cron = "30 * * * *"
    close_of_day: Cron = "55 23 * * *"


class Instance(_Model):
    """One ``otc.yaml``, checked."""

    company: Company
    data_dir: Path = Path("./data")
    warehouse: str = Field(default="duckdb", repr=False)
    legal_entities: dict[str, LegalEntity] = {}
    bank_accounts: dict[str, BankAccount] = {}
    aging: Aging = Aging()
    revaluation: Revaluation = Revaluation()
    measures: Measures = Measures()
    sources: tuple[Source, ...] = ()
    targets: tuple[Target, ...] = ()
    alerts: Alerts = Alerts()
    schedules: Schedules = Schedules()
    hold_after_days: int = Field(default=90, ge=0)
    path: Path

    @model_validator(mode="after")
    def _coherent(self) -> Instance:
        names = [s.name for s in self.sources]
        for kind, listed in (("source", names), ("target", [t.name for t in self.targets])):
            for name in listed:
                if listed.count(name) > 1:
                    raise ValueError(f"two {kind}s are named {name!r}; give each its own name")
        for target in self.targets:
            if target.source not in names:
                raise ValueError(f"targets: {target.name}: source {target.source!r} is not one of: {', '.join(names)}")
        if self.warehouse != "duckdb" and not _SERVER.match(self.warehouse):
            scheme = self.warehouse.partition(":")[0]
            raise ValueError(f"warehouse {scheme!r} is not supported; use duckdb, or a URL: postgresql://…")
        return self

    def source(self, name: str) -> Source:
        """Return the configured source of that name."""
        for s in self.sources:
            if s.name == name:
                return s
        raise ConfigError(
            f"source {name!r} is not in {self.path.name}; there are: {', '.join(s.name for s in self.sources)}"
        )

    def base_currency(self, legal_entity: str) -> str:
        """Base currency of a legal entity: its own, else the company's."""
        own = self.legal_entities.get(legal_entity)
        return (own.base_currency if own else None) or self.company.base_currency

    def industries(self) -> list[dict[str, str | None]]:
        """The legal entities that have an industry, with it and the region that they are compared with."""
        found = [(name, own) for name, own in sorted(self.legal_entities.items()) if own.industry]
        return [{"legal_entity": name, "industry": own.industry, "region": own.region} for name, own in found]

    def connector_of(self, source: Source) -> Connector:
        """Return the declaration of the connector that a source uses."""
        return connector(source.connector)

    def settings_of(self, source: Source) -> Settings:
        """Return a source's typed settings: variables replaced, paths made absolute. ConfigError names the key."""
        return self._typed(connector(source.connector).settings, source.options, f"sources: {source.name}")

    def channels(self) -> list[tuple[Channel, Settings]]:
        """Return the channels that alerts go through, each with its typed settings. ConfigError names the key."""
        return [(channel(name), self.settings_of_channel(name)) for name in self.alerts.options]

    def settings_of_channel(self, name: str) -> Settings:
        """Return the typed settings of one channel that is named under ``alerts``. ConfigError names the key."""
        return self._typed(channel(name).settings, self.alerts.options[name], f"alerts: {name}")

    def _typed(self, declared: type[Settings], raw: dict[str, Any], where: str) -> Settings:
        place = f"{self.path.name}: {where}"
        for key, info in declared.model_fields.items():
            literal = raw.get(info.alias or key)
            if literal is None or "SecretStr" not in str(info.annotation):
                continue
            if not isinstance(literal, str) or not _VARIABLE.fullmatch(literal):
                raise ConfigError(
                    f"{place}: {key} is a secret and is written out; put it in the environment and write ${{NAME}}"
                )
        values = {k: _absolute(k, v, self.path.parent) for k, v in _substituted(raw, place).items()}
        try:
            return declared.model_validate(values)
        except ValidationError as problem:
            raise ConfigError(f"{place}: {_one_line(problem, declared)}") from None


def load(path: str | Path | None = None) -> Instance:
    """Read and check an instance's file: ``path``, else ``$OTC_CONFIG``, else ``./otc.yaml``.

    A file named ``.env`` beside it gives variables that the environment does not. ConfigError is one line that names
    the key, the value and what is allowed.
    """
    file = Path(path or os.environ.get("OTC_CONFIG") or "otc.yaml").absolute()
    try:
        text = file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigError(f"{file} is not there; write one with `otc init`, or name it with --config") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{file} cannot be read: {problem}") from None
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as problem:
        raise ConfigError(f"{file.name} is not YAML: {problem}") from None
    if not isinstance(document, dict):
        raise ConfigError(f"{file.name} must be a mapping with the keys company, sources, …; see `otc init`")
    if "path" in document:
        raise ConfigError(f"{file.name}: path is not a key; allowed: {_allowed(Instance)}")
    for name, value in dotenv_values(file.parent / ".env").items():
        if value is not None:
            os.environ.setdefault(name, value)
    alerts = document.get("alerts")
    if isinstance(alerts, dict) and "file" in alerts:
        document["alerts"] = {**alerts, "file": _substituted(alerts["file"], file.name)}
    plain = {k: v if k in _LATER else _substituted({k: v}, file.name)[k] for k, v in document.items()}
    if isinstance(document.get("warehouse"), str):
        plain["warehouse"] = _warehouse(document["warehouse"], file.name)
    try:
        instance = Instance.model_validate({**plain, "path": file})
    except ValidationError as problem:
        raise ConfigError(f"{file.name}: {_one_line(problem, Instance)}") from None
    found: dict[str, Any] = {"data_dir": (file.parent / instance.data_dir).resolve()}
    if instance.measures.reference_values is not None:
        own = (file.parent / instance.measures.reference_values).resolve()
        found["measures"] = instance.measures.model_copy(update={"reference_values": own})
    return instance.model_copy(update=found)


def _warehouse(written: str, place: str) -> str:
    """The warehouse with its variables replaced; what stands inside a URL may hold any character."""
    found = _PASSWORD.match(written)
    if found and found["password"] and not _VARIABLE.fullmatch(found["password"]):
        raise ConfigError(
            f"{place}: warehouse: the password is a secret and is written out; "
            "put it in the environment and write ${NAME} in its place"
        )
    if _VARIABLE.fullmatch(written):
        return str(_substituted(written, place))
    return _VARIABLE.sub(lambda m: quote(str(_substituted(m.group(0), place)), safe=""), written)


def _substituted(value: Any, place: str) -> Any:
    if isinstance(value, dict):
        return {k: _substituted(v, place) for k, v in value.items()}
    if isinstance(value, list):
        return [_substituted(v, place) for v in value]
    if not isinstance(value, str):
        return value

    def one(match: re.Match[str]) -> str:
        found = os.environ.get(match.group(1))
        if found is None:
            raise ConfigError(
                f"{place}: variable {match.group(1)} is not set; export it or put it in .env beside the file"
            )
        return found

    return _VARIABLE.sub(one, value)


def _absolute(key: str, value: Any, base: Path) -> Any:
    is_path = key in ("path", "ca_bundle") or key.endswith("_path")
    if is_path and isinstance(value, str) and "://" not in value:
        return str((base / value).resolve())
    return value


def _allowed(model: type[BaseModel]) -> str:
    return ", ".join(f.alias or k for k, f in model.model_fields.items() if k != "path" or model is not Instance)


def _one_line(problem: ValidationError, model: type[BaseModel]) -> str:
    error = problem.errors()[0]
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{place} is not a known key; allowed here: {_allowed(_at(model, error['loc'][:-1]))}"
    if error["type"] == "missing":
        return f"{place} is missing; add it"
    value = error.get("input")
    shown = "" if isinstance(value, dict | list | SecretStr | BaseModel) or value is None else f" (got {value!r})"
    message = error["msg"].removeprefix("Value error, ")
    return f"{place}: {message}{shown}" if place else message


def _at(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel]:
    for part in location:
        info = model.model_fields.get(str(part))
        if info is None:
            continue
        for candidate in (info.annotation, *getattr(info.annotation, "__args__", ())):
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                model = candidate
    return model
