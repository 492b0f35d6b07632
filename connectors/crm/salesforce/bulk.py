"""Bulk API 2.0 jobs on the wire: query jobs that end in pages of CSV, ingest jobs that end in three lists of rows.

Belongs here: job states, CSV both ways. Not here: which rows, and what a failed row means to the caller.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv

from connectors.crm.salesforce.client import SalesforceClient, identifier
from connectors.kit.errors import FatalError, RetriableError
from connectors.kit.http import AnswerLostError, refuse_html
from connectors.kit.incremental import PageGuard, expect_count

_CSV = {"Accept": "text/csv"}
_DONE = frozenset({"JobComplete", "Failed", "Aborted"})
CLEARS = "#N/A"  #: what an ingest CSV says to empty a field; an empty cell leaves the field as it is


def bulk_query(client: SalesforceClient, soql: str, page_rows: int, *, deleted: bool = True) -> Iterator[pa.Table]:
    """Run a query job and yield its pages as text columns; an empty cell is null. Rows are counted at the end.

    ``deleted``: with what is in the recycle bin.
    """
    request = {
        "operation": "queryAll" if deleted else "query",
        "query": soql,
        "columnDelimiter": "COMMA",
        "lineEnding": "LF",
    }
    job = client.json("POST", "jobs/query", what="a bulk query", json=request, idempotent=True)
    path = f"jobs/query/{_id(job)}"
    job = _finished(client, path, "a bulk query")
    if job.get("state") != "JobComplete":
        raise RetriableError(f"{client.host} ended a bulk query as {job.get('state')}; try again later")
    guard, received, locator = PageGuard(f"{client.host}: a bulk query"), 0, ""
    while True:
        params = {"maxRecords": str(page_rows), **({"locator": locator} if locator else {})}
        answer = client.raw("GET", f"{path}/results", what="the results of a bulk query", params=params, headers=_CSV)
        refuse_html(answer)
        table = _table(answer.content, client.host)
        expect_count(
            f"{client.host}: a bulk page", int(answer.headers.get("Sforce-NumberOfRecords", -1)), table.num_rows
        )
        received += table.num_rows
        yield table
        locator = answer.headers.get("Sforce-Locator", "null")
        if locator in ("null", ""):
            break
        guard.link(locator)
    expect_count(f"{client.host}: a bulk query", int(job.get("numberRecordsProcessed", received)), received)


@dataclass(frozen=True)
class IngestResult:
    """What became of each row of an ingest job, by its external id: its Salesforce id, or the vendor's error."""

    succeeded: Mapping[str, str]
    failed: Mapping[str, str]


class IngestJob:
    """One upsert job. The steps are separate, because what a lost answer means differs between them."""

    def __init__(self, client: SalesforceClient, object_name: str, external_id: str) -> None:
        self._client = client
        self._key = identifier(external_id)
        request = {
            "object": identifier(object_name),
            "operation": "upsert",
            "externalIdFieldName": self._key,
            "contentType": "CSV",
            "columnDelimiter": "COMMA",
            "lineEnding": "LF",
        }
        job = client.json("POST", "jobs/ingest", what="a bulk update", writing=True, json=request)
        self._path = f"jobs/ingest/{_id(job)}"

    def upload(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Upload the rows. Nothing is applied before ``start``."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(header)
        writer.writerows(rows)
        headers = {"Content-Type": "text/csv; charset=UTF-8", "Accept": "application/json"}
        self._client.raw(
            "PUT",
            f"{self._path}/batches",
            what="the rows of a bulk update",
            data=text.getvalue().encode(),
            headers=headers,
            idempotent=True,
        )

    def start(self) -> None:
        """Let the vendor apply what was uploaded. Where the answer is lost, the job's state tells what happened."""
        try:
            self._set_state("UploadComplete")
        except AnswerLostError:
            if self.state()["state"] == "Open":
                self._set_state("UploadComplete")

    def abort(self) -> None:
        """Give the job up; rows that were not applied never will be."""
        self._set_state("Aborted")

    def state(self) -> Mapping[str, Any]:
        """Return the job as the vendor sees it."""
        return _job(self._client, self._path, "a bulk update")

    def finish(self) -> IngestResult:
        """Wait for the end, however it ended, and return what became of the rows."""
        _finished(self._client, self._path, "a bulk update")
        succeeded = {row[self._key]: row.get("sf__Id", "") for row in self._rows("successfulResults")}
        failed = {row[self._key]: row.get("sf__Error", "") for row in self._rows("failedResults")}
        return IngestResult(succeeded, failed)

    def _set_state(self, state: str) -> None:
        self._client.json("PATCH", self._path, what="a bulk update", writing=True, json={"state": state})

    def _rows(self, kind: str) -> list[dict[str, str]]:
        answer = self._client.raw("GET", f"{self._path}/{kind}", what="the results of a bulk update", headers=_CSV)
        refuse_html(answer)
        rows = list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))
        if any(self._key not in row for row in rows):
            raise AnswerLostError(
                f"{self._client.host} gave results without {self._key}; what was applied is not known"
            )
        return rows


def _id(job: Any) -> str:
    name = job.get("id") if isinstance(job, dict) else None
    if not isinstance(name, str) or not name.isalnum():
        raise AnswerLostError("Salesforce answered a bulk job without an id; try again later")
    return name


def _job(client: SalesforceClient, path: str, what: str) -> Mapping[str, Any]:
    job = client.json("GET", path, what=what)
    if not isinstance(job, dict) or "state" not in job:
        raise AnswerLostError(f"{client.host} answered {what} without a state; try again later")
    return job


def _finished(client: SalesforceClient, path: str, what: str) -> Mapping[str, Any]:
    deadline = time.monotonic() + client.settings.job_timeout_seconds
    wait = min(0.05, client.settings.poll_seconds)
    while True:
        job = _job(client, path, what)
        if job["state"] in _DONE:
            return job
        if time.monotonic() > deadline:
            raise AnswerLostError(f"{client.host} did not finish {what} in time ({job['state']}); try again later")
        client.sleep(wait)
        wait = min(wait * 2, client.settings.poll_seconds)


def _table(content: bytes, host: str) -> pa.Table:
    if not content.strip():
        return pa.table({})
    header = next(csv.reader(io.StringIO(content.split(b"\n", 1)[0].decode())))
    try:
        return pacsv.read_csv(
            io.BytesIO(content),
            parse_options=pacsv.ParseOptions(newlines_in_values=True),
            read_options=pacsv.ReadOptions(block_size=max(len(content), 1 << 20)),
            convert_options=pacsv.ConvertOptions(
                column_types={name: pa.string() for name in header},
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid:
        raise AnswerLostError(
            f"{host} gave a bulk page that is not whole CSV; nothing of it is kept, try again"
        ) from None


def fits(rows: Sequence[Sequence[str]], limit: int = 100_000_000) -> None:
    """Refuse an upload beyond the vendor's 100 MB a job."""
    if sum(len(cell.encode()) + 3 for row in rows for cell in row) > limit:
        raise FatalError("a bulk update is larger than 100 MB; lower the number of changes in one delivery")
