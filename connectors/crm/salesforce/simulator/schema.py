"""The simulated organisation's objects and fields, as describe shows them.

Belongs here: what exists and of which type. Not here: records, queries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SOAP = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "int": "xsd:int",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
}
NUMBERS = frozenset({"double", "currency", "percent"})
SYSTEM = frozenset(
    {"Id", "IsDeleted", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp"}
)


@dataclass(frozen=True)
class SimField:
    """A field. ``derived`` ones are computed by the vendor and may not be written; some are not ``aggregatable``."""

    name: str
    type: str = "string"
    length: int = 0
    scale: int = 0
    refers_to: str = ""
    external_id: bool = False
    derived: bool = False
    aggregatable: bool = True

    @property
    def custom(self) -> bool:
        """Say whether a customer added it."""
        return self.name.endswith("__c")

    @property
    def writable(self) -> bool:
        """Say whether an API user may set it."""
        return self.name not in SYSTEM and not self.derived

    def describe(self) -> dict[str, Any]:
        """Return what the describe call says about it."""
        number = self.type in NUMBERS
        return {
            "name": self.name,
            "label": self.name.removesuffix("__c").replace("_", " "),
            "type": self.type,
            "soapType": _SOAP.get(self.type, "xsd:string"),
            "length": 18 if self.type in ("id", "reference") else self.length,
            "byteLength": 3 * self.length,
            "precision": 18 if number else 0,
            "scale": self.scale,
            "digits": 9 if self.type == "int" else 0,
            "nillable": self.type != "boolean" and self.name not in SYSTEM,
            "createable": self.writable,
            "updateable": self.writable,
            "calculated": False,
            "custom": self.custom,
            "externalId": self.external_id,
            "unique": self.external_id,
            "caseSensitive": self.external_id,
            "idLookup": self.external_id or self.name == "Id",
            "nameField": self.name in ("Name", "OrderNumber", "ContractNumber", "CaseNumber"),
            "autoNumber": self.name in ("OrderNumber", "ContractNumber", "CaseNumber"),
            "defaultedOnCreate": self.name in SYSTEM or self.type == "boolean",
            "filterable": self.type != "textarea",
            "sortable": self.type != "textarea",
            "groupable": self.type not in ("textarea", *NUMBERS),
            "aggregatable": self.aggregatable,
            "compoundFieldName": None,
            "controllerName": None,
            "defaultValue": False if self.type == "boolean" else None,
            "deprecatedAndHidden": False,
            "encrypted": False,
            "extraTypeInfo": None,
            "permissionable": self.writable,
            "picklistValues": [],
            "polymorphicForeignKey": False,
            "referenceTo": [self.refers_to] if self.refers_to else [],
            "relationshipName": self.name.removesuffix("Id") if self.refers_to else None,
            "restrictedPicklist": False,
        }


@dataclass(frozen=True)
class SimObject:
    """An object: the prefix of its ids, its fields, what a new record must state."""

    name: str
    prefix: str
    fields: Mapping[str, SimField]
    required: tuple[str, ...] = ()
    plural: str = ""

    def field(self, name: str) -> SimField | None:
        """Find a field whatever its case: SOQL does not care."""
        found = self.fields.get(name)
        return found or next((f for f in self.fields.values() if f.name.lower() == name.lower()), None)

    def describe_short(self, base: str) -> dict[str, Any]:
        """Return the object as the list of objects shows it."""
        path = f"{base}/sobjects/{self.name}"
        return {
            "name": self.name,
            "label": self.name,
            "labelPlural": self.plural or f"{self.name}s",
            "keyPrefix": self.prefix,
            "custom": False,
            "customSetting": False,
            "activateable": False,
            "createable": True,
            "updateable": True,
            "deletable": True,
            "undeletable": True,
            "queryable": True,
            "retrieveable": True,
            "searchable": True,
            "replicateable": True,
            "layoutable": True,
            "mergeable": False,
            "triggerable": True,
            "deprecatedAndHidden": False,
            "urls": {"sobject": path, "describe": f"{path}/describe", "rowTemplate": f"{path}/{{ID}}"},
        }

    def describe(self, base: str) -> dict[str, Any]:
        """Return the full description."""
        fields = [f.describe() for f in self.fields.values()]
        return {**self.describe_short(base), "fields": fields, "childRelationships": [], "recordTypeInfos": []}


_STANDARD = (
    SimField("Id", "id"),
    SimField("IsDeleted", "boolean"),
    SimField("CreatedDate", "datetime"),
    SimField("CreatedById", "reference", refers_to="User"),
    SimField("LastModifiedDate", "datetime"),
    SimField("LastModifiedById", "reference", refers_to="User"),
    SimField("SystemModstamp", "datetime"),
)
_OWNER = SimField("OwnerId", "reference", refers_to="User")
_ACCOUNT = SimField("AccountId", "reference", refers_to="Account")
_CURRENCY = SimField("CurrencyIsoCode", "picklist", 3)


def _address(prefix: str) -> tuple[SimField, ...]:
    sizes = {"Street": 255, "City": 40, "State": 80, "PostalCode": 20, "Country": 80}
    return tuple(
        SimField(f"{prefix}{part}", "textarea" if part == "Street" else "string", n) for part, n in sizes.items()
    )


def _object(name: str, prefix: str, required: tuple[str, ...], plural: str, *fields: SimField) -> SimObject:
    return SimObject(name, prefix, {f.name: f for f in (*_STANDARD, *fields)}, required, plural)


def objects(*, deployed: bool = True, multi_currency: bool = True) -> dict[str, SimObject]:
    """Return the organisation's objects; ``deployed``: with the custom fields of ``metadata/``."""
    every = (
        _object(
            "Account", "001", ("Name",), "Accounts",
            SimField("Name", "string", 255), SimField("AccountNumber", "string", 40), SimField("Type", "picklist", 255),
            SimField("ParentId", "reference", refers_to="Account"), SimField("Industry", "picklist", 255),
            SimField("Phone", "phone", 40), SimField("Website", "url", 255), *_address("Billing"),
            *_address("Shipping"), SimField("AnnualRevenue", "currency"),
            SimField("Description", "textarea", 32000), _OWNER, _CURRENCY,
            SimField("OTC_Customer_Key__c", "string", 80, external_id=True),
            SimField("OTC_AR_Open__c", "double", scale=4), SimField("OTC_AR_Past_Due__c", "double", scale=4),
            SimField("OTC_AR_Oldest_Days_Late__c", "double"), SimField("OTC_AR_On_Hold__c", "boolean"),
            SimField("OTC_AR_As_Of__c", "date"), SimField("OTC_AR_Currency__c", "string", 3),
        ),
        _object(
            "Contact", "003", ("LastName",), "Contacts",
            _ACCOUNT, SimField("FirstName", "string", 40), SimField("LastName", "string", 80),
            SimField("Name", "string", 121, derived=True), SimField("Email", "email", 80),
            SimField("Phone", "phone", 40), SimField("Title", "string", 128), *_address("Mailing"), _OWNER, _CURRENCY,
        ),
        _object(
            "Opportunity", "006", ("Name", "StageName", "CloseDate"), "Opportunities",
            _ACCOUNT, SimField("Name", "string", 120), SimField("StageName", "picklist", 255),
            SimField("Amount", "currency", scale=2), SimField("CloseDate", "date"), SimField("Probability", "percent"),
            SimField("IsClosed", "boolean", derived=True), SimField("IsWon", "boolean", derived=True),
            SimField("Type", "picklist", 255), SimField("LeadSource", "picklist", 255), _OWNER, _CURRENCY,
        ),
        _object(
            "Order", "801", ("AccountId", "EffectiveDate", "Status"), "Orders",
            _ACCOUNT, SimField("OrderNumber", "string", 30, derived=True),
            SimField("ContractId", "reference", refers_to="Contract"),
            SimField("OpportunityId", "reference", refers_to="Opportunity"), SimField("Status", "picklist", 255),
            SimField("StatusCode", "picklist", 40, derived=True), SimField("EffectiveDate", "date"),
            SimField("EndDate", "date"), SimField("TotalAmount", "currency", scale=2, derived=True), _OWNER, _CURRENCY,
            SimField("OTC_Order_Key__c", "string", 80, external_id=True),
            SimField("OTC_Payment_Status__c", "string", 40), SimField("OTC_Paid_Amount__c", "double", scale=4),
            SimField("OTC_Payment_As_Of__c", "date"), SimField("OTC_Payment_Currency__c", "string", 3),
        ),
        _object(
            "Contract", "800", ("AccountId",), "Contracts",
            _ACCOUNT, SimField("ContractNumber", "string", 30, derived=True), SimField("Status", "picklist", 40),
            SimField("StartDate", "date"), SimField("EndDate", "date", derived=True), SimField("ContractTerm", "int"),
            _OWNER, _CURRENCY,
        ),
        _object(
            "Case", "500", (), "Cases",
            _ACCOUNT, SimField("CaseNumber", "string", 30, derived=True),
            SimField("ContactId", "reference", refers_to="Contact"), SimField("Subject", "string", 255),
            SimField("Type", "picklist", 255), SimField("Reason", "picklist", 255), SimField("Status", "picklist", 255),
            SimField("Priority", "picklist", 255), SimField("Origin", "picklist", 255),
            SimField("IsClosed", "boolean", derived=True), SimField("ClosedDate", "datetime", derived=True), _OWNER,
            _CURRENCY,
        ),
        _object(
            "User", "005", ("Username",), "Users", SimField("Username", "string", 80), SimField("Name", "string", 121),
        ),
    )  # fmt: skip

    def has(field: SimField) -> bool:
        return (deployed or not field.custom) and (multi_currency or field.name != "CurrencyIsoCode")

    return {
        o.name: SimObject(o.name, o.prefix, {n: f for n, f in o.fields.items() if has(f)}, o.required, o.plural)
        for o in every
    }
