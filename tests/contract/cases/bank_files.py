"""Bank files under the contract suite: a folder with statements as the bank writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from connectors.bank.bank_files.settings import BankFilesSettings
from connectors.bank.bank_files.simulator import BankEntry, write_camt053, write_mt940
from connectors.kit.contract import Settings
from connectors.kit.errors import ConnectorError, FatalError
from tests.contract.case import Keys, Row, World

_ACCOUNT = "DE89370400440532013000"
_DAY = date(2026, 1, 5)


class BankWorld(World):
    """A statement a day; a line is known by the bank's reference, a statement by its number."""

    def __init__(self, folder: Path, settings: BankFilesSettings | None = None) -> None:
        self._folder = folder
        self._keys: Keys = {"bank_statements": set(), "bank_lines": set()}
        self._number = 0
        self.settings = settings or BankFilesSettings(path=str(folder), settle_seconds=0)
        for _ in range(3):
            self._statement(2)

    def known_as(self, entity: str, key: str, row: Row) -> str:
        if entity == "bank_lines":
            return str(row["bank_reference"])
        return str(row["sequence_no"]).partition("/")[0].lstrip("0")

    def keys(self) -> Keys:
        return self._keys

    def add(self) -> set[tuple[str, str]]:
        return self._statement(2)

    def change(self) -> set[tuple[str, str]]:
        return set()

    def add_ties(self, count: int) -> tuple[str, set[str]]:
        return "bank_lines", {key for entity, key in self._statement(count) if entity == "bank_lines"}

    def add_late(self) -> tuple[str, str]:
        return min(self._statement(1, _DAY - timedelta(days=30)))

    def spoil(self) -> Iterable[str]:
        path = self._folder / "spoiled.xml"
        write_camt053(path, _ACCOUNT, "EUR", 900, _DAY, Decimal(0), [BankEntry(Decimal("5.00"), _DAY)])
        whole = path.read_text()
        for name, text in {
            "empty": "",
            "web page": "<!DOCTYPE html><html><body>Please sign in</body></html>",
            "half a file": whole[: len(whole) // 2],
            "document type": whole.replace("<Document", '<!DOCTYPE d [<!ENTITY a "b">]><Document', 1),
            "does not close": whole.replace(">5.00<", ">6.00<", 1),
            "noise": "\x01\x02 no bank ever wrote this",
        }.items():
            path.write_text(text)
            yield name
        path.unlink()

    def unusable(self) -> Iterable[tuple[str, Settings, type[ConnectorError]]]:
        yield "no folder", BankFilesSettings(path=str(self._folder / "none")), FatalError

    def _statement(self, count: int, day: date | None = None) -> set[tuple[str, str]]:
        self._number += 1
        day = day or _DAY + timedelta(days=self._number)
        references = [f"REF{self._number}X{i}" for i in range(count)]
        entries = [BankEntry(Decimal("10.00"), day, bank_reference=ref) for ref in references]
        write = write_mt940 if self._number % 2 else write_camt053
        suffix = "sta" if self._number % 2 else "xml"
        write(self._folder / f"{self._number:03d}.{suffix}", _ACCOUNT, "EUR", self._number, day, Decimal(100), entries)
        self._keys["bank_statements"].add(str(self._number))
        self._keys["bank_lines"].update(references)
        return {("bank_statements", str(self._number)), *(("bank_lines", ref) for ref in references)}


@contextmanager
def CASE(folder: Path) -> Iterator[World]:  # noqa: N802 - the name the suite looks for
    yield BankWorld(folder)
