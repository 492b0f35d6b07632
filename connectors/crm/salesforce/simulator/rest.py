"""REST on the wire: queries and their pages, describe, records, deleted, limits.

Belongs here: URLs and JSON. Not here: collections (``composite``), jobs (``jobs``, ``async_jobs``), records' rules
(``org``).
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

from connectors.crm.salesforce.simulator.aggregates import aggregated
from connectors.crm.salesforce.simulator.answers import error, shown
from connectors.crm.salesforce.simulator.composite import Collections
from connectors.crm.salesforce.simulator.limits import Limits
from connectors.crm.salesforce.simulator.org import Org, Refused, make_id, stamp
from connectors.crm.salesforce.simulator.soql import Record, SoqlError
from connectors.simulation.faults import Faults
from connectors.simulation.server import Answer, Request, json_answer


class Rest:
    """Everything under ``/services/data/vNN.0/`` that is not a job."""

    def __init__(self, org: Org, faults: Faults, limits: Limits, page_rows: int) -> None:
        self._org, self._faults, self._limits, self._page_rows = org, faults, limits, page_rows
        self._collections = Collections(org, faults)

    def answer(self, request: Request, base: str, path: str) -> Answer:
        """Answer a path below ``base`` (``/services/data/vNN.0``)."""
        parts = [unquote(p) for p in path.strip("/").split("/")]
        try:
            return self._route(request, base, parts)
        except SoqlError as refused:
            return error(refused.code, str(refused))
        except Refused as refused:
            return error(
                refused.code, refused.message, 404 if refused.code == "ENTITY_IS_DELETED" else 400, refused.fields
            )
        except ValueError:
            return error("JSON_PARSER_ERROR", "Unexpected character in the body")

    def _route(self, request: Request, base: str, parts: list[str]) -> Answer:
        method, head = request.method, parts[0]
        if head in ("query", "queryAll") and method == "GET":
            if len(parts) == 2:
                return self._more(request, base, parts[1])
            return self._query(request, base, deleted=head == "queryAll")
        if head == "limits":
            return json_answer(self._limits.shown())
        if head == "sobjects" and len(parts) == 1:
            listed = [o.describe_short(base) for o in self._org.objects.values()]
            return json_answer({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": listed})
        if head == "composite" and parts[1:2] == ["sobjects"]:
            return self._collections.answer(request, base, parts[2:])
        if head == "sobjects":
            return self._sobject(request, base, parts[1], parts[2:])
        return error("NOT_FOUND", "The requested resource does not exist", 404)

    # --- queries

    def _query(self, request: Request, base: str, *, deleted: bool) -> Answer:
        query = self._org.parse(request.query.get("q", ""))
        found = self._org.find(query, deleted=deleted)
        if query.count:
            return json_answer({"totalSize": len(found), "done": True, "records": []})
        if query.aggregates or query.grouped:
            rows = aggregated(query, found, multi_currency=self._org.multi_currency)
            return json_answer({"totalSize": len(rows), "done": True, "records": rows})
        rows = [shown(self._org, base, query.object.name, r, query.fields) for r in found]
        if len(rows) <= self._size(request):
            return self._page(request, base, rows, 0, "")
        locator = make_id("01g", self._org.store.next_number("locator"))
        self._org.store.put("locator", locator, {"rows": rows})
        return self._page(request, base, rows, 0, locator)

    def _more(self, request: Request, base: str, place: str) -> Answer:
        locator, _, at = place.rpartition("-")
        kept = self._org.store.get("locator", locator)
        if kept is None or not at.isdigit():
            return error("INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(request, base, kept["rows"], int(at), locator)

    def _page(self, request: Request, base: str, rows: list[Record], start: int, locator: str) -> Answer:
        end = start + self._size(request)
        page: dict[str, Any] = {"totalSize": len(rows), "done": end >= len(rows), "records": rows[start:end]}
        if short := self._faults.fires(("short",), request.method, request.path):
            page["records"] = page["records"][: len(page["records"]) - short.rows]
        if not page["done"]:
            page["nextRecordsUrl"] = f"{base}/query/{locator}-{end}"
            if foreign := self._faults.fires(("foreign_next",), request.method, request.path):
                page["nextRecordsUrl"] = foreign.url
            if self._faults.fires(("repeat_page",), request.method, request.path):
                page["nextRecordsUrl"] = f"{base}/query/{locator}-{start}"
        return json_answer(page, rows=len(page["records"]))

    def _size(self, request: Request) -> int:
        asked = re.search(r"batchSize=(\d+)", request.headers.get("sforce-query-options", ""))
        return min(self._page_rows, max(200, int(asked.group(1))) if asked else 2000)

    # --- records

    def _sobject(self, request: Request, base: str, name: str, rest: list[str]) -> Answer:
        there = self._org.objects.get(name)
        if there is None:
            return error("NOT_FOUND", "The requested resource does not exist", 404)
        if rest == ["describe"]:
            return json_answer(there.describe(base))
        if rest in (["deleted"], ["updated"]):
            return self._changed(request, name, deleted=rest == ["deleted"])
        if not rest and request.method == "POST":
            made = self._org.create(name, request.json())
            return json_answer({"id": made.id, "success": True, "errors": []}, 201, writes=1, object=name)
        if not rest:
            return json_answer({"objectDescribe": there.describe_short(base), "recentItems": []})
        field, key = ("Id", rest[0]) if len(rest) == 1 else (rest[0], rest[1])
        found = self._org.get(name, key, field)
        if request.method == "PATCH" and field != "Id":
            done = self._org.upsert(name, field, key, request.json())
            body = {"id": done.id, "success": True, "errors": [], "created": done.created}
            return json_answer(body, 201 if done.created else 200, writes=1, object=name, keys=[key])
        if found is None:
            return error("NOT_FOUND", "The requested resource does not exist", 404)
        if request.method == "GET":
            asked = tuple(f for f in request.query.get("fields", "").split(",") if f)
            return json_answer(shown(self._org, base, name, found, asked or None))
        if request.method == "PATCH":
            self._org.update(name, str(found["Id"]), request.json())
        elif request.method == "DELETE":
            self._org.delete(name, str(found["Id"]))
        else:
            return error("METHOD_NOT_ALLOWED", f"HTTP Method '{request.method}' not allowed", 405)
        return Answer(204, note={"writes": 1, "object": name, "keys": [key]})

    def _changed(self, request: Request, name: str, *, deleted: bool) -> Answer:
        start, end = (datetime.fromisoformat(request.query[k].replace(" ", "+")) for k in ("start", "end"))
        rows = [
            r
            for r in self._org.store.all(name)
            if bool(r.get("IsDeleted")) is deleted and start <= datetime.fromisoformat(r["SystemModstamp"]) < end
        ]
        answer: dict[str, Any] = {"latestDateCovered": stamp(end)}
        if not deleted:
            return json_answer({"ids": [r["Id"] for r in rows], **answer})
        answer["earliestDateAvailable"] = stamp(self._org.clock() - timedelta(days=15))
        listed = [{"id": r["Id"], "deletedDate": r["SystemModstamp"]} for r in rows]
        return json_answer({"deletedRecords": listed, **answer})
