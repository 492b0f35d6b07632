"""What a pass over the demo's company came to, in numbers, beside the truth that the company knows.

Belongs here: asking the warehouse and the world. Not here: how it looks (``show``).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connectors.simulation.world import truth
from connectors.simulation.world.company import BANK_ACCOUNTS
from connectors.simulation.world.world import World
from otc_pipelines.settings import Instance
from otc_pipelines.warehouse import Tx, Warehouse

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class TieOut:
    """One control account: what the ledger says, what the general ledger says, what is true."""

    legal_entity: str
    gl_account: str
    currency: str
    ledger: Decimal
    control: Decimal | None
    truth: Decimal

    @property
    def ties(self) -> bool:
        """Whether all three are the same to the cent."""
        return self.ledger == self.control == self.truth


@dataclass(frozen=True)
class Summary:
    """What came in, what was set aside, what ties out, what was matched, what the gates said, what was delivered."""

    came_in: Rows
    quarantined: Rows
    expected_bad: int
    ties: list[TieOut]
    matches: truth.MatchScore
    by_rule: Rows
    gates: Rows
    delivered: Rows
    writes: int


def summarise(instance: Instance, world: World, expected_bad: int, writes: int) -> Summary:
    """Ask the instance's warehouse what became of the world. ``writes`` are the writing calls that vendors saw."""
    with Warehouse.of(instance).reading() as tx:
        return Summary(
            came_in=tx.rows(
                """select source_system, entity, sum(rows_in) as rows_in, sum(rows_new) as rows_new,
                    sum(quarantined) as quarantined
                from ops.load group by source_system, entity order by source_system, entity"""
            ),
            quarantined=tx.rows(
                """select source_system, entity, reason, count(*) as rows, min(file) as file, min(line) as line
                from ops.quarantine where status = 'open'
                group by source_system, entity, reason order by source_system, entity, reason"""
            ),
            expected_bad=expected_bad,
            ties=_ties(tx, world),
            matches=truth.score(world, _applied(tx)),
            by_rule=tx.rows(
                """select outcome, rule, count(distinct bank_line_id) as lines from marts.fct_match_decisions
                where is_current group by outcome, rule order by outcome, lines desc, rule"""
            ),
            gates=tx.rows(
                """select suite, target, object, severity, passed, checks, failed_checks from ops.gate_verdict
                where run_id = (select run_id from ops.gate_verdict order by decided_at desc limit 1)
                order by suite, target, object"""
            ),
            delivered=tx.rows(
                """select target, object, status, count(*) as rows, min(reason) as reason from ops.outbox
                group by target, object, status order by target, object, status"""
            ),
            writes=writes,
        )


def _ties(tx: Tx, world: World) -> list[TieOut]:
    true = truth.control_accounts(world)
    rows = tx.rows(
        """select legal_entity, gl_account, currency, ledger_balance, control_balance from marts.fct_tie_out
        where is_latest order by legal_entity, gl_account, currency"""
    )
    return [
        TieOut(
            r["legal_entity"],
            r["gl_account"],
            r["currency"],
            r["ledger_balance"],
            r["control_balance"],
            true.get((r["legal_entity"], r["gl_account"], r["currency"]), Decimal(0)),
        )
        for r in rows
    ]


def _applied(tx: Tx) -> list[tuple[str, str, str, Decimal]]:
    """Return what was applied to money that the ERP has not posted: account, bank reference, document, amount."""
    account = {a.account[-4:]: a.account for a in BANK_ACCOUNTS}
    rows = tx.rows(
        """select lines.account_ending, lines.bank_reference, decisions.document_id, decisions.amount
        from marts.fct_match_decisions as decisions
        inner join marts.fct_bank_lines as lines
            on decisions.bank_source = lines.source_system and decisions.bank_line_id = lines.bank_line_id
        where decisions.is_current and decisions.outcome = 'applied'
            and decisions.receipt_id is null and decisions.document_id is not null"""
    )
    return [
        (account.get(r["account_ending"][-4:], ""), r["bank_reference"] or "", r["document_id"], r["amount"])
        for r in rows
    ]
