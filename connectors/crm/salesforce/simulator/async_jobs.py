"""Bulk API 1.0, queries only: what tap-salesforce (CSV, XML answers) and dlt's Salesforce source (JSON) still speak.

Belongs here: ``/services/async/NN.0/``. Not here: Bulk API 2.0 (``jobs``). Jobs that write are refused.
A batch says Queued to who adds it, and is done when somebody asks. With PK chunking there is a batch for each part.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from connectors.crm.salesforce.simulator.jobs import cell, csv_bytes
from connectors.crm.salesforce.simulator.limits import BULK_BATCHES, Limits
from connectors.crm.salesforce.simulator.org import USER_ID, Org, make_id, stamp
from connectors.crm.salesforce.simulator.schema import SimObject
from connectors.crm.salesforce.simulator.soql import Query, Record, SoqlError
from connectors.simulation.faults import Faults
from connectors.simulation.server import Answer, Request, json_answer

_JSON = {"Content-Type": "application/json"}  # without a character set: clients compare it
_CSV = {"Content-Type": "text/csv;charset=UTF-8"}  # says its character set, unlike version 2.0: clients go by it
_SPACE = "http://www.force.com/2009/06/asyncapi/dataload"


def refused(code: str, message: str, status: int = 400) -> Answer:
    """Answer as this API does: one object, not an array."""
    return json_answer({"exceptionCode": code, "exceptionMessage": message}, status, _JSON)


class AsyncJobs:
    """Jobs with batches, each batch a query that has already been run when somebody asks."""

    def __init__(self, org: Org, faults: Faults, limits: Limits) -> None:
        self._org, self._faults, self._limits = org, faults, limits

    def answer(self, request: Request, parts: list[str]) -> Answer:
        """Answer ``parts`` below ``/services/async/NN.0/``."""
        if parts[0] != "job":
            return refused("InvalidUrl", "Destination URL not reset")
        if len(parts) == 1:
            return self._create(request)
        job = self._org.store.get("async_job", parts[1])
        if job is None:
            return refused("InvalidJob", f"Unable to find job with id: {parts[1]}")
        if len(parts) == 2:
            if request.method == "POST":
                job["info"]["state"] = request.json().get("state", job["info"]["state"])
                self._org.store.put("async_job", parts[1], job)
            return json_answer(job["info"])
        as_json = job["info"]["contentType"] == "JSON"
        if len(parts) == 3:
            if request.method == "POST":
                return self._add(request, job, as_json)
            batches = [b["info"] for b in self._org.store.all("async_batch") if b["info"]["jobId"] == parts[1]]
            listed = "".join(_xml("batchInfo", b) for b in batches)
            return json_answer({"batchInfo": batches}) if as_json else _xml_answer("batchInfoList", listed)
        batch = self._org.store.get("async_batch", parts[3])
        if batch is None:
            return refused("InvalidBatch", f"Unable to find batch with id: {parts[3]}")
        if len(parts) == 4:
            return json_answer(batch["info"]) if as_json else _xml_answer("batchInfo", _inside(batch["info"]))
        if "rows" not in batch:
            return refused("InvalidBatch", f"Batch {parts[3]} has no results: {batch['info']['state']}")
        if len(parts) == 5:
            name = batch["result"]
            return json_answer([name]) if as_json else _xml_answer("result-list", f"<result>{name}</result>")
        return self._result(batch, as_json)

    def _create(self, request: Request) -> Answer:
        asked = request.json()
        if asked.get("operation") not in ("query", "queryAll"):
            return refused("FeatureNotEnabled", "Only queries are simulated in this version of the API")
        now, name = stamp(self._org.clock()), make_id("750", self._org.store.next_number("job"))
        info = {
            "id": name,
            "operation": asked["operation"],
            "object": asked.get("object"),
            "createdById": USER_ID,
            "createdDate": now,
            "systemModstamp": now,
            "state": "Open",
            "concurrencyMode": asked.get("concurrencyMode", "Parallel"),
            "contentType": asked.get("contentType", "CSV"),
            "apiVersion": 61.0,
        }
        self._org.store.put("async_job", name, {"info": info, "chunk": _chunk(request)})
        return json_answer(info, 201)

    def _add(self, request: Request, job: dict[str, Any], as_json: bool) -> Answer:
        first = self._batch(job)
        info = first["info"]
        failing = self._faults.fires(("abort_job",), request.method, request.path)
        try:
            query = self._org.parse(request.body.decode())
        except SoqlError as problem:
            info |= {"state": "Failed", "stateMessage": f"InvalidBatch : Failed to process query: {problem}"}
        else:
            found = self._org.find(query, deleted=job["info"]["operation"] == "queryAll")
            if failing is not None:
                info |= {"state": "Failed", "stateMessage": failing.code}
            elif job["chunk"]:
                info["state"] = "NotProcessed"
                found.sort(key=lambda r: str(r["Id"]))
                for start in range(0, len(found), job["chunk"]):
                    self._keep(_filled(self._batch(job), query, found[start : start + job["chunk"]]))
            else:
                _filled(first, query, found)
        self._keep(first)
        told = {**info, "state": "Queued", "numberRecordsProcessed": 0}
        told.pop("stateMessage", None)
        return json_answer(told, 201) if as_json else _xml_answer("batchInfo", _inside(told), 201)

    def _batch(self, job: Mapping[str, Any]) -> dict[str, Any]:
        self._limits.use(BULK_BATCHES)
        now = stamp(self._org.clock())
        info: dict[str, Any] = {
            "id": make_id("751", self._org.store.next_number("batch")),
            "jobId": job["info"]["id"],
            "state": "Completed",
            "createdDate": now,
            "systemModstamp": now,
            "numberRecordsProcessed": 0,
        }
        return {"info": info, "result": make_id("752", self._org.store.next_number("result"))}

    def _keep(self, batch: dict[str, Any]) -> None:
        self._org.store.put("async_batch", batch["info"]["id"], batch)

    def _result(self, batch: Mapping[str, Any], as_json: bool) -> Answer:
        if not as_json:
            rows = [[cell(r[n]) for n in batch["fields"]] for r in batch["rows"]]
            return Answer(200, csv_bytes(batch["fields"], rows), _CSV)
        there = self._org.objects[batch["object"]]
        shown = [_shown(there, r) for r in batch["rows"]]
        return Answer(200, json.dumps(shown).encode(), {"Content-Type": "application/json;charset=UTF-8"})


def _filled(batch: dict[str, Any], query: Query, found: Sequence[Record]) -> dict[str, Any]:
    rows = [{n: r.get(n) for n in query.fields} for r in found]
    batch |= {"object": query.object.name, "fields": list(query.fields), "rows": rows}
    batch["info"]["numberRecordsProcessed"] = len(rows)
    return batch


def _chunk(request: Request) -> int:
    """Return how many records a part has where PK chunking is asked for, else 0."""
    asked = request.headers.get("sforce-enable-pkchunking", "")
    if not asked or asked.lower().startswith("false"):
        return 0
    size = re.search(r"chunkSize=(\d+)", asked)
    return min(int(size.group(1)), 250_000) if size else 100_000


def _shown(there: SimObject, record: Record) -> Record:
    """Write times and dates as milliseconds since 1970, which is what this API's JSON does."""
    shown: Record = {"attributes": {"type": there.name}}
    for name, value in record.items():
        if value is not None and there.fields[name].type in ("date", "datetime"):
            moment = datetime.fromisoformat(value)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            value = int(moment.timestamp() * 1000)
        shown[name] = value
    return shown


def _inside(values: Mapping[str, Any]) -> str:
    return "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in values.items())


def _xml(name: str, values: Mapping[str, Any]) -> str:
    return f"<{name}>{_inside(values)}</{name}>"


def _xml_answer(name: str, inside: str, status: int = 200) -> Answer:
    body = f'<?xml version="1.0" encoding="UTF-8"?><{name} xmlns="{_SPACE}">{inside}</{name}>'
    return Answer(status, body.encode(), {"Content-Type": "application/xml"})
