from __future__ import annotations

from pathlib import Path

from lxml import etree

from connectors.crm.salesforce import catalogue
from connectors.crm.salesforce.catalogue import TABLES, WRITABLE
from connectors.crm.salesforce.simulator.schema import objects
from connectors.kit.contract import FieldType

FOLDER = Path(catalogue.__file__).parent / "metadata"
NS = {"m": "http://soap.sforce.com/2006/04/metadata"}
TYPES = {
    FieldType.DECIMAL: "Number",
    FieldType.INTEGER: "Number",
    FieldType.BOOLEAN: "Checkbox",
    FieldType.DATE: "Date",
    FieldType.TEXT: "Text",
    FieldType.CURRENCY: "Text",
}


def tree(name: str) -> etree._ElementTree:
    return etree.parse(str(FOLDER / name))


def texts(found: etree._ElementTree, path: str) -> list[str]:
    return [str(node.text) for node in found.findall(path, NS)]


def needed() -> dict[str, set[str]]:
    wanted: dict[str, set[str]] = {}
    for table in TABLES.values():
        wanted.setdefault(table.vendor, set()).update(table.custom)
    for target in WRITABLE.values():
        wanted.setdefault(target.vendor, set()).update({target.external_id, *(f.vendor for f in target.fields)})
    return {name: fields for name, fields in wanted.items() if fields}


def test_every_custom_field_is_shipped_packaged_and_permitted() -> None:
    shipped = {
        p.stem: set(texts(tree(f"objects/{p.name}"), ".//m:fields/m:fullName")) for p in FOLDER.glob("objects/*")
    }
    assert shipped == needed()
    full = {f"{name}.{field}" for name, fields in shipped.items() for field in fields}
    package = tree("package.xml")
    assert set(texts(package, "m:types[m:name='CustomField']/m:members")) == full
    permissions = tree("permissionsets/OTC_Integration.permissionset")
    assert set(texts(permissions, ".//m:fieldPermissions/m:field")) == full
    assert set(texts(permissions, ".//m:objectPermissions/m:object")) == {t.vendor for t in TABLES.values()}
    assert texts(package, "m:types[m:name='PermissionSet']/m:members") == ["OTC_Integration"]


def test_fields_have_the_types_that_are_written() -> None:
    for target in WRITABLE.values():
        found = tree(f"objects/{target.vendor}.object")
        for field in target.fields:
            node = f".//m:fields[m:fullName='{field.vendor}']"
            assert texts(found, f"{node}/m:type") == [TYPES[field.type]]
            if field.type is FieldType.DECIMAL:
                assert (texts(found, f"{node}/m:precision"), texts(found, f"{node}/m:scale")) == (["18"], ["4"])
        key = f".//m:fields[m:fullName='{target.external_id}']"
        for rule in ("externalId", "unique", "caseSensitive"):
            assert texts(found, f"{key}/m:{rule}") == ["true"]


def test_the_simulated_organisation_has_what_is_shipped() -> None:
    there = objects()
    for name, fields in needed().items():
        assert {f for f in there[name].fields if f.endswith("__c")} == fields
    for table in TABLES.values():
        assert {c.vendor for c in table.columns} <= set(there[table.vendor].fields)
