"""Writes what the company's banks saw as statement files: camt.053 for the German accounts, MT940 for the others.

For the demo's world and for tests only. Belongs here: which line goes into which statement, and the chain of balances.
Not here: the formats' writers (``simulator``), what the lines are (the world).
"""

from __future__ import annotations

import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from connectors.bank.bank_files.simulator import BankEntry, write_camt053, write_mt940
from connectors.simulation.world.company import BANK_ACCOUNTS
from connectors.simulation.world.model import BankAccount, BankLine
from connectors.simulation.world.world import World

_WRITERS = {"camt.053": (write_camt053, "xml"), "mt940": (write_mt940, "sta")}
_DAILY = 14  #: the last days come as a file a day, what is older as a file a week


@dataclass(frozen=True)
class Statements:
    """What was written: the files, how many statements and lines are in order, and what holds the one that is not."""

    files: tuple[Path, ...]
    statements: int
    lines: int
    broken: Path | None
    resent: Path | None


@dataclass(frozen=True)
class _Statement:
    account: BankAccount
    number: int
    day: date
    opening: Decimal
    lines: tuple[BankLine, ...]


def project_bank(world: World, folder: Path, since: World | None = None) -> Statements:
    """Write a statement for each account and day with movements; with ``since``, only days after that view of it.

    A file holds all statements of one bank and day, or week. The first time, one of them was first sent with an entry
    missing, so that it does not close, and is sent again in a file of its own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    bundles: defaultdict[tuple[str, str], list[_Statement]] = defaultdict(list)
    for statement in _statements(world):
        if since is None or statement.day > since.as_of:
            bundles[statement.account.format, _period(world, statement.day)].append(statement)
    files: list[Path] = []
    broken = resent = None
    for (form, period), statements in sorted(bundles.items()):
        ending = _WRITERS[form][1]
        path = folder / f"{statements[0].account.bic[:4].lower()}_{period}.{ending}"
        texts = [_text(statement) for statement in statements]
        if since is None and broken is None and form == "camt.053" and len(statements[0].lines) > 2:
            broken, resent = path, path.with_name(f"{path.stem}_resent.{ending}")
            _save(resent, texts[0])
            texts[0] = re.sub(r"<Ntry>.*?</Ntry>\n", "", texts[0], count=1, flags=re.DOTALL)
            files.append(resent)
        _save(path, _bundled(texts) if form == "camt.053" else "".join(texts))
        files.append(path)
    written = [s for bundle in bundles.values() for s in bundle]
    return Statements(tuple(files), len(written), sum(len(s.lines) for s in written), broken, resent)


def _statements(world: World) -> Iterator[_Statement]:
    """Every statement of every account, each taking up the balance of the one before."""
    for account in BANK_ACCOUNTS:
        by_day: defaultdict[date, list[BankLine]] = defaultdict(list)
        for line in world.bank_lines:
            if line.account == account.account:
                by_day[line.booking_date].append(line)
        balance = dict(world.history.bank_opening)[account.account]
        for number, (day, lines) in enumerate(sorted(by_day.items()), 1):
            yield _Statement(account, number, day, balance, tuple(lines))
            balance += sum(line.amount for line in lines)


def _period(world: World, day: date) -> str:
    """Name of the file of a day: the day itself, or the last day of its week when that is long ago."""
    sunday = day + timedelta(days=6 - day.weekday())
    return f"{day}" if sunday > world.closings[0] - timedelta(days=_DAILY) else f"{sunday}_week"


def _text(statement: _Statement) -> str:
    """Return one statement as its bank writes it."""
    write, ending = _WRITERS[statement.account.format]
    account, entries = statement.account, [_entry(line) for line in statement.lines]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"statement.{ending}"
        write(path, account.account, account.currency, statement.number, statement.day, statement.opening, entries)
        return path.read_bytes().decode()


def _bundled(texts: Sequence[str]) -> str:
    """Put the statements of several camt.053 messages into the first one."""
    before, _, _ = texts[0].partition("<Stmt>")
    found = [re.findall(r"<Stmt>.*</Stmt>", text, flags=re.DOTALL)[0] for text in texts]
    after = texts[0].rpartition("</Stmt>")[2]
    return before + "\n".join(found) + after


def _save(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_bytes(text.encode())
    unfinished.replace(path)


def _entry(line: BankLine) -> BankEntry:
    return BankEntry(
        amount=line.amount,
        value_date=line.value_date,
        booking_date=line.booking_date,
        bank_reference=line.bank_reference,
        end_to_end_id=line.end_to_end_id or "",
        counterparty_name=line.counterparty_name or "",
        counterparty_account=line.counterparty_account or "",
        remittance_text=line.remittance,
        structured_reference=line.structured_reference or "",
        return_reason=line.return_reason or "",
        original_reference=line.original_reference or "",
    )
