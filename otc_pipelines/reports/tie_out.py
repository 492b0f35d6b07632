"""Every difference of the tie-outs, each with the rows that could explain it.

Belongs here: control accounts, roll-forward, receipts, aging against the ledger, what landed against its sources, from
the published marts. Not here:
judging (the gate does, from the same marts), which rows explain a difference (``suspects``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from connectors.kit.errors import ConfigError
from connectors.kit.money import shown
from otc_pipelines.reports import Report
from otc_pipelines.reports.suspects import Account, in_quarantine, in_the_ledger, moved_on, said_of
from otc_pipelines.settings import Instance
from otc_pipelines.warehouse import Tx, Warehouse
from otc_pipelines.warehouse.publish import published

COLUMNS = [
    "check", "legal_entity", "subject", "as_of", "currency", "ours", "theirs", "difference", "status", "suspects",
]  # fmt: skip
_BUCKET = re.compile(r"not_due|d\d+_(\d+|plus)")
_ZERO = Decimal(0)


@dataclass(frozen=True)
class TieOutQuestion:
    """Which check (None: all), and only up to which day of the control accounts and months (None: all of them).

    Raises ConfigError for a check that there is not.
    """

    check: str | None = None
    as_of: date | None = None

    def __post_init__(self) -> None:
        if self.check is not None and self.check not in CHECKS:
            raise ConfigError(f"--check {self.check!r} is not known; use {', '.join(CHECKS)}")


def tie_out_report(instance: Instance, question: TieOutQuestion) -> Report:
    """Return a row for each difference. The facts say, by check, what was compared and how much of it differs."""
    warehouse = Warehouse.of(instance)
    rows: list[dict[str, Any]] = []
    summary: dict[str, str] = {}
    with published(warehouse) as tx:
        for name, check in CHECKS.items():
            if question.check in (None, name):
                summary[name], found = check(tx, question.as_of)
                rows += found
    if rows:
        with warehouse.reading() as tx:
            for row in rows:
                _add_quarantined(tx, row)
    return Report([_as_text(r) for r in rows], COLUMNS, {"summary": summary, "differences": len(rows)})


Found = tuple[str, list[dict[str, Any]]]


def _control(tx: Tx, as_of: date | None) -> Found:
    rows = tx.rows(
        """select tie_outs.*, (select max(before.as_of) from marts.fct_tie_out as before
            where before.legal_entity is not distinct from tie_outs.legal_entity
                and before.gl_account is not distinct from tie_outs.gl_account
                and before.currency = tie_outs.currency and before.as_of < tie_outs.as_of
                and before.status = 'tied') as tied_before
        from marts.fct_tie_out as tie_outs order by as_of, legal_entity, gl_account, currency"""
    )
    rows = [r for r in rows if as_of is None or r["as_of"] <= as_of]
    stated = [r for r in rows if r["status"] != "not checked"]
    if not stated:
        return "not checked, no control balances", []
    off = [r for r in stated if r["status"] in ("difference", "no account")]
    restated = sum(r["status"] == "restated" for r in stated)
    more = f", {restated} changed by rows recorded since" if restated else ""
    return f"{len(stated)} balances, {len(off)} differ{more}", [_control_row(tx, r) for r in off]


def _control_row(tx: Tx, row: dict[str, Any]) -> dict[str, Any]:
    where = Account(row["legal_entity"], row["gl_account"], row["currency"], row["tied_before"], row["as_of"])
    in_base = not row["difference"] and bool(row["base_difference"])
    ours, theirs = ("base_ledger_balance", "base_control_balance") if in_base else ("ledger_balance", "control_balance")
    difference = row[ours] - (row[theirs] or _ZERO)
    suspects = [] if in_base else in_the_ledger(tx, where, difference)
    return _row(
        "control",
        row["legal_entity"],
        f"account {row['gl_account']}" if row["gl_account"] else "no account",
        row["as_of"],
        row["currency"],
        row[ours],
        row[theirs],
        difference,
        "difference in base currency" if in_base else row["status"],
        suspects,
        [] if suspects else moved_on(tx, where),
    )


def _roll_forward(tx: Tx, as_of: date | None) -> Found:
    rows = tx.rows("select * from marts.fct_roll_forward order by legal_entity, currency, period_start")
    rows = [r for r in rows if as_of is None or r["period_start"] <= as_of]
    off = [r for r in rows if r["residual"]]
    found = [
        _row(
            "roll_forward", r["legal_entity"], f"{r['period_start']:%Y-%m}", r["period_start"], r["currency"],
            r["closing"], r["closing"] - r["residual"], r["residual"], "difference", [],
        )
        for r in off
    ]  # fmt: skip
    return f"{len(rows)} months, {len(off)} differ", found


def _receipts(tx: Tx, _as_of: date | None) -> Found:
    rows = tx.rows(
        """select receipts.*, ledger.received, ledger.balance from marts.fct_receipts as receipts
        left join (
            select source_system, item_id, sum(amount) as balance,
                sum(case when movement_type = 'receipt' then amount else 0 end) as received
            from marts.fct_ar_ledger
            where item_type = 'receipt' and posting_state = 'posted'
                and effective_date <= (select max(as_of) from marts.fct_open_items)
            group by source_system, item_id
        ) as ledger on receipts.source_system = ledger.source_system and receipts.receipt_id = ledger.item_id
        order by receipts.source_system, receipts.receipt_id"""
    )
    found = []
    for r in rows:
        parts = r["applied_amount"] + r["unapplied_amount"] + r["refunded_amount"] + r["reversed_amount"]
        posted = r["received"] is not None and r["received"] != 0
        wrong = [
            (posted and parts != r["amount"], "applied, unapplied, refunded and reversed are not the amount"),
            (posted and -r["received"] != r["amount"], "the ledger received another amount"),
            (r["unapplied_amount"] != -(r["balance"] or _ZERO), "the ledger has another balance of it"),
            (r["unapplied_amount"] < 0, "more was taken from it than it is"),
            (r["reversed_amount"] < 0 or r["applied_amount"] < 0, "only one side of an allocation is in the ledger"),
        ]
        reasons = [why for is_wrong, why in wrong if is_wrong]
        if reasons:
            ours = -r["received"] if posted and -r["received"] != r["amount"] else parts
            found.append(
                _row(
                    "receipts", r["legal_entity"], f"receipt {r['receipt_key']}", r["posting_date"], r["currency"],
                    ours, r["amount"], ours - r["amount"], "difference", reasons,
                )
            )  # fmt: skip
    return f"{len(rows)} receipts, {len(found)} differ", found


def _buckets(tx: Tx, _as_of: date | None) -> Found:
    rows = tx.rows(
        """select aged.*, ledger.balance, ledger.legal_entity as ledger_entity, ledger.party_id as ledger_party,
            ledger.source_system as ledger_source, ledger.currency as ledger_currency
        from (select * from marts.fct_ar_aging) as aged
        full outer join (
            select legal_entity, source_system, party_id, currency, sum(open_amount) as balance
            from marts.fct_open_items group by legal_entity, source_system, party_id, currency
            having sum(open_amount) <> 0
        ) as ledger
            on aged.legal_entity is not distinct from ledger.legal_entity
            and aged.party_id is not distinct from ledger.party_id
            and aged.source_system = ledger.source_system and aged.currency = ledger.currency
        order by coalesce(aged.source_system, ledger.source_system), coalesce(aged.party_id, ledger.party_id),
            coalesce(aged.currency, ledger.currency), coalesce(aged.legal_entity, ledger.legal_entity)"""
    )
    found = []
    for r in rows:
        buckets = sum((v or _ZERO for name, v in r.items() if _BUCKET.fullmatch(name)), r["unapplied"] or _ZERO)
        balance = r["balance"] or _ZERO
        if buckets != balance or (r["total"] or _ZERO) != buckets:
            found.append(
                _row(
                    "buckets", r["legal_entity"] or r["ledger_entity"],
                    f"party {r['source_system'] or r['ledger_source']}:{r['party_id'] or r['ledger_party']}",
                    r["as_of"], r["currency"] or r["ledger_currency"], buckets, balance, buckets - balance,
                    "difference", [] if (r["total"] or _ZERO) == buckets else ["the buckets are not the total"],
                )
            )  # fmt: skip
    documents = tx.rows(
        """select documents.legal_entity, documents.document_key, documents.currency, documents.open_amount,
            coalesce(items.open_amount, 0) as item_amount
        from marts.fct_documents as documents
        left join (
            select source_system, item_id, sum(open_amount) as open_amount from marts.fct_open_items
            where item_type <> 'receipt' group by source_system, item_id
        ) as items on documents.source_system = items.source_system and documents.document_id = items.item_id
        where documents.open_amount <> coalesce(items.open_amount, 0) order by documents.document_key"""
    )
    found += [
        _row(
            "buckets", d["legal_entity"], f"document {d['document_key']}", None, d["currency"], d["item_amount"],
            d["open_amount"], d["item_amount"] - d["open_amount"], "difference",
            ["the instalments are not the document"],
        )
        for d in documents
    ]  # fmt: skip
    return f"{len(rows)} parties, {len(found)} differ", found


def _source(tx: Tx, _as_of: date | None) -> Found:
    rows = tx.rows(
        """select * from marts.fct_source_totals
        order by source_system, entity, legal_entity, currency, column_name"""
    )
    stated = [r for r in rows if r["status"] != "not checked"]
    off = [r for r in stated if r["status"] == "difference"]
    aside = len({(r["source_system"], r["entity"]) for r in stated if r["quarantined"]})
    parts = [f"{len(stated)} counts and sums, {len(off)} differ"]
    parts += [f"{aside} entities have rows in quarantine, which are not compared"] if aside else []
    parts += _unchecked([r for r in rows if r["status"] == "not checked"])
    return "; ".join(parts), [_source_row(r) for r in off]


def _unchecked(rows: list[dict[str, Any]]) -> list[str]:
    return [f"not checked: {r['source_system']} {r['entity']} ({r['reason']})" for r in rows]


def _source_row(row: dict[str, Any]) -> dict[str, Any]:
    counts_only = row["amount_there"] is None
    ours, theirs = ("rows_here", "rows_there") if counts_only else ("amount_here", "amount_there")
    what = "rows" if counts_only else f"{row['column_name']}, {row['rows_here']} rows of {row['rows_there']}"
    return _row(
        "source", row["legal_entity"], f"{row['source_system']} {row['entity']}: {what}", row["asked_at"].date(),
        row["currency"], Decimal(row[ours]), Decimal(row[theirs]), Decimal(row[ours] - row[theirs]), row["status"],
        [*([row["named"]] if row["named"] else []), f"read it anew: otc run --full {row['source_system']}"],
    )  # fmt: skip


CHECKS: dict[str, Callable[[Tx, date | None], Found]] = {
    "control": _control,
    "roll_forward": _roll_forward,
    "receipts": _receipts,
    "buckets": _buckets,
    "source": _source,
}


def _row(
    check: str,
    legal_entity: str | None,
    subject: str,
    as_of: date | None,
    currency: str | None,
    ours: Decimal,
    theirs: Decimal | None,
    difference: Decimal,
    status: str,
    suspects: list[str],
    otherwise: list[str] | None = None,
) -> dict[str, Any]:
    return {
        "check": check,
        "legal_entity": legal_entity,
        "subject": subject,
        "as_of": as_of,
        "currency": currency,
        "ours": ours,
        "theirs": theirs,
        "difference": difference,
        "status": status,
        "suspects": suspects,
        "otherwise": otherwise or [],
    }


def _add_quarantined(tx: Tx, row: dict[str, Any]) -> None:
    """What was set aside may be what is missing; where nothing explains it, what moved is where to look."""
    if row["check"] == "control" and row["difference"]:
        row["suspects"] += in_quarantine(tx, row["difference"], row["currency"], row["as_of"])
    row["suspects"] = said_of(list(_once(row["suspects"] or row["otherwise"])))


def _once(found: list[str]) -> Iterator[str]:
    yield from dict.fromkeys(found)


def _as_text(row: dict[str, Any]) -> dict[str, Any]:
    amounts = {
        name: None if row[name] is None else shown(row[name], row["currency"])
        for name in ("ours", "theirs", "difference")
    }
    return {**row, **amounts, "as_of": row["as_of"].isoformat() if row["as_of"] else None}
