"""What several parts of the wire answer alike: the vendor's array of errors, a record with its attributes.

Belongs here: shapes of answers. Not here: what is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.crm.salesforce.simulator.org import Org
from connectors.crm.salesforce.simulator.soql import Record
from connectors.simulation.server import Answer, json_answer


def error(code: str, message: str, status: int = 400, fields: list[str] | None = None) -> Answer:
    """Answer with the vendor's array of errors."""
    return json_answer([{"message": message, "errorCode": code, **({"fields": fields} if fields else {})}], status)


def shown(org: Org, base: str, name: str, record: Record, fields: Sequence[str] | None = None) -> Record:
    """Write a record as REST does: its type and address, then the fields that were asked for, or all."""
    names = fields or tuple(org.objects[name].fields)
    link = f"{base}/sobjects/{name}/{record['Id']}"
    return {"attributes": {"type": name, "url": link}, **{n: record.get(n) for n in names}}
