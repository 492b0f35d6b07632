"""The file drop under the contract suite: a folder on disk."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors.erp.files.settings import FilesSettings
from connectors.kit.contract import Settings
from connectors.kit.errors import ConfigError, ConnectorError, FatalError
from tests.contract.case import Keys, World

_TIME = "2026-01-05T10:00:00Z"


class FilesWorld(World):
    """Files appear and never change: what is added, changed or late is a row of a new file."""

    secrets = ("drop-password",)

    def __init__(self, folder: Path, settings: FilesSettings | None = None) -> None:
        self._folder = folder
        self._keys: Keys = {}
        self._files = 0
        self.settings = settings or FilesSettings(path=str(folder), settle_seconds=0, storage={"auto_mkdir": False})
        self._write([{"party_id": f"P{i}", "name": "Alder", "recorded_at": _TIME} for i in range(3)])
        self._write([{"party_id": "P1", "iban_or_account": "DE89370400440532013000"}], "party_bank_accounts")

    def keys(self) -> Keys:
        return self._keys

    def add(self) -> set[tuple[str, str]]:
        self._write([{"party_id": "added", "name": "Birch", "recorded_at": _TIME}])
        return {("parties", "added")}

    def change(self) -> set[tuple[str, str]]:
        self._write([{"party_id": "P1", "name": "Cedar", "recorded_at": "2026-01-06T10:00:00Z"}])
        return {("parties", "P1")}

    def add_ties(self, count: int) -> tuple[str, set[str]]:
        keys = [f"tie {self._files} {i}" for i in range(count)]
        self._write([{"party_id": key, "name": "Tie", "recorded_at": _TIME} for key in keys])
        return "parties", set(keys)

    def add_late(self) -> tuple[str, str]:
        self._write([{"party_id": "late", "name": "Late", "recorded_at": "2025-12-31T10:00:00Z"}])
        return "parties", "late"

    def spoil(self) -> Iterable[str]:
        spoiled = self._folder / "documents_spoiled.csv"
        whole = b"document_id,amount\nA1,1.00\n"
        for name, content in {
            "empty": b"",
            "no header": b"A1,1.00\n",
            "not text": "document_id,amount\nA1,1.00\n".encode("utf-16"),
            "binary": bytes(range(256)),
            "ragged": whole + b"A2,1.00,extra\n",
            "half a row": whole + b"A2",
            "open quote": whole + b'"A2,1.00\n',
        }.items():
            spoiled.write_bytes(content)
            yield name
        spoiled.unlink()

    def unusable(self) -> Iterable[tuple[str, Settings, type[ConnectorError]]]:
        secret = {"password": self.secrets[0]}
        yield "no folder", FilesSettings(path=str(self._folder / "none"), storage=secret), FatalError
        yield "no such storage", FilesSettings(path="gopher://host/drop", storage=secret), ConfigError

    def _write(self, rows: list[dict[str, str]], entity: str = "parties") -> None:
        self._files += 1
        with (self._folder / f"{entity}_{self._files}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        key = ("party_id", "iban_or_account") if entity == "party_bank_accounts" else ("party_id",)
        self._keys.setdefault(entity, set()).update("|".join(row[k] for k in key) for row in rows)


@contextmanager
def CASE(folder: Path) -> Iterator[World]:  # noqa: N802 - the name the suite looks for
    yield FilesWorld(folder)
