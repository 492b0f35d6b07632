"""A stateful fake of trytond's JSON-RPC on loopback: receivables, statements, reconciliations, with faults.

    with serve(folder) as erp:
        erp.url, erp.password               # user ``integration``, database ``tryton``
        clerk = Bookkeeping(erp)
        clerk.invoice(clerk.party("Cedar Ltd"), Decimal("100.00"), date(2026, 1, 5))

Imported by the demo and tests only. It is held against the live server by a test that asks both the same.
"""

from connectors.erp.tryton.simulator.bookkeeping import Bookkeeping
from connectors.erp.tryton.simulator.serving import DATABASE, USER, TrytonSimulator, main_serve, serve

__all__ = ["DATABASE", "USER", "Bookkeeping", "TrytonSimulator", "main_serve", "serve"]
