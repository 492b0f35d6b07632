"""Writes the first version of a connector: its folder, its staging twin, its contract case.

What it writes runs: a small REST client, a source with cursors, a simulator of that wire. The contract case is red
until the developer says how the vendor's world changes; then the vendor's own wire replaces the first one, and the
suite says whether it still holds. Belongs here: which files there are. Not here: their text (``templates``).
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from connectors.kit.banking import BANK_LINES, BANK_STATEMENTS
from connectors.kit.contract import Entity, Field, FieldType, Role
from connectors.kit.errors import ConfigError
from connectors.kit.receivables import DOCUMENTS, PARTIES

_NAME = re.compile(r"^[a-z][a-z0-9_]*$")
_IMPORTS = re.compile(r"(?:^from (?:connectors|tests)\..*\n)+", re.MULTILINE)
_TEMPLATES = Path(__file__).parent / "templates"
_ROLE_DOCS = {
    Role.ERP: "Enterprise resource planning systems: what is owed, billed and posted.",
    Role.CRM: "Customer relationship systems: who the customer is, and where status is written back.",
    Role.BANK: "Banks: what was really paid.",
    Role.PAYMENTS: "Payment providers: what was charged, paid out and charged back.",
    Role.MESSAGING: "Messaging systems: what was said to customers, and when.",
}


@dataclass(frozen=True)
class _Start:
    """What a connector of a role begins with: entities of the house's vocabulary, or its own where there is none.

    ``module`` and ``constants``: where the vocabulary is. ``prefix``: of the entity in the staging vocabulary;
    None: staging has no words for it yet, so that the columns are written out.
    """

    entities: tuple[Entity, ...]
    module: str = ""
    constants: tuple[str, ...] = ()
    prefix: str | None = ""


_STARTS = {
    Role.ERP: _Start((PARTIES, DOCUMENTS), "connectors.kit.receivables", ("PARTIES", "DOCUMENTS")),
    Role.BANK: _Start((BANK_STATEMENTS, BANK_LINES), "connectors.kit.banking", ("BANK_STATEMENTS", "BANK_LINES")),
    Role.CRM: _Start(
        (
            Entity(
                "accounts",
                ("account_id",),
                (
                    Field("account_id", required=True, description="The vendor's own key of the account."),
                    Field("customer_key", description="The ERP's key of the customer, where it is known."),
                    Field("account_number", description="Number of the account."),
                    Field("name", personal=True, description="Name."),
                    Field("parent_account_id", description="Account that this one belongs to."),
                    Field("type", description="Kind, as the CRM says it."),
                    Field("industry", description="Industry."),
                    Field("phone", personal=True, description="Telephone number."),
                    Field("website", personal=True, description="Web site."),
                    Field("billing_street", personal=True, description="Street billed to."),
                    Field("billing_city", personal=True, description="City billed to."),
                    Field("billing_postal_code", personal=True, description="Postal code billed to."),
                    Field("billing_country", description="Country billed to."),
                    Field("currency", FieldType.CURRENCY, description="Currency of the account."),
                    Field("owner_id", description="User who owns it."),
                    Field("created_at", FieldType.TIMESTAMP, description="When it was made."),
                ),
                "Companies that are sold to.",
            ),
        ),
        prefix="crm_",
    ),
    Role.PAYMENTS: _Start(
        (
            Entity(
                "payments",
                ("payment_id",),
                (
                    Field("payment_id", required=True, description="The provider's own key of the payment."),
                    Field("amount", FieldType.DECIMAL, required=True, description="What was paid, in its currency."),
                    Field("currency", FieldType.CURRENCY, required=True, description="ISO 4217 code."),
                    Field("paid_on", FieldType.DATE, description="Day it was paid."),
                    Field("reference", description="What the payer said it is for."),
                    Field("status", description="As the provider says it."),
                ),
                "Payments that a provider took.",
            ),
        ),
        prefix=None,
    ),
    Role.MESSAGING: _Start(
        (
            Entity(
                "messages",
                ("message_id",),
                (
                    Field("message_id", required=True, description="The system's own key of the message."),
                    Field("party_id", description="Customer that it went to."),
                    Field("sent_at", FieldType.TIMESTAMP, description="When it was sent."),
                    Field("status", description="As the system says it."),
                ),
                "Messages to customers.",
            ),
        ),
        prefix=None,
    ),
}


def scaffold(role: str, name: str, root: Path) -> list[Path]:
    """Write a new connector into a checkout and return the files written. ConfigError names what is in the way."""
    chosen = _role(role)
    if not _NAME.match(name) or keyword.iskeyword(name):
        raise ConfigError(
            f"name {name!r} cannot be a connector's; use lower case letters, digits and _, such as acme_erp"
        )
    if not (root / "connectors" / "registry.py").is_file():
        raise ConfigError(f"{root.resolve()} is no checkout of the project: connectors/registry.py is not there")
    taken = [other for other in Role if (root / "connectors" / other.value / name).is_dir()]
    if taken:
        raise ConfigError(f"connectors/{taken[0].value}/{name} is there already; choose another name")
    planned = dict(_files(chosen, name))
    init = root / "connectors" / chosen.value / "__init__.py"
    if not init.exists():
        planned[init.relative_to(root)] = f'"""{_ROLE_DOCS[chosen]}"""\n'
    there = [path for path in planned if (root / path).exists()]
    if there:
        raise ConfigError(f"{there[0]} is there already; remove it or choose another name")
    for path, text in planned.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return [root / path for path in planned]


def _role(role: str) -> Role:
    try:
        return Role(role)
    except ValueError:
        raise ConfigError(f"role {role!r} is not one of: {', '.join(Role)}") from None


def _files(role: Role, name: str) -> Iterator[tuple[Path, str]]:
    start = _STARTS[role]
    words = {
        "role": role.value,
        "name": name,
        "title": name.replace("_", " ").title(),
        "camel": name.title().replace("_", ""),
        "start": start,
        "entities": start.entities,
        "typed": any(f.type is not FieldType.TEXT for e in start.entities for f in e.columns),
    }
    folder = Path("connectors") / role.value / name
    for part in ("__init__", "entities", "settings", "client", "source", "connector", "simulator"):
        yield folder / f"{part}.py", _text(f"{part}.py.jinja", **words)
    yield folder / "README.md", _text("README.md.jinja", **words)
    yield Path("tests/contract/cases") / f"{name}.py", _text("case.py.jinja", **words)
    staging = Path("dbt_project/models/staging") / name
    yield staging / f"_{name}__sources.yml", _text("sources.yml.jinja", **words)
    for entity in start.entities:
        for personal in (False, True) if entity.personal else (False,):
            suffix = "__personal" if personal else ""
            model = f"stg_{name}__{start.prefix or ''}{entity.name}{suffix}"
            more = {"entity": entity, "personal": personal, "suffix": suffix, "model": model}
            yield staging / f"{model}.sql", _text("staging.sql.jinja", **words, **more)
            yield staging / f"{model}.yml", _text("staging.yml.jinja", **words, **more)


def _text(template: str, **words: Any) -> str:
    environment = Environment(  # noqa: S701 - the product is code, not HTML
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
    )
    text = environment.get_template(template).render(**words)
    return _IMPORTS.sub(lambda block: "".join(sorted(block[0].splitlines(keepends=True))), text)
