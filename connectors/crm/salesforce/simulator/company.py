"""Projects the seeded company into this organisation: its CRM rows in Salesforce's fields.

Belongs here: spelling. Not here: what the company is (``connectors.simulation.world``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from connectors.crm.salesforce.simulator.org import make_id, stamp
from connectors.crm.salesforce.simulator.schema import objects
from connectors.crm.salesforce.simulator.soql import Record
from connectors.simulation.world.model import CrmAccount, CrmCase, CrmContact, CrmContract, CrmOpportunity, CrmOrder
from connectors.simulation.world.world import World, current

if TYPE_CHECKING:
    from connectors.crm.salesforce.simulator.serving import SalesforceSimulator

Row = TypeVar("Row", CrmAccount, CrmContact, CrmOpportunity, CrmContract, CrmOrder, CrmCase)
_PREFIX = {name: there.prefix for name, there in objects().items()}
_WON = {"Closed Won": (True, True, 100.0), "Closed Lost": (True, False, 0.0)}
_OPEN_CHANCE = {"Prospecting": 10.0, "Proposal": 60.0, "Negotiation": 80.0}


def account_id(number: int) -> str:
    """Return the Salesforce id of the world's account of that number."""
    return make_id(_PREFIX["Account"], number)


def project_world(world: World, sim: SalesforceSimulator) -> None:
    """Put the company's CRM as of the world's day into the simulator.

    Again with a later view of the same world: what changed is changed, with a new SystemModstamp; fields that were
    written back since then are kept.
    """
    _put(sim, "Account", world.crm_accounts, lambda r: r.account_no, _account)
    _put(sim, "Contact", world.crm_contacts, lambda r: r.contact_no, _contact)
    _put(sim, "Opportunity", world.crm_opportunities, lambda r: r.opportunity_no, _opportunity)
    _put(sim, "Contract", world.crm_contracts, lambda r: r.contract_no, _contract)
    _put(sim, "Order", world.crm_orders, lambda r: r.order_no, _order)
    _put(sim, "Case", world.crm_cases, lambda r: r.case_no, _case)


def _put(
    sim: SalesforceSimulator,
    name: str,
    rows: Iterable[Row],
    number: Callable[[Row], int],
    spelled: Callable[[Row], Record],
) -> None:
    there = {r["Id"]: r for r in sim.records(name, deleted=True)}
    now = sim.org.clock()
    ready = []
    for row in current(rows, number):
        key = _id(name, number(row))
        wanted: Record = {"Id": key, "IsDeleted": row.deleted, "CreatedDate": stamp(row.created_at), **spelled(row)}
        before = there.get(key)
        if before is None:
            moment = stamp(now if there else min(row.modified_at, now))
        elif any(before.get(n) != v for n, v in wanted.items()):
            moment, wanted = stamp(now), {**before, **wanted}
        else:
            continue
        ready.append(wanted | {"SystemModstamp": moment, "LastModifiedDate": moment})
    sim.load({name: ready})


def _id(name: str, number: int | None) -> Any:
    return None if number is None else make_id(_PREFIX[name], number)


def _account(row: CrmAccount) -> Record:
    return {
        "Name": row.name,
        "AccountNumber": row.customer_number,
        "OTC_Customer_Key__c": row.customer_number,
        "Type": "Prospect" if row.party_id is None else "Customer",
        "ParentId": _id("Account", row.parent_account_no),
        "Industry": row.industry,
        "Phone": row.phone,
        "Website": row.website,
        "BillingStreet": row.street,
        "BillingCity": row.city,
        "BillingPostalCode": row.postal_code,
        "BillingCountry": row.country,
        "CurrencyIsoCode": row.currency,
    }


def _contact(row: CrmContact) -> Record:
    return {
        "AccountId": _id("Account", row.account_no),
        "FirstName": row.first_name,
        "LastName": row.last_name,
        "Name": f"{row.first_name} {row.last_name}",
        "Email": row.email,
        "Phone": row.phone,
        "Title": row.title,
    }


def _opportunity(row: CrmOpportunity) -> Record:
    closed, won, chance = _WON.get(row.stage, (False, False, _OPEN_CHANCE.get(row.stage, 50.0)))
    return {
        "AccountId": _id("Account", row.account_no),
        "Name": row.name,
        "StageName": row.stage,
        "Amount": float(row.amount),
        "CurrencyIsoCode": row.currency,
        "CloseDate": row.close_date.isoformat(),
        "Probability": chance,
        "IsClosed": closed,
        "IsWon": won,
    }


def _contract(row: CrmContract) -> Record:
    return {
        "AccountId": _id("Account", row.account_no),
        "ContractNumber": f"{row.contract_no:08d}",
        "Status": row.status,
        "StartDate": row.start_date.isoformat(),
        "ContractTerm": row.term_months,
    }


def _order(row: CrmOrder) -> Record:
    return {
        "AccountId": _id("Account", row.account_no),
        "OrderNumber": f"{row.order_no:08d}",
        "ContractId": _id("Contract", row.contract_no),
        "OpportunityId": _id("Opportunity", row.opportunity_no),
        "OTC_Order_Key__c": row.erp_order_id,
        "Status": row.status,
        "StatusCode": row.status,
        "EffectiveDate": row.effective_date.isoformat(),
        "TotalAmount": float(row.amount),
        "CurrencyIsoCode": row.currency,
    }


def _case(row: CrmCase) -> Record:
    return {
        "AccountId": _id("Account", row.account_no),
        "CaseNumber": f"{row.case_no:08d}",
        "ContactId": _id("Contact", row.contact_no),
        "Subject": row.subject,
        "Reason": row.reason,
        "Status": row.status,
        "Priority": row.priority,
        "Origin": "Email",
        "IsClosed": row.closed_at is not None,
        "ClosedDate": _moment(row.closed_at),
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else stamp(moment)
