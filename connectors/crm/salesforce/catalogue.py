"""What is read from Salesforce and what is written back: every object and field name this connector may ever say.

Belongs here: entities, their Salesforce spelling, the writable objects. Not here: queries, HTTP. No identifier reaches
SOQL or a URL that is not declared here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.kit.contract import Entity, Field, FieldType

CUSTOMER_KEY = "OTC_Customer_Key__c"
ORDER_KEY = "OTC_Order_Key__c"
METADATA = "connectors/crm/salesforce/metadata"


@dataclass(frozen=True)
class Column:
    """A column of ours and its Salesforce field. ``optional``: some organisations lack it (then it is absent)."""

    field: Field
    vendor: str
    optional: bool = False


@dataclass(frozen=True)
class Table:
    """An entity of ours, and the Salesforce object behind it."""

    vendor: str
    entity: Entity
    columns: tuple[Column, ...]

    @property
    def custom(self) -> tuple[str, ...]:
        """The custom fields that must have been deployed."""
        return tuple(c.vendor for c in self.columns if c.vendor.endswith("__c") and not c.optional)


def _column(
    name: str,
    vendor: str,
    type: FieldType = FieldType.TEXT,
    *,
    required: bool = False,
    personal: bool = False,
    optional: bool = False,
    description: str = "",
) -> Column:
    return Column(Field(name, type, required=required, personal=personal, description=description), vendor, optional)


def _table(name: str, vendor: str, description: str, *columns: Column) -> Table:
    standard = (
        _column("id", "Id", required=True, description="Salesforce id, 18 characters."),
        *columns,
        _column("created_at", "CreatedDate", FieldType.TIMESTAMP),
        _column("recorded_at", "SystemModstamp", FieldType.TIMESTAMP, description="SystemModstamp: the last change."),
        _column("deleted", "IsDeleted", FieldType.BOOLEAN, description="In the recycle bin."),
    )
    return Table(vendor, Entity(name, ("id",), tuple(c.field for c in standard), description), standard)


_DECIMAL, _DATE, _TIMESTAMP = FieldType.DECIMAL, FieldType.DATE, FieldType.TIMESTAMP
_INTEGER, _BOOLEAN, _CURRENCY = FieldType.INTEGER, FieldType.BOOLEAN, FieldType.CURRENCY


def _money() -> Column:
    return _column(
        "currency_iso_code",
        "CurrencyIsoCode",
        _CURRENCY,
        optional=True,
        description="Multi-currency organisations only.",
    )


TABLES: Mapping[str, Table] = {
    t.entity.name: t
    for t in (
        _table(
            "accounts",
            "Account",
            "Companies that are sold to.",
            _column("customer_key", CUSTOMER_KEY, description="The ERP's key of the customer, where it is known."),
            _column("account_number", "AccountNumber"),
            _column("name", "Name", personal=True),
            _column("parent_id", "ParentId"),
            _column("type", "Type"),
            _column("industry", "Industry"),
            _column("phone", "Phone", personal=True),
            _column("website", "Website", personal=True),
            _column("billing_street", "BillingStreet", personal=True),
            _column("billing_city", "BillingCity", personal=True),
            _column("billing_postal_code", "BillingPostalCode", personal=True),
            _column("billing_country", "BillingCountry"),
            _money(),
            _column("owner_id", "OwnerId"),
        ),
        _table(
            "contacts",
            "Contact",
            "People at an account.",
            _column("account_id", "AccountId"),
            _column("first_name", "FirstName", personal=True),
            _column("last_name", "LastName", personal=True),
            _column("email", "Email", personal=True),
            _column("phone", "Phone", personal=True),
            _column("title", "Title"),
            _column("mailing_country", "MailingCountry"),
        ),
        _table(
            "opportunities",
            "Opportunity",
            "Deals, won and open.",
            _column("account_id", "AccountId"),
            _column("name", "Name"),
            _column("stage_name", "StageName"),
            _column("amount", "Amount", _DECIMAL),
            _money(),
            _column("close_date", "CloseDate", _DATE),
            _column("probability", "Probability", _DECIMAL, description="Per cent."),
            _column("is_closed", "IsClosed", _BOOLEAN),
            _column("is_won", "IsWon", _BOOLEAN),
            _column("owner_id", "OwnerId"),
        ),
        _table(
            "orders",
            "Order",
            "Sales orders as the CRM sees them.",
            _column("order_key", ORDER_KEY, description="The ERP's key of the order, where it was handed over."),
            _column("order_number", "OrderNumber"),
            _column("account_id", "AccountId"),
            _column("contract_id", "ContractId"),
            _column("opportunity_id", "OpportunityId", optional=True, description="Where orders are made from deals."),
            _column("status", "Status"),
            _column("status_code", "StatusCode"),
            _column("effective_date", "EffectiveDate", _DATE),
            _column("end_date", "EndDate", _DATE),
            _column("total_amount", "TotalAmount", _DECIMAL),
            _money(),
        ),
        _table(
            "contracts",
            "Contract",
            "Framework contracts.",
            _column("contract_number", "ContractNumber"),
            _column("account_id", "AccountId"),
            _column("status", "Status"),
            _column("start_date", "StartDate", _DATE),
            _column("end_date", "EndDate", _DATE),
            _column("contract_term", "ContractTerm", _INTEGER, description="Months."),
        ),
        _table(
            "cases",
            "Case",
            "Questions and complaints of customers.",
            _column("case_number", "CaseNumber"),
            _column("account_id", "AccountId"),
            _column("contact_id", "ContactId"),
            _column("subject", "Subject", personal=True),
            _column("type", "Type"),
            _column("reason", "Reason"),
            _column("status", "Status"),
            _column("priority", "Priority"),
            _column("origin", "Origin"),
            _column("is_closed", "IsClosed", _BOOLEAN),
            _column("closed_at", "ClosedDate", _TIMESTAMP),
        ),
    )
}
ENTITIES: tuple[Entity, ...] = tuple(t.entity for t in TABLES.values())


@dataclass(frozen=True)
class WritableField:
    """A field that may be set. An outbound model may say our name for it, or the vendor's own."""

    name: str
    vendor: str
    type: FieldType


@dataclass(frozen=True)
class Writable:
    """An outbound object: its Salesforce object and external id, what may be set, the parent whose lock it takes."""

    name: str
    vendor: str
    external_id: str
    fields: tuple[WritableField, ...]
    currency: str
    parent: str | None = None

    def field(self, name: str) -> WritableField:
        """Return the field by our name or Salesforce's, whatever its case; KeyError where there is none."""
        for f in self.fields:
            if name.lower() in (f.name, f.vendor.lower()):
                return f
        raise KeyError(name)


WRITABLE: Mapping[str, Writable] = {
    w.name: w
    for w in (
        Writable(
            "account_ar_status",
            "Account",
            CUSTOMER_KEY,
            (
                WritableField("open_amount", "OTC_AR_Open__c", _DECIMAL),
                WritableField("past_due_amount", "OTC_AR_Past_Due__c", _DECIMAL),
                WritableField("oldest_days_late", "OTC_AR_Oldest_Days_Late__c", _INTEGER),
                WritableField("on_hold", "OTC_AR_On_Hold__c", _BOOLEAN),
                WritableField("as_of", "OTC_AR_As_Of__c", _DATE),
                WritableField("currency", "OTC_AR_Currency__c", _CURRENCY),
            ),
            currency="OTC_AR_Currency__c",
        ),
        Writable(
            "order_payment_status",
            "Order",
            ORDER_KEY,
            (
                WritableField("payment_status", "OTC_Payment_Status__c", FieldType.TEXT),
                WritableField("paid_amount", "OTC_Paid_Amount__c", _DECIMAL),
                WritableField("as_of", "OTC_Payment_As_Of__c", _DATE),
                WritableField("currency", "OTC_Payment_Currency__c", _CURRENCY),
            ),
            currency="OTC_Payment_Currency__c",
            parent="AccountId",
        ),
    )
}
