"""sObject collections: up to 200 records in a call, each with a result of its own, or all of them or none.

Belongs here: ``/composite/sobjects``. Not here: single records (``rest``), records' rules (``org``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connectors.crm.salesforce.simulator.answers import error, shown
from connectors.crm.salesforce.simulator.org import Org, Refused, Written
from connectors.simulation.faults import Faults
from connectors.simulation.server import Answer, Request, json_answer

_MOST = 200
_ROLLED_BACK = {
    "statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "message": "Record rolled back because not all records were valid and the request was using AllOrNone header",
    "fields": [],
}


class Collections:
    """Everything under ``/services/data/vNN.0/composite/sobjects``."""

    def __init__(self, org: Org, faults: Faults) -> None:
        self._org, self._faults = org, faults

    def answer(self, request: Request, base: str, rest: list[str]) -> Answer:
        """Answer ``rest`` below ``composite/sobjects``."""
        if request.method == "GET" and rest:
            fields = request.query.get("fields", "Id").split(",")
            return self._retrieve(base, rest[0], request.query.get("ids", "").split(","), fields)
        if request.method == "POST" and rest:
            asked = request.json()
            return self._retrieve(base, rest[0], asked.get("ids", []), asked.get("fields", ["Id"]))
        if request.method == "DELETE":
            gone: list[dict[str, Any]] = [{"id": key} for key in request.query.get("ids", "").split(",")]
            whole = request.query.get("allOrNone", "").lower() == "true"
            return self._each(request, gone, "id", "", lambda row: self._deleted(row["id"]), whole=whole)
        asked = request.json()
        rows: list[dict[str, Any]] = asked.get("records", [])
        if len(rows) > _MOST:
            return error("EXCEEDED_MAX_SIZE_REQUEST", f"record limit reached. cannot submit more than {_MOST} records")
        org, name = self._org, rest[0] if rest else str(rows[0]["attributes"]["type"]) if rows else ""
        if name and name not in org.objects:
            return error("NOT_FOUND", "The requested resource does not exist", 404)
        write: Callable[[dict[str, Any]], Written]
        if request.method == "PATCH" and len(rest) == 2:
            key = rest[1]

            def write(row: dict[str, Any]) -> Written:
                if row.get(key) in (None, ""):
                    raise Refused("MISSING_ARGUMENT", f"{key} not specified", [key])
                return org.upsert(name, key, str(row[key]), _values(row, key))

        elif request.method == "PATCH":
            key = "id"

            def write(row: dict[str, Any]) -> Written:
                of = {n.lower(): v for n, v in row.items()}.get("id", "")
                return org.update(name, str(of), {n: v for n, v in _values(row, "").items() if n.lower() != "id"})

        else:
            key = ""

            def write(row: dict[str, Any]) -> Written:
                return org.create(name, _values(row, ""))

        return self._each(request, rows, key, name, write, whole=asked.get("allOrNone") is True)

    def _retrieve(self, base: str, name: str, ids: Sequence[str], fields: Sequence[str]) -> Answer:
        there = self._org.objects.get(name)
        if there is None:
            return error("NOT_FOUND", "The requested resource does not exist", 404)
        unknown = [f for f in fields if there.field(f) is None]
        if unknown:
            return error("INVALID_FIELD", f"No such column '{unknown[0]}' on entity '{name}'.")
        found = [self._org.get(name, key) for key in ids]
        return json_answer([None if r is None else shown(self._org, base, name, r, fields) for r in found])

    def _deleted(self, key: str) -> Written:
        name = next((o.name for o in self._org.objects.values() if o.prefix == key[:3]), None)
        if name is None:
            raise Refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        self._org.delete(name, key)
        return Written(key, False)

    def _each(
        self,
        request: Request,
        rows: list[dict[str, Any]],
        key: str,
        name: str,
        write: Callable[[dict[str, Any]], Written],
        *,
        whole: bool,
    ) -> Answer:
        keys = [str(row.get(key, "")) for row in rows]
        failing = self._faults.row_error(request.path, keys)
        results: list[dict[str, Any]] = []
        with self._org.undoable() as undo:
            for row_key, row in zip(keys, rows, strict=True):
                try:
                    if row_key in failing:
                        raise Refused(failing[row_key], f"{failing[row_key]} for this row")
                    if key and row_key and keys.count(row_key) > 1:
                        raise Refused("DUPLICATE_VALUE", f"Duplicate external id specified: {row_key}", [key])
                    done = write(row)
                except Refused as refused:
                    said = {"statusCode": refused.code, "message": refused.message, "fields": refused.fields}
                    results.append({"success": False, "errors": [said]})
                else:
                    upserts = {"created": done.created} if key not in ("", "id") else {}
                    results.append({"id": done.id, "success": True, "errors": [], **upserts})
            if whole and not all(r["success"] for r in results):
                undo()
                results = [{"success": False, "errors": [_ROLLED_BACK]} if r["success"] else r for r in results]
        return json_answer(results, writes=len(rows), object=name, keys=keys, failed=sorted(failing))


def _values(row: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {n: v for n, v in row.items() if n not in ("attributes", key)}
