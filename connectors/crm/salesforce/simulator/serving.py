"""Puts the simulator together and serves it: for the demo and tests (``serve``), for people (``main_serve``).

Belongs here: which part answers which path. Not here: what the parts do.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connectors.crm.salesforce.simulator.answers import error
from connectors.crm.salesforce.simulator.async_jobs import AsyncJobs, refused
from connectors.crm.salesforce.simulator.jobs import Jobs
from connectors.crm.salesforce.simulator.limits import API_CALLS, Limits
from connectors.crm.salesforce.simulator.oauth import USERNAME, Tokens
from connectors.crm.salesforce.simulator.org import ORG_ID, USER_ID, Org
from connectors.crm.salesforce.simulator.rest import Rest
from connectors.crm.salesforce.simulator.schema import objects
from connectors.crm.salesforce.simulator.soql import Record
from connectors.simulation.faults import Fault, Faults
from connectors.simulation.server import Answer, Request, json_answer
from connectors.simulation.simulator import Simulator, serve_people

_DATA = re.compile(r"^(/services/data/v\d+\.0)(?:/(.*))?$")
_ASYNC = re.compile(r"^/services/async/\d+\.0/(.*)$")


class SalesforceSimulator(Simulator):
    """One organisation with a connected app. Use as a context manager; its state stays in ``state_dir``.

    ``page_rows``, ``result_rows``: rows on a page of a query, and of a job's results where nobody says how many.
    ``limits``: what a day allows, by the vendor's names. ``names``: hosts that its certificate is for as well.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        port: int = 0,
        faults: Faults | None = None,
        tls: bool = True,
        page_rows: int = 2000,
        deployed: bool = True,
        multi_currency: bool = True,
        result_rows: int = 50_000,
        limits: Mapping[str, int] | None = None,
        names: Sequence[str] = (),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(state_dir, faults)
        self.org = Org(self._store, objects(deployed=deployed, multi_currency=multi_currency), clock)
        self.tokens = Tokens(self._store, state_dir, lambda: self.url)
        self.limits = Limits(self._store, clock, limits or {})
        self._rest = Rest(self.org, self.faults, self.limits, page_rows)
        self._jobs = Jobs(self.org, self.faults, self.limits, result_rows)
        self._async = AsyncJobs(self.org, self.faults, self.limits)
        self._listen(port, tls=tls, names=names, on_fault=self._on_fault)

    # --- what tests and the demo use

    @property
    def client_id(self) -> str:
        """The connected app's consumer key."""
        return self.tokens.client_id

    @property
    def client_secret(self) -> str:
        """The connected app's consumer secret."""
        return self.tokens.client_secret

    @property
    def private_key_path(self) -> Path:
        """The private key whose public part the connected app knows, for JWT as user ``integration@example.com``."""
        return self.tokens.private_key_path

    def load(self, records: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
        """Seed records by object, as they are; ids and times are added where they are missing."""
        with self._store.lock:
            self.org.load(records)

    def records(self, name: str, *, deleted: bool = False) -> list[Record]:
        """Return an object's records as they are now."""
        with self._store.lock:
            return [dict(r) for r in self._store.all(name) if deleted or not r.get("IsDeleted")]

    def edit(self, name: str, key: str, values: Mapping[str, Any]) -> None:
        """Change a record as a person in the CRM would."""
        with self._store.lock:
            self.org.update(name, key, values)

    def delete(self, name: str, key: str) -> None:
        """Delete a record as a person in the CRM would."""
        with self._store.lock:
            self.org.delete(name, key)

    # --- the wire

    def _on_fault(self, fault: Fault) -> None:
        if fault.kind == "expire_token":
            self.tokens.expire()

    def _answer(self, request: Request) -> Answer:
        with self._store.lock:
            if request.path == "/services/oauth2/token" and request.method == "POST":
                return self.tokens.answer(request)
            if request.path == "/services/oauth2/revoke":
                return self.tokens.revoke(request)
            if request.path in ("/services/data", "/services/data/"):
                versions = [
                    {"label": "Simulated", "url": f"/services/data/v{v}.0", "version": f"{v}.0"} for v in (59, 62)
                ]
                return json_answer(versions)
            if not self.tokens.valid(request):
                if _ASYNC.match(request.path):
                    return refused("InvalidSessionId", "Invalid session id")
                return error("INVALID_SESSION_ID", "Session expired or invalid", 401)
            used, most = self.limits.use(API_CALLS), self.limits.maximum[API_CALLS]
            if used > most:
                return error("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", 403)
            answer = self._authorized(request)
        usage = {"Sforce-Limit-Info": f"api-usage={used}/{most}"}
        return Answer(answer.status, answer.body, {**answer.headers, **usage}, answer.note)

    def _authorized(self, request: Request) -> Answer:
        if data := _DATA.match(request.path):
            base, path = data.group(1), (data.group(2) or "").strip("/")
            if path.startswith("jobs/"):
                return self._jobs.answer(request, base, path.split("/")[1:])
            if path:
                return self._rest.answer(request, base, path)
            there = {n: f"{base}/{n}" for n in ("sobjects", "query", "queryAll", "limits", "jobs", "composite")}
            return json_answer({**there, "identity": self._identity()["id"]})
        if old := _ASYNC.match(request.path):
            return self._async.answer(request, old.group(1).strip("/").split("/"))
        if request.path.startswith("/id/") or request.path == "/services/oauth2/userinfo":
            return json_answer(self._identity())
        return error("NOT_FOUND", "The requested resource does not exist", 404)

    def _identity(self) -> dict[str, Any]:
        """Say who is signed in, as the identity URL does."""
        address = f"{self.url}/id/{ORG_ID}/{USER_ID}"
        who = {"user_id": USER_ID, "organization_id": ORG_ID, "username": USERNAME, "email": USERNAME}
        data = f"{self.url}/services/data/v{{version}}/"
        urls = {"rest": data, "sobjects": f"{data}sobjects/", "query": f"{data}query/"}
        return {"id": address, **who, "display_name": "Integration", "user_type": "STANDARD", "urls": urls}


def serve(state_dir: Path, port: int = 0, faults: Faults | None = None, **options: Any) -> SalesforceSimulator:
    """Return a simulator to be used as a context manager; options as of ``SalesforceSimulator``."""
    return SalesforceSimulator(state_dir, port=port, faults=faults, **options)


def main_serve(port: int) -> None:
    """Serve until interrupted, and say how to connect. State is kept in a folder that is named."""
    folder = Path(tempfile.gettempdir()) / f"otc-salesforce-{port}"
    with serve(folder, port) as crm:
        lines = (
            f"Salesforce simulator at {crm.url} (state in {folder})",
            "  - {name: salesforce_main, connector: salesforce, allow_private: true,",
            f"     login_url: {crm.url}, ca_bundle: {crm.ca_bundle},",
            f"     client_id: {crm.client_id}, client_secret: '${{SALESFORCE_SECRET}}'}}",
            f"export SALESFORCE_SECRET={crm.client_secret}",
        )
        serve_people(lines)
