"""The live Tryton as a world of the contract suite: changed by its own API, counted in its database, faulty by a proxy.

Belongs here: what the suite asks of a world. Not here: starting Tryton (tryton), the suite.
"""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from connectors.erp.tryton.client import TrytonClient
from connectors.simulation.faults import Fault, Faults
from connectors.simulation.server import Answer, LoopbackServer, Request
from tests.contract.any_tryton import WRITE, AnyTryton
from tests.contract.case import Keys
from tests.live.tryton import PASSWORD, Tryton

_FORWARDED = ("content-type", "authorization", "accept-encoding")
_RECEIVABLE = """select l.id, l.move, l.account, l.debit, l.credit, l.reconciliation, l.second_currency, m.journal
    from account_move_line l join account_move m on m.id = l.move join account_account a on a.id = l.account
    join account_account_type t on t.id = a.type where t.receivable and m.state = 'posted' and m.company = 1"""
#: What the connector's entities must hold, told by the tables themselves.
_KEYS = {
    "parties": "select id::text from party_party",
    "sales": "select id::text from sale_sale where company = 1",
    "invoices": "select id::text from account_invoice where type = 'out' and company = 1",
    "invoice_maturities": f"""select i.id || '|' || row_number() over (partition by i.id order by l.id)
        from account_invoice i join ({_RECEIVABLE}) l on l.move = i.move and l.account = i.account
        where i.type = 'out'""",
    "invoice_lines": """select l.id::text from account_invoice_line l join account_invoice i on i.id = l.invoice
        where i.type = 'out' and i.company = 1""",
    "statements": "select id::text from account_statement where company = 1",
    "statement_lines": """select l.id::text from account_statement_line l join account_statement s on s.id = l.statement
        where s.company = 1""",
    "payments": "select id::text from account_payment where kind = 'receivable' and company = 1",
    "receivable_lines": f"select id::text from ({_RECEIVABLE}) l",
    "invoice_payments": f"""select l.id::text from ({_RECEIVABLE}) l
        join "account_invoice-account_move_line" p on p.line = l.id""",
    "reconciliations": f"select distinct reconciliation::text from ({_RECEIVABLE}) l where reconciliation is not null",
    # one side of every reconciliation of these books is a single line, but for exchange differences
    "settlements": f"""with l as ({_RECEIVABLE}), counted as (
            select l.* from l join account_journal j on j.id = l.journal
            where not (j.type = 'write-off' and l.second_currency is null and exists (
                select 1 from l as o where o.reconciliation = l.reconciliation and o.second_currency is not null)))
        select d.reconciliation || '|' || d.id || '|' || c.id from counted d join counted c
            on c.reconciliation = d.reconciliation and d.debit > 0 and c.credit > 0""",
    "account_balances": """select a.id || '|' || d.day
        from account_account a join account_account_type t on t.id = a.type
        cross join (select current_date as day union (select end_date from account_period
            where type = 'standard' and end_date < current_date order by end_date desc limit 12)) d
        where t.receivable and a.company = 1""",
    "currency_rates": "select id::text from currency_currency_rate",
}  # fmt: skip


def forwarded(tryton: Tryton, request: Request) -> Answer:
    """Put a request to Tryton, and return what it answers."""
    headers = {k: v for k, v in request.headers.items() if k in _FORWARDED}
    onward = urllib.request.Request(tryton.url + request.path, request.body, headers, method=request.method)
    try:
        with urllib.request.urlopen(onward, timeout=120) as said:
            kept = {k: v for k, v in said.headers.items() if k.lower() in ("content-type", "content-encoding")}
            return Answer(said.status, said.read(), kept, {"call": asked(request)})
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read(), {"Content-Type": error.headers.get("Content-Type", "")})


@contextlib.contextmanager
def proxied(
    tryton: Tryton, folder: Path, applied: Callable[[str], None] = lambda call: None
) -> Iterator[LoopbackServer]:
    """Serve Tryton through a proxy on loopback that can be told to misbehave.

    ``applied`` is told each call once Tryton has answered it, and before the answer is passed on.
    """

    def forward(request: Request) -> Answer:
        answer = forwarded(tryton, request)
        applied(asked(request))
        return answer

    def happens(fault: Fault) -> None:
        if fault.kind == "expire_token":
            tryton.execute("delete from ir_session")

    with LoopbackServer(forward, folder, tls=False, faults=Faults(), on_fault=happens, asks=asked) as server:
        yield server


def asked(request: Request) -> str:
    """What a fault's path is matched with: the path and the method called."""
    try:
        return f"{request.path}{json.loads(request.body)['method']}"
    except (ValueError, KeyError, TypeError):
        return request.path


class LiveWorld(AnyTryton):
    """Books that are really there. Parties are what is added, changed and deleted: the ERP lets them go again."""

    reading = "/rpc/"
    opening = 6
    secrets = (PASSWORD,)

    def __init__(self, tryton: Tryton, proxy: LoopbackServer) -> None:
        self._tryton = tryton
        self._proxy = proxy
        super().__init__(tryton.options(url=proxy.url), proxy.faults)
        self._erp = TrytonClient(tryton.settings())
        self._spare = self._create(1)[0]
        self._named = 0
        tryton.execute("drop trigger if exists refuse on party_party_credit_limit_amount")

    def keys(self) -> Keys:
        return {entity: {str(row[0]) for row in self._tryton.execute(sql)} for entity, sql in _KEYS.items()}

    def add(self) -> set[tuple[str, str]]:
        return {("parties", str(self._create(1)[0]))}

    def change(self) -> set[tuple[str, str]]:
        self._named += 1
        self._erp.call("party.party", "write", [3], {"name": f"Zenith {self._named}"}, writing=True)
        return {("parties", "3")}

    def add_ties(self, count: int) -> tuple[str, set[str]]:
        return "parties", {str(i) for i in self._create(count)}

    def add_late(self) -> tuple[str, str]:
        late = self._create(1)[0]
        self._tryton.execute(
            "update party_party set (create_date, write_date) = (select m, m from (select"
            f" max(write_date) - interval '30 minutes' as m from party_party where id <> {late}) x) where id = {late}"
        )
        return "parties", str(late)

    def delete(self) -> tuple[str, str]:
        self._erp.call("party.party", "delete", [self._spare], writing=True)
        return "parties", str(self._spare)

    def refuse(self, keys: set[str]) -> None:
        """Let the database itself refuse: the ERP rolls the call back and says so."""
        self._tryton.execute(
            "create or replace function refuse() returns trigger language plpgsql as "
            "$$ begin raise exception 'refused' using errcode = 'P0001'; end $$"
        )
        self._tryton.execute(
            "create or replace trigger refuse before insert or update on party_party_credit_limit_amount "
            f"for each row when (new.party in ({', '.join(sorted(keys))})) execute function refuse()"
        )

    def writes(self) -> int:
        return sum(1 for line in self._proxy.log() if WRITE in line.get("call", ""))

    def parties(self) -> list[str]:
        return [str(i) for i in range(2, 8)]

    def _create(self, count: int) -> list[int]:
        rows = [{"name": f"Added {n}"} for n in range(count)]
        return list(self._erp.call("party.party", "create", rows, writing=True))
