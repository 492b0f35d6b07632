"""Which rows could explain that two balances differ: in the ledger, on another account, in quarantine.

Belongs here: candidates, the surest first, each with why it is one. Not here: what differs, and changing anything.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from connectors.kit.money import amount, shown
from otc_pipelines.warehouse import Tx

MOST = 5
_CAUSES = """
    select source_system, cause_entity, cause_id, item_id, currency, effective_date, sum(amount) as amount,
        sum(base_amount) as base_amount
    from marts.fct_ar_ledger
    where posting_state = 'posted' and currency = :currency and legal_entity is not distinct from :entity
"""


@dataclass(frozen=True)
class Account:
    """Where a difference is: an account of a legal entity in a currency, after one day and up to another."""

    legal_entity: str | None
    gl_account: str | None
    currency: str
    after: date | None
    until: date


def in_the_ledger(tx: Tx, where: Account, difference: Decimal) -> list[str]:
    """Movements of the days since it last tied whose sum on an item is the difference, and those that are missing.

    On the account itself a movement of the difference is one too many (moved twice, a wrong amount or day); on another
    account, or on none, one of its opposite is missing here.
    """
    if not difference:
        return []
    days = " and effective_date <= :until" + (" and effective_date > :after" if where.after else "")
    said = {"currency": where.currency, "entity": where.legal_entity, "until": where.until, "difference": difference}
    if where.after:
        said["after"] = where.after
    tail = " group by source_system, cause_entity, cause_id, item_id, currency, effective_date"
    here = "(gl_account = :account or gl_account is null)"
    own = tx.rows(
        f"{_CAUSES} {days} and {here} {tail} having sum(amount) = cast(:difference as decimal(18, 4))"
        f" order by effective_date desc, cause_entity, cause_id limit {MOST}",
        account=where.gl_account or "",
        **said,
    )
    other = tx.rows(
        f"""select moved.*, accounts.gl_account
        from ({_CAUSES} {days} {tail} having sum(amount) = -cast(:difference as decimal(18, 4))) as moved
        inner join (select distinct source_system, cause_entity, cause_id, gl_account from marts.fct_ar_ledger
            where gl_account is null or gl_account <> :account) as accounts
            on moved.source_system = accounts.source_system and moved.cause_entity = accounts.cause_entity
            and moved.cause_id = accounts.cause_id
        order by moved.effective_date desc, moved.cause_entity, moved.cause_id limit {MOST}""",  # noqa: S608
        account=where.gl_account or "",
        **said,
    )
    return [f"in the ledger: {_cause(r)}" for r in own] + [
        f"on {'account ' + r['gl_account'] if r['gl_account'] else 'no account'}: {_cause(r)}" for r in other
    ]


def in_quarantine(tx: Tx, difference: Decimal, currency: str, until: date) -> list[str]:
    """Rows that were set aside and whose amount is the difference, either way round."""
    found = []
    for row in tx.rows(
        """select source_system, entity, file, line, row_key, reason, row_json from ops.quarantine
        where status = 'open' order by source_system, entity, file, line, row_key"""
    ):
        said = json.loads(row["row_json"] or "{}")
        if said.get("currency") not in (None, currency) or not _by(said, until):
            continue
        if any(_is(said.get(name), difference) for name in ("amount", "source_amount")):
            place = f"{row['file'] or row['source_system']}{':' + str(row['line']) if row['line'] else ''}"
            found.append(f"in quarantine: {row['entity']} {row['row_key'] or ''} ({place}): {row['reason']}")
    return found[:MOST]


def moved_on(tx: Tx, where: Account) -> list[str]:
    """What moved on the account in the days in question, the largest first: where a person looks next."""
    after = " and effective_date > :after" if where.after else ""
    rows = tx.rows(
        f"""{_CAUSES} and effective_date <= :until {after} and (gl_account = :account or gl_account is null)
        group by source_system, cause_entity, cause_id, item_id, currency, effective_date
        having sum(amount) <> 0 order by abs(sum(amount)) desc, cause_entity, cause_id limit {MOST}""",
        currency=where.currency,
        entity=where.legal_entity,
        account=where.gl_account or "",
        until=where.until,
        **({"after": where.after} if where.after else {}),
    )
    return [f"moved: {_cause(r)}" for r in rows]


def said_of(found: Sequence[str]) -> str:
    """Candidates as one text."""
    return "; ".join(found)


def _cause(row: dict[str, Any]) -> str:
    return (
        f"{row['cause_entity']} {row['cause_id']} of {row['source_system']}, {shown(row['amount'], row['currency'])} "
        f"{row['currency']} on {row['effective_date']:%Y-%m-%d} ({row['item_id']})"
    )


def _is(value: Any, difference: Decimal) -> bool:
    try:
        return value is not None and abs(amount(str(value).strip())) == abs(difference)
    except ValueError:
        return str(value).strip().upper().replace("O", "0") == f"{abs(difference):.2f}"


def _by(said: dict[str, Any], until: date) -> bool:
    for name in ("posting_date", "effective_date", "document_date", "receipt_date", "allocation_date"):
        try:
            if said.get(name):
                return date.fromisoformat(str(said[name])) <= until
        except ValueError:
            return True
    return True
