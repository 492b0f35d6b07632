"""The wire to Salesforce and nothing else: sign in, query and page, describe, upsert collections. By simple-salesforce.

Belongs here: requests, sessions, the vendor's errors in the house's words. Not here: entities, cursors, intents.

simple-salesforce is given a session id and no way to renew it: its own renewal recurses without limit when the session
stays invalid, and its bulk classes never renew. Here one renewal is tried, once, around any call.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import urljoin

from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceError, SalesforceExpiredSession
from simple_salesforce.format import quote_soql_value
from simple_salesforce.util import exception_handler

from connectors.crm.salesforce.login import Token, sign_in
from connectors.crm.salesforce.settings import SalesforceSettings
from connectors.kit.errors import ConfigError, ConnectorError, FatalError, RetriableError
from connectors.kit.http import AnswerLostError, Origin, Session

T = TypeVar("T")
_IDENTIFIER = re.compile(r"^[A-Za-z][A-Za-z0-9_]*$")
_BUSY = frozenset(
    {"REQUEST_LIMIT_EXCEEDED", "SERVER_UNAVAILABLE", "UNABLE_TO_LOCK_ROW", "INVALID_QUERY_LOCATOR", "QUERY_TIMEOUT"}
)
_SETUP = frozenset(
    {"INVALID_FIELD", "INVALID_TYPE", "INVALID_FIELD_FOR_INSERT_UPDATE", "API_DISABLED_FOR_ORG", "NOT_FOUND"}
)


def identifier(name: str) -> str:
    """Return the name if it can be an object or field name; anything else never reaches a query."""
    if not _IDENTIFIER.match(name):
        raise FatalError(f"{name!r} is not the name of a Salesforce object or field")
    return name


def literal(value: str | list[str]) -> str:
    """Quote text, or a list of texts, for SOQL."""
    return str(quote_soql_value(value))


@dataclass(frozen=True)
class QueryPage:
    """One page of a query's answer; ``total`` is the size the vendor states for the whole of it."""

    records: list[dict[str, Any]]
    total: int


class SalesforceClient:
    """A connection to one organisation. Signs in on first use; use as a context manager, or call ``close``."""

    def __init__(self, settings: SalesforceSettings, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.settings = settings
        self.sleep = sleep
        self._lock = Lock()
        self._api: Salesforce | None = None
        self._login = Session(settings.login_url, settings.policy, sleep=sleep)
        self._session: Session | None = None

    def __enter__(self) -> SalesforceClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close idle connections. The client can be used again; it keeps its session id."""
        self._login.close()
        if self._session is not None:
            self._session.close()

    def sign_in(self) -> None:
        """Make sure that there is a session; ConfigError where the credentials are refused."""
        self._connected()

    # --- reading

    def describe(self, object_name: str) -> Mapping[str, Mapping[str, Any]]:
        """Return the object's fields by name, as this user sees them."""
        answer = self.json(
            "GET", f"sobjects/{identifier(object_name)}/describe", what=f"the description of {object_name}"
        )
        fields = answer.get("fields") if isinstance(answer, dict) else None
        if not isinstance(fields, list):
            raise AnswerLostError(f"{self.host} described {object_name} without fields; try again later")
        return {str(f["name"]): f for f in fields}

    def count(self, soql: str, *, deleted: bool = True) -> int:
        """Return what ``SELECT COUNT() …`` says."""
        return next(iter(self.query(soql, deleted=deleted))).total

    def query(self, soql: str, *, deleted: bool = True) -> Iterator[QueryPage]:
        """Yield the pages of a query. A link to a next page anywhere else is refused before anything is sent."""
        answer = self.call("a query", lambda sf: sf.query(soql, include_deleted=deleted))
        while True:
            if not isinstance(answer, dict) or not isinstance(answer.get("records"), list) or "done" not in answer:
                raise AnswerLostError(f"{self.host} answered a query without records; the page was not used")
            yield QueryPage(answer["records"], int(answer.get("totalSize", len(answer["records"]))))
            if answer["done"]:
                return
            answer = self.json("GET", self.own_path(str(answer.get("nextRecordsUrl", ""))), what="the next page")

    def limits(self) -> Mapping[str, Any]:
        """Return the organisation's limits."""
        answer = self.json("GET", "limits", what="the limits")
        return answer if isinstance(answer, dict) else {}

    # --- writing

    def upsert(self, object_name: str, external_id: str, body: str) -> list[dict[str, Any]]:
        """Upsert up to 200 records by an external id; ``body`` is the whole JSON text. Never sent twice by itself."""
        path = f"composite/sobjects/{identifier(object_name)}/{identifier(external_id)}"
        answer = self.json("PATCH", path, what=f"an update of {object_name}", writing=True, data=body.encode())
        if not isinstance(answer, list):
            raise AnswerLostError(f"{self.host} answered an update without results; what was applied is not known")
        return answer

    # --- the way each call takes

    @property
    def host(self) -> str:
        """Host of the instance, or of the login while there is none."""
        return (self._session or self._login).origin.host

    def json(self, method: str, path: str, *, what: str, writing: bool = False, **options: Any) -> Any:
        """Call a path under ``/services/data/vNN.0/`` and return its JSON."""
        return self.call(what, lambda sf: sf.restful(path, method=method, **options), writing=writing)

    def raw(self, method: str, path: str, *, what: str, writing: bool = False, **options: Any) -> Any:
        """Call a path under ``/services/data/vNN.0/`` and return the response itself: CSV bodies, headers."""

        def send(sf: Salesforce) -> Any:
            headers = {**sf.headers, **options.get("headers", {})}
            answer = sf.session.request(method, sf.base_url + path, **{**options, "headers": headers})
            return exception_handler(answer, path) if answer.status_code >= 300 else answer

        return self.call(what, send, writing=writing)

    def call(self, what: str, action: Callable[[Salesforce], T], *, writing: bool = False) -> T:
        """Run one call; a session that has expired is renewed once."""
        api = self._connected()
        try:
            return action(api)
        except SalesforceExpiredSession:
            api = self._connected(instead_of=api)
        except SalesforceError as error:
            raise self._translated(error, what, writing) from None
        try:
            return action(api)
        except SalesforceExpiredSession:
            raise ConfigError(
                f"{self.host} refused a session it had just given; check the user's API permission"
            ) from None
        except SalesforceError as error:
            raise self._translated(error, what, writing) from None

    def own_path(self, link: str) -> str:
        """Return the link as a path under the data API of this instance; FatalError where it leads elsewhere."""
        api = self._connected()
        base = str(api.base_url)
        url = urljoin(base, link)
        try:
            there = Origin.of(url)
        except ConfigError as error:
            raise FatalError(f"{self.host} gave a link that was not followed: {error}") from None
        if there != Origin.of(base):
            raise FatalError(f"{self.host} gave a link to {there}; it was not followed and nothing was sent there")
        if not url.startswith(base) or url == base:
            raise FatalError(f"{self.host} gave a link outside its data API; it was not followed")
        return url.removeprefix(base)

    def _connected(self, instead_of: Salesforce | None = None) -> Salesforce:
        with self._lock:
            if self._api is None or self._api is instead_of:
                self._api = self._opened(sign_in(self.settings, self._login))
            return self._api

    def _opened(self, token: Token) -> Salesforce:
        if self._session is None or str(self._session.origin) != token.instance_url:
            self._session = Session(token.instance_url, self.settings.policy, sleep=self.sleep)
        api = Salesforce(
            session_id=token.access_token,
            instance_url=token.instance_url,
            version=self.settings.api_version,
            session=self._session,
            object_pairs_hook=dict,
        )
        if token.instance_url.startswith("http://"):  # simple-salesforce always writes https; loopback may be plain
            api.base_url = "http://" + api.base_url.removeprefix("https://")
        return api

    def _translated(self, error: SalesforceError, what: str, writing: bool) -> ConnectorError:
        code, status = _code(error.content), int(error.status)
        said = f"{self.host} refused {what} ({code or status})"
        if status == 401 or (status == 403 and code not in _BUSY):
            return ConfigError(f"{said}; check the user's permissions")
        if code in _BUSY:
            return RetriableError(f"{said}; try again later")
        if status >= 500:
            text = f"{self.host} failed at {what} ({code or status}); try again later"
            return AnswerLostError(text) if writing else RetriableError(text)
        if code in _SETUP or status == 404:
            return ConfigError(f"{said}; check that the object and its fields are there and visible to this user")
        return FatalError(f"{said}; the request does not fit this organisation")


def _code(content: Any) -> str:
    first = content[0] if isinstance(content, list) and content else content
    code: object = first.get("errorCode") if isinstance(first, dict) else None
    return code if isinstance(code, str) and re.fullmatch(r"[A-Z0-9_]{1,80}", code) else ""


def soql(select: str, object_name: str, where: str = "", tail: str = "") -> str:
    """Put a query together. The object's name is checked; conditions must have been built from ``literal``."""
    return " ".join(part for part in ("SELECT", select, "FROM", identifier(object_name), where, tail) if part)
