"""From what is known at each moment to rows that add up: the mixed difference over recording and loading times.

The rows at (k, l) are F(k, l) - F(before k, l) - F(k, before l) + F(before k, before l), F being the sheet of what was
recorded by k and loaded by l. Their sum over recorded_at <= K and loaded_at <= L is F(K, L), and a later load adds rows
without touching any.

Belongs here: that arithmetic. Not here: F.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from otc_pipelines.posting.sheet import Line, Lines, Sheet
from otc_pipelines.posting.versions import Known


class Delta(NamedTuple):
    """What one line gains at one point of both clocks."""

    recorded_at: datetime
    loaded_at: datetime
    line: Line
    amount: int
    base: int


def deltas(
    sheet_at: Callable[[Known], Sheet],
    recorded: Iterable[datetime],
    loaded: Iterable[datetime],
    since: datetime | None,
) -> Iterator[Delta]:
    """Yield the rows of all loads after ``since``. The sheet of everything known is always asked for, as the last."""
    times, loads = sorted(set(recorded)), sorted(set(loaded))
    posted = [at for at in loads if since is not None and at <= since]
    due = loads[len(posted) :]
    if not due:
        sheet_at(Known(times[-1], loads[-1]))
        return
    before = [sheet_at(Known(k, posted[-1])).lines for k in times] if posted else None
    for at in due:
        now: list[Lines] = []
        for i, k in enumerate(times):
            now.append(sheet_at(Known(k, at)).lines)
            gained: Lines = now[i] if i == 0 else _less(now[i], now[i - 1])
            if i and at == due[-1]:
                now[i - 1] = {}  # nothing asks for it any more
            if before is not None:
                gained = _less(gained, before[i] if i == 0 else _less(before[i], before[i - 1]))
            for line, (amount, base) in gained.items():
                if amount or base:
                    yield Delta(k, at, line, amount, base)
        before = now


def _less(one: Lines, other: Lines) -> Lines:
    if one is other:
        return {}
    rest = {line: value for line, value in one.items() if other.get(line) != value}
    for line, (amount, base) in other.items():
        mine = one.get(line)
        if mine is None:
            rest[line] = (-amount, -base)
        elif line in rest:
            rest[line] = (mine[0] - amount, mine[1] - base)
    return rest
