"""An explanation for people: the figures, then each movement with what it rests on beneath it.

Belongs here: the layout of the rows that programs get too. Not here: what belongs to an explanation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from otc_pipelines.cli.output import console

_MANY = 400
_ITEM = ("legal_entity", "currency", "item_type", "item_id", "installment_no", "due_date")
Row = Mapping[str, Any]


def show(rows: Sequence[Row], facts: Mapping[str, Any]) -> None:
    """Print an explanation."""
    _head(facts)
    beneath: defaultdict[int | None, list[Row]] = defaultdict(list)
    for row in rows:
        beneath[row["of"]].append(row)
    moved = [r for r in beneath[None] if r["kind"] in ("movement", "later")]
    others = [r for r in beneath[None] if r["kind"] not in ("movement", "later")]
    _delivered([r for r in others if r["kind"] == "delivery"], beneath)
    _beside([r for r in others if r["kind"] in ("source", "decision", "quarantine")], beneath)
    if moved:
        console.print(_movements(moved, beneath))
    elif not others:
        console.print(Text("no movements"))
    verdicts = [r for r in others if r["kind"] == "verdict"]
    if verdicts:
        said = ", ".join(f"{r['key']} {r['status']} ({r['reason']})" for r in verdicts)
        console.print(Text(f"gates at {_time(verdicts[0]['decided_at'])}: {said}", style="dim"))
    if facts.get("settled_items_left_out"):
        left = facts["settled_items_left_out"]
        console.print(Text(f"{left} settled items, which sum to 0, are left out; --settled lists them", style="dim"))


def _head(facts: Mapping[str, Any]) -> None:
    title = Text(str(facts["thing"]), style="bold")
    title.append(f"  as of {facts['as_of']}", style="default")
    for name in ("known_at", "loaded_at", "since_known", "since_loaded"):
        if facts.get(name):
            title.append(f", {name.replace('_', ' ')} {_time(facts[name])}", style="default")
    for name in ("document_type", "party_id", "field", "value"):
        if facts.get(name) is not None:
            title.append(f"  {name.replace('_', ' ')} {facts[name]}", style="default")
    console.print(title)
    for f in facts["figures"]:
        line = Text(f"  {f['figure']} ")
        line.append(f"{f['amount']} {f['currency']}", style="bold")
        if f["legal_entity"]:
            line.append(f" in {f['legal_entity']}")
        if f["base_amount"] is not None and f["base_currency"] != f["currency"]:
            line.append(f", {f['base_amount']} {f['base_currency']} as booked")
        if f["agrees"]:
            line.append(f"  = {f['shown_by']}", style="green")
        else:
            line.append(f"  but {f['shown']} by {f['shown_by']}", style="bold red")
        console.print(line)
    if not facts["figures"]:
        console.print(Text("  nothing of it stands in the ledger"))


def _movements(moved: Sequence[Row], beneath: Mapping[int | None, list[Row]]) -> Table:
    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 1))
    table.add_column("effective", no_wrap=True)
    table.add_column("recorded", no_wrap=True)
    table.add_column("what", overflow="fold")
    table.add_column("amount", justify="right", no_wrap=True)
    table.add_column("balance", justify="right", no_wrap=True)
    table.add_column("from", overflow="fold")
    item: Any = None
    brief = len(moved) > _MANY
    for m in moved:
        own = tuple(m[name] for name in _ITEM)
        if own != item:
            item = own
            table.add_row("", "", Text(_item(m), style="bold"), "", "", "")
        late = m["kind"] == "later"
        cause = next((r for r in beneath[m["n"]] if r["role"] == "cause"), None)
        table.add_row(
            m["effective_date"],
            _time(m["recorded_at"]),
            Text(f"{m['movement_type'].replace('_', ' ')} {m['cause_id']}{_standing(m)}"),
            f"({m['amount']})" if late else m["amount"],
            m["item_balance"] or "",
            Text(_place(cause) if cause else ""),
            style="yellow" if late else "",
        )
        if not brief:
            for depth, row in _evidence(beneath, m["n"], 0):
                if row is not cause:
                    said = Padding(Text(_said(row)), (0, 0, 0, 2 * depth + 2))
                    table.add_row("", "", said, "", "", Text(_place(row)), style="dim")
    return table


def _evidence(beneath: Mapping[int | None, list[Row]], of: int, depth: int) -> Iterator[tuple[int, Row]]:
    for row in beneath[of]:
        yield depth, row
        yield from _evidence(beneath, row["n"], depth + 1)


def _delivered(rows: Sequence[Row], beneath: Mapping[int | None, list[Row]]) -> None:
    for row in rows:
        value = f"{row['stated_amount']}{' ' + row['stated_currency'] if row['stated_currency'] else ''}"
        line = f"version {row['version']}: {row['role']} = {value} as of {row['stated_date']}, {row['status']}"
        line += f" ({row['reason']})" if row["reason"] else ""
        console.print(Text(f"{line}, by {row['actor']}, planned {_time(row['decided_at'])}"))
        verdicts = [r for r in beneath[row["n"]] if r["kind"] == "verdict"]
        for a in (r for r in beneath[row["n"]] if r["kind"] == "attempt"):
            why = f": {a['reason']}" if a["reason"] else ""
            console.print(Text(f"  {a['role']}, {_time(a['recorded_at'])}: {a['status']}{why}", style="dim"))
        for v in verdicts:
            named = "all suites" if v["key"] == "*" else v["key"]
            console.print(
                Text(f"  verdict {_time(v['decided_at'])}, {named}: {v['status']}, {v['reason']}", style="dim")
            )


def _beside(rows: Sequence[Row], beneath: Mapping[int | None, list[Row]]) -> None:
    for row in rows:
        console.print(Text(f"{_said(row)}  {_place(row)}"))
        for depth, below in _evidence(beneath, row["n"], 1):
            if below["kind"] not in ("attempt", "verdict"):
                console.print(Text(f"{'  ' * depth}{_said(below)}  {_place(below)}", style="dim"))


def _item(m: Row) -> str:
    part = f"/{m['installment_no']}" if m["installment_no"] is not None else ""
    due = f", due {m['due_date']}" if m["due_date"] else ""
    return f"{m['item_type'].replace('_', ' ')} {m['item_id']}{part}, {m['legal_entity']} {m['currency']}{due}"


def _standing(m: Row) -> str:
    if m["kind"] == "later":
        return f": came later, loaded {_time(m['loaded_at'])}"
    return ": pending" if m["status"] == "pending" else ""


def _said(row: Row) -> str:
    """What a row of evidence says, in a line."""
    kind = row["kind"]
    if kind == "decision":
        put = f" {row['stated_amount']} {row['stated_currency']}" if row["stated_amount"] else ""
        return f"{row['status']}{put} by rule {row['rule']} (score {row['score']}): {row['reason']}"
    if kind == "quarantine":
        return f"{row['role']} ({row['status']}): {row['reason']}"
    amount = f" {row['stated_amount']} {row['stated_currency'] or ''}".rstrip() if row["stated_amount"] else ""
    version = f", version {row['version']} of {row['versions']}" if (row["versions"] or 1) > 1 else ""
    if row["status"] == "replaced":
        version += f", replaced {_time(row['replaced_at'])}" if row["replaced_at"] else ""
    elif row["status"] == "came later":
        version += f", came later: recorded {_time(row['recorded_at'])}, loaded {_time(row['loaded_at'])}"
    gone = ", deleted" if row["deleted"] else ""
    if row["role"] == "statement":
        return f"statement to {row['stated_date']}"
    return f"{row['role']} {_short(row['key'])}{amount}{version}{gone}"


def _place(row: Row) -> str:
    """Where a row came from: file and line, or table, record and version."""
    if row["kind"] == "decision":
        return f"{_time(row['decided_at'])} by {row['actor']}"
    if row["source_file"] and row["source_line"] is not None:
        return f"{row['source_file']}:{row['source_line']}"
    if row["source_table"]:
        stamp = f" @ {_time(row['record_version'])}" if row["record_version"] else ""
        return f"{row['source_system']}: {row['source_file'] or row['source_table']} {row['record_key']}{stamp}"
    return str(row["source_file"] or "")


def _short(key: Any) -> str:
    text = str(key)
    return f"{text[:12]}…" if len(text) == 64 else text


def _time(value: Any) -> str:
    return str(value or "")[:16].replace("T", " ")
