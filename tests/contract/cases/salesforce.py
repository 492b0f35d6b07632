"""Salesforce under the contract suite: its simulator on loopback."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.crm.salesforce.settings import SalesforceSettings
from connectors.crm.salesforce.simulator import SalesforceSimulator, serve
from connectors.kit.contract import Intent, Settings
from connectors.kit.errors import ConfigError, ConnectorError, RetriableError
from connectors.simulation.faults import Fault
from tests.contract.case import Keys, World

_OBJECTS = {"accounts": "Account", "orders": "Order"}
_QUERY = r"/query(All)?(/|$)"
_COLLECTIONS = r"/composite/sobjects/"


class SalesforceWorld(World):
    """An organisation with a few accounts whose ERP keys are known, and orders of theirs."""

    batch_rows = 50

    def __init__(self, crm: SalesforceSimulator) -> None:
        self._crm = crm
        self._ties = 0
        self.secrets = (crm.client_secret,)
        self._options: dict[str, Any] = {
            "login_url": crm.url,
            "client_id": crm.client_id,
            "client_secret": crm.client_secret,
            "ca_bundle": crm.ca_bundle,
            "allow_private": True,
            "entities": tuple(_OBJECTS),
            "attempts": 2,
            "first_wait_seconds": 0,
            "poll_seconds": 0.01,
        }
        self.settings = SalesforceSettings(**self._options)
        crm.load({"Account": [self._account(f"C-{i}", minutes=30) for i in range(6)]})
        first = str(crm.records("Account")[0]["Id"])
        crm.load({"Order": [{"AccountId": first, "EffectiveDate": "2026-01-05", "Status": "Draft"}]})

    def keys(self) -> Keys:
        return {entity: {str(r["Id"]) for r in self._crm.records(name)} for entity, name in _OBJECTS.items()}

    def add(self) -> set[tuple[str, str]]:
        return {("accounts", key) for key in self._load([self._account("added")])}

    def change(self) -> set[tuple[str, str]]:
        key = self._of("C-1")
        self._crm.edit("Account", key, {"Name": "Cedar Ltd"})
        return {("accounts", key)}

    def add_ties(self, count: int) -> tuple[str, set[str]]:
        self._ties += 1
        return "accounts", self._load([self._account(f"T-{self._ties}-{i}", minutes=5) for i in range(count)])

    def add_late(self) -> tuple[str, str]:
        (key,) = self._load([self._account("late", minutes=33)])
        return "accounts", key

    def delete(self) -> tuple[str, str]:
        key = self._of("C-2")
        self._crm.delete("Account", key)
        return "accounts", key

    def spoil(self) -> Iterable[str]:
        for name, fault in {
            "a web page": Fault("html", path=_QUERY, times=99),
            "half an answer": Fault("truncate", path=_QUERY, times=99),
            "rows left out": Fault("short", path=_QUERY, times=99, rows=2),
            "down": Fault("unavailable", path=_QUERY, times=99),
            "another host": Fault("redirect", path=_QUERY, times=99, url="https://127.0.0.2:9/"),
        }.items():
            self._crm.faults.add(fault)
            yield name
            self._crm.faults.clear()

    def unusable(self) -> Iterable[tuple[str, Settings, type[ConnectorError]]]:
        yield "wrong secret", SalesforceSettings(**{**self._options, "client_secret": "wrong"}), ConfigError
        yield (
            "nobody there",
            SalesforceSettings(**{**self._options, "login_url": "https://127.0.0.1:9"}),
            RetriableError,
        )

    def intents(self) -> tuple[str, list[Intent], list[Intent]]:
        return "account_ar_status", self._intents(1, "100.50"), self._intents(2, "0.00")

    def refuse(self, keys: set[str]) -> None:
        code = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
        self._crm.faults.add(Fault("row_error", path=_COLLECTIONS, keys=frozenset(keys), code=code))

    def lose_answer(self) -> None:
        self._crm.faults.add(Fault("lose_answer", path=_COLLECTIONS, method="PATCH"))

    def writes(self) -> int:
        return len(self._crm.writes())

    def _intents(self, version: int, amount: str) -> list[Intent]:
        fields = {"open_amount": amount, "past_due_amount": "1.25", "oldest_days_late": version, "currency": "USD"}
        return [Intent(f"C-{i}", {**fields, "on_hold": version == 2}, f"{version}-{i}", version) for i in range(6)]

    @staticmethod
    def _account(key: str, minutes: int = 0) -> dict[str, Any]:
        moment = (datetime.now(UTC) - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        return {"Name": f"Company {key}", "OTC_Customer_Key__c": key, "SystemModstamp": moment}

    def _load(self, accounts: list[dict[str, Any]]) -> set[str]:
        before = self.keys()["accounts"]
        stamps = {a["SystemModstamp"] for a in accounts[:1]}
        self._crm.load({"Account": [a | {"SystemModstamp": next(iter(stamps))} for a in accounts]})
        return self.keys()["accounts"] - before

    def _of(self, key: str) -> str:
        return next(str(r["Id"]) for r in self._crm.records("Account") if r["OTC_Customer_Key__c"] == key)


@contextmanager
def CASE(folder: Path) -> Iterator[World]:  # noqa: N802 - the name the suite looks for
    with serve(folder, page_rows=50) as crm:
        yield SalesforceWorld(crm)
