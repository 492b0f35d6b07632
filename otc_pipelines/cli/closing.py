"""The closing facts of a pass as lines for people; programs get them as they are, with ``--format json``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def closing_lines(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (what, sentence) for each thing that a pass is asked about when it ends."""
    yield "rows", f"{facts['rows_in']:,} in, {facts['rows_new']:,} of them new"
    quarantine = facts.get("quarantine") or {}
    yield (
        "quarantine",
        f"{quarantine.get('open', 0)} rows wait; see `otc quarantine`" if quarantine.get("open") else "none",
    )
    for reason, rows in (quarantine.get("reasons") or {}).items():
        yield "", f"{rows} x {reason}"
    tie_out = facts.get("tie_out") or {}
    yield "tie-out", str(tie_out.get("status", "nothing is posted yet"))
    for difference in tie_out.get("differences", ()):
        yield "", difference
    sources = facts.get("sources") or {}
    differing = sources.get("differing") or []
    if differing:
        yield "sources", f"not what they themselves count: {', '.join(differing)}; see `otc tie-out`"
    elif sources.get("tied"):
        yield "sources", f"{sources['tied']} kinds of rows are what their sources count and add up"
    matches = facts.get("matches") or {}
    if matches.get("lines"):
        waiting = matches["proposed"] + matches["exception"]
        yield "match rate", f"{matches['match_rate']} % of {matches['lines']} bank credits; {waiting} wait for a person"
    gates = facts.get("gates") or {}
    failed = [name for name, status in gates.items() if status == "failed"]
    if gates:
        yield "gates", f"failed: {', '.join(failed)}" if failed else f"{len(gates)} passed or only warned"
    for name, said in (facts.get("deliveries") or {}).items():
        yield "delivered", f"{name}: {said}"
