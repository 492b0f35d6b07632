"""Bulk API 2.0: query jobs and ingest jobs, their states and their CSV.

Belongs here: ``/jobs/query`` and ``/jobs/ingest``. Not here: Bulk API 1.0 (``async_jobs``), records' rules (``org``).
A job is done at once, and says InProgress to the first who asks, as a vendor would.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from connectors.crm.salesforce.simulator.answers import error
from connectors.crm.salesforce.simulator.limits import QUERY_JOBS, Limits
from connectors.crm.salesforce.simulator.org import USER_ID, Org, Refused, make_id, stamp
from connectors.crm.salesforce.simulator.soql import SoqlError
from connectors.simulation.faults import Faults
from connectors.simulation.server import Answer, Request, json_answer

CSV_TYPE = {"Content-Type": "text/csv"}
_DELIMITERS = {"COMMA": ",", "TAB": "\t", "SEMICOLON": ";", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}


class Jobs:
    """Everything under ``/services/data/vNN.0/jobs/``."""

    def __init__(self, org: Org, faults: Faults, limits: Limits, result_rows: int) -> None:
        self._org, self._faults, self._limits, self._result_rows = org, faults, limits, result_rows

    def answer(self, request: Request, base: str, parts: list[str]) -> Answer:
        """Answer ``parts`` below ``jobs/``."""
        kind, rest = parts[0], parts[1:]
        if kind not in ("query", "ingest"):
            return error("NOT_FOUND", "The requested resource does not exist", 404)
        if not rest:
            return self._create(request, base, kind) if request.method == "POST" else self._list(kind)
        job = self._org.store.get("job", rest[0])
        if job is None or job["kind"] != kind:
            return error("NOT_FOUND", "The requested resource does not exist", 404)
        if len(rest) == 1:
            return self._one(request, job)
        if rest[1] == "batches" and request.method == "PUT":
            return self._upload(request, job)
        if job["info"]["state"] not in ("JobComplete", "Failed", "Aborted"):
            return error("INVALIDJOBSTATE", f"Job {rest[0]} is not finished")
        if kind == "query" and rest[1] == "results":
            return self._results(request, job)
        if rest[1] in ("successfulResults", "failedResults", "unprocessedrecords", "unprocessedRecords"):
            header, rows = job["results"][rest[1].lower()]
            return Answer(200, csv_bytes(header, rows), CSV_TYPE)
        return error("NOT_FOUND", "The requested resource does not exist", 404)

    def _create(self, request: Request, base: str, kind: str) -> Answer:
        asked = request.json()
        now, version = stamp(self._org.clock()), float(base.rpartition("/v")[2])
        name = make_id("750", self._org.store.next_number("job"))
        info: dict[str, Any] = {
            "id": name,
            "operation": asked.get("operation", "query"),
            "object": asked.get("object", ""),
            "createdById": USER_ID,
            "createdDate": now,
            "systemModstamp": now,
            "state": "UploadComplete" if kind == "query" else "Open",
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": version,
            "lineEnding": asked.get("lineEnding", "LF"),
            "columnDelimiter": asked.get("columnDelimiter", "COMMA"),
        }
        job: dict[str, Any] = {"kind": kind, "info": info, "asked_for": 0}
        if kind == "query":
            try:
                query = self._org.parse(asked.get("query", ""))
            except SoqlError as refused:
                return error("API_ERROR" if refused.code == "MALFORMED_QUERY" else refused.code, str(refused))
            if query.count or query.aggregates or query.grouped:
                return error("FUNCTIONALITY_NOT_ENABLED", "Aggregate queries are not supported")
            self._limits.use(QUERY_JOBS)
            found = self._org.find(query, deleted=info["operation"] == "queryAll")
            info["object"] = query.object.name
            job |= {"fields": list(query.fields), "rows": [[cell(r.get(f)) for f in query.fields] for r in found]}
            job["final"] = {"state": "JobComplete", "numberRecordsProcessed": len(found), "retries": 0}
        else:
            info["externalIdFieldName"] = asked.get("externalIdFieldName")
            info["contentUrl"] = f"{base.lstrip('/')}/jobs/ingest/{name}/batches"
        self._org.store.put("job", name, job)
        return json_answer(info, job=name)

    def _list(self, kind: str) -> Answer:
        found = [j["info"] for j in self._org.store.all("job") if j["kind"] == kind]
        return json_answer({"done": True, "records": found, "nextRecordsUrl": None})

    def _one(self, request: Request, job: dict[str, Any]) -> Answer:
        info = job["info"]
        if request.method == "DELETE":
            self._org.store.delete("job", info["id"])
            return Answer(204)
        if request.method == "PATCH":
            state = request.json().get("state")
            if info["state"] != "Open" and not (state == "Aborted" and info["state"] == "UploadComplete"):
                return error("INVALIDJOBSTATE", f"Job state {info['state']} does not allow {state}")
            info["state"] = state
            note: dict[str, Any] = {}
            if state == "Aborted":
                self._end(job, [], [], _rows(job), state)
            elif state == "UploadComplete":
                note = self._apply(request, job)
            self._org.store.put("job", info["id"], job)
            return json_answer(info, **note)
        job["asked_for"] += 1
        if "final" in job and info["state"] not in ("Open", "Aborted"):
            info |= {"state": "InProgress"} if job["asked_for"] == 1 else job["final"]
        self._org.store.put("job", info["id"], job)
        return json_answer({**info, "jobType": "V2Query" if job["kind"] == "query" else "V2Ingest"})

    def _results(self, request: Request, job: dict[str, Any]) -> Answer:
        size = int(request.query.get("maxRecords", self._result_rows))
        start = int(request.query.get("locator", "0"))
        rows = job["rows"][start : start + size]
        if short := self._faults.fires(("short",), request.method, request.path):
            rows = rows[: len(rows) - short.rows]
        end = start + size
        headers = {
            **CSV_TYPE,
            "Sforce-NumberOfRecords": str(len(rows)),
            "Sforce-Locator": "null" if end >= len(job["rows"]) else str(end),
        }
        return Answer(200, csv_bytes(job["fields"], rows), headers, {"rows": len(rows)})

    # --- ingest

    def _upload(self, request: Request, job: dict[str, Any]) -> Answer:
        if job["info"]["state"] != "Open":
            return error("INVALIDJOBSTATE", "Job is not open")
        job["csv"] = request.body.decode()
        self._org.store.put("job", job["info"]["id"], job)
        return Answer(201)

    def _apply(self, request: Request, job: dict[str, Any]) -> dict[str, Any]:
        info, rows = job["info"], _rows(job)
        field = info.get("externalIdFieldName") or "Id"
        keys = [row.get(field, "") for row in rows]
        failing = self._faults.row_error(request.path, keys)
        stop = self._faults.fires(("abort_job",), request.method, request.path)
        reach = len(rows) if stop is None else stop.rows
        good, bad = [], []
        for key, row in zip(keys[:reach], rows[:reach], strict=True):
            try:
                if key in failing:
                    raise Refused(failing[key], f"{failing[key]} for this row")
                good.append((self._write(info, field, key, row), row))
            except Refused as refused:
                bad.append((f"{refused.code}:{refused.message}:{','.join(refused.fields)} --", row))
        self._end(job, good, bad, rows[reach:], (stop.code or "Aborted") if stop else "JobComplete")
        return {"writes": reach, "object": info["object"], "keys": keys[:reach], "failed": sorted(failing)}

    def _write(self, info: dict[str, Any], field: str, key: str, row: dict[str, str]) -> list[str]:
        values = {n: None if v == "#N/A" else v for n, v in row.items() if n != field and v != ""}
        operation = info["operation"]
        if operation == "upsert":
            done = self._org.upsert(info["object"], field, key, values)
        elif operation == "insert":
            done = self._org.create(info["object"], values)
        elif operation == "update":
            done = self._org.update(info["object"], key, values)
        else:
            self._org.delete(info["object"], key)
            return [key, "false"]
        return [done.id, "true" if done.created else "false"]

    def _end(
        self,
        job: dict[str, Any],
        good: Sequence[tuple[list[str], dict[str, str]]],
        bad: Sequence[tuple[str, dict[str, str]]],
        rest: Sequence[dict[str, str]],
        state: str,
    ) -> None:
        header = list(next(iter(_rows(job)), {}))
        job["results"] = {
            "successfulresults": (
                ["sf__Id", "sf__Created", *header],
                [[*done, *(row[h] for h in header)] for done, row in good],
            ),
            "failedresults": (
                ["sf__Id", "sf__Error", *header],
                [["", said, *(row[h] for h in header)] for said, row in bad],
            ),
            "unprocessedrecords": (header, [[row[h] for h in header] for row in rest]),
        }
        counts = {"numberRecordsProcessed": len(good) + len(bad), "numberRecordsFailed": len(bad), "retries": 0}
        job["final"] = {"state": state, **counts}
        if state == "Aborted" and job["info"]["state"] == "Aborted":
            job["info"] |= counts


def _rows(job: dict[str, Any]) -> list[dict[str, str]]:
    delimiter = _DELIMITERS[job["info"]["columnDelimiter"]]
    return list(csv.DictReader(io.StringIO(job.get("csv", ""), newline=""), delimiter=delimiter))


def cell(value: Any) -> str:
    """Write a value as bulk CSV does: times with Z, large numbers as Java prints them."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return java_double(value)
    text = str(value)
    return text.removesuffix("+0000") + "Z" if text.endswith(".000+0000") else text


def java_double(value: float) -> str:
    """Write a number as Java's Double.toString: 1.23456789E7 from ten million on."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    fraction = "".join(map(str, digits[1:])) or "0"
    return f"{'-' * sign}{digits[0]}.{fraction}E{int(exponent) + len(digits) - 1}"


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Write rows as the vendor does: every cell quoted."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()
