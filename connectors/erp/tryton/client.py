"""The wire to Tryton and nothing else: sign in, call a method of a model or wizard, search and read.

Belongs here: requests, the session, the vendor's errors in the house's words. Not here: entities, cursors, intents.

Tryton answers nearly everything with HTTP 200: what went wrong stands in ``error``. A call that ended in an error was
rolled back by the server. 401 means that the session has ended; nothing of that call was applied, so that one new
login and the same call again are safe, for writes too.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from threading import Lock
from typing import Any
from urllib.parse import quote

from connectors.erp.tryton.settings import TrytonSettings
from connectors.erp.tryton.wire import decoded, dumps
from connectors.kit.errors import ConfigError, ConnectorError, FatalError, RejectedByVendor, RetriableError
from connectors.kit.http import AnswerLostError, Session, refuse_html, refuse_status

_METHOD = re.compile(r"^(model|wizard|report|common|system)(\.[A-Za-z0-9_\-]+)+$")
Record = dict[str, Any]


class TrytonClient:
    """A connection to one database as one user. Signs in on first use; a context manager, or call ``close``."""

    def __init__(self, settings: TrytonSettings, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.settings = settings
        self._session = Session(settings.url, settings.policy, sleep=sleep)
        self._url = f"{self._session.origin}/{quote(settings.database, safe='')}/rpc/"
        self._lock = Lock()
        self._numbers = count(1)
        self._token: str | None = None
        self._context: Mapping[str, Any] | None = None

    def __enter__(self) -> TrytonClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close idle connections. The client can be used again; it keeps its session."""
        self._session.close()

    @property
    def host(self) -> str:
        """Host of the server."""
        return self._session.origin.host

    def sign_in(self) -> None:
        """Make sure that there is a session; ConfigError where user or password are refused."""
        self._signed_in()

    @property
    def signed_in(self) -> bool:
        """Whether there is a session now."""
        return self._token is not None

    @property
    def context(self) -> Mapping[str, Any]:
        """The user's preferences, which Tryton wants back as the context of every call."""
        if self._context is None:
            said = self.rpc("model.res.user.get_preferences", True, {})
            if not isinstance(said, dict):
                raise AnswerLostError(f"{self.host} answered the user's preferences with {type(said).__name__}")
            self._context = said
        return self._context

    # --- calls

    def call(
        self, model: str, method: str, *args: Any, writing: bool = False, context: Mapping[str, Any] | None = None
    ) -> Any:
        """Call a method of a model. The context comes last: the user's, and over it what is given here."""
        return self.rpc(f"model.{model}.{method}", *args, {**self.context, **(context or {})}, writing=writing)

    def wizard(
        self, name: str, method: str, *args: Any, writing: bool = True, context: Mapping[str, Any] | None = None
    ) -> Any:
        """Call ``create``, ``execute`` or ``delete`` of a wizard."""
        return self.rpc(f"wizard.{name}.{method}", *args, {**self.context, **(context or {})}, writing=writing)

    def search_read(
        self,
        model: str,
        domain: Sequence[Any],
        fields: Sequence[str],
        *,
        limit: int | None = None,
        offset: int = 0,
        order: Sequence[tuple[str, str]] | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> list[Record]:
        """Return the records that match, with ``id`` and the fields that were asked for, each of them there."""
        said = self.call(model, "search_read", domain, offset, limit, order, list(fields), context=context)
        return self._records(said, fields, f"{model}.search_read")

    def read(
        self, model: str, ids: Sequence[int], fields: Sequence[str], context: Mapping[str, Any] | None = None
    ) -> list[Record]:
        """Return these records; Tryton refuses the whole call where one of them is gone."""
        said = self.call(model, "read", list(ids), list(fields), context=context)
        return self._records(said, fields, f"{model}.read")

    def search_count(self, model: str, domain: Sequence[Any], context: Mapping[str, Any] | None = None) -> int:
        """Return how many records match."""
        said = self.call(model, "search_count", domain, context=context)
        if not isinstance(said, int):
            raise AnswerLostError(
                f"{self.host} answered a count of {model} with {type(said).__name__}; try again later"
            )
        return said

    def ascending(self, ids: Sequence[int], after: int, what: str) -> Sequence[int]:
        """Return ids that were asked for in order and behind ``after``; AnswerLostError where they are not."""
        if any(later <= earlier for earlier, later in zip((after, *ids), ids, strict=False)):
            raise AnswerLostError(f"{self.host} answered a list of {what} out of order; it was not used, try again")
        return ids

    def rpc(self, method: str, *params: Any, writing: bool = False) -> Any:
        """Call any method with exactly these parameters. A reading call is tried again where that can help."""
        if not _METHOD.match(method):
            raise FatalError(f"{method!r} is not a method of Tryton")
        for attempt in (1, 2):
            token = self._signed_in()
            said = self._send(method, params, token, writing=writing)
            if said is not None:
                return self._result(said, method, writing)
            self._forget(token)
            if attempt == 2:
                raise ConfigError(f"{self.host} refused a session it had just given; check the user {self._user}")
        raise AssertionError("unreachable")

    # --- the way each call takes

    @property
    def _user(self) -> str:
        return repr(self.settings.username)

    def _signed_in(self) -> str:
        with self._lock:
            if self._token is None:
                self._token = self._login()
            return self._token

    def _forget(self, token: str) -> None:
        with self._lock:
            if self._token == token:
                self._token = None

    def _login(self) -> str:
        parameters = [self.settings.username, {"password": self.settings.password.get_secret_value()}]
        said = self._send("common.db.login", parameters, None, writing=False)
        if said is None:
            raise ConfigError(f"{self.host} refused the login of {self._user}; check username and password")
        result = self._result(said, "common.db.login", writing=False)
        if not isinstance(result, list) or len(result) < 2 or not isinstance(result[1], str):
            raise AnswerLostError(f"{self.host} answered the login without a session; try again later")
        return base64.b64encode(f"{self.settings.username}:{result[0]}:{result[1]}".encode()).decode("ascii")

    def _send(self, method: str, params: Iterable[Any], token: str | None, *, writing: bool) -> dict[str, Any] | None:
        """Send one call; None where the session (or the password) is not accepted."""
        number = next(self._numbers)
        response = self._session.request(
            "POST",
            self._url,
            data=dumps({"id": number, "method": method, "params": list(params)}),
            headers={"Content-Type": "application/json", **({"Authorization": f"Session {token}"} if token else {})},
            idempotent=not writing,
        )
        if response.status_code == 401:
            return None
        if response.status_code == 404:
            raise ConfigError(f"{self.host} has no database {self.settings.database!r}; check url and database")
        if response.status_code == 403:
            raise ConfigError(f"{self.host} does not let {method} be called (403); check the version of Tryton")
        if response.status_code >= 500 and writing:
            raise AnswerLostError(f"{self.host} failed at {method} ({response.status_code}); it may have been applied")
        refuse_status(response, method)
        refuse_html(response)
        said = response.json(object_hook=decoded)
        if not isinstance(said, dict) or said.get("id") != number or ("result" in said) == ("error" in said):
            raise AnswerLostError(f"{self.host} answered {method} with something else than its result; not used")
        return said

    def _result(self, said: Mapping[str, Any], method: str, writing: bool) -> Any:
        if "error" not in said:
            return said["result"]
        raise self._translated(said["error"], method, writing)

    def _translated(self, error: Any, method: str, writing: bool) -> ConnectorError:
        """Errors are lists: [class, message] or [class, [message, description, …]], else [text, traceback]."""
        kind, *rest = error if isinstance(error, list) and error else ["", ""]
        if kind == "LoginException":
            return ConfigError(
                f"{self.host} wants more than a password of {self._user}; use a user that signs in by password alone"
            )
        if kind == "ConcurrencyException":
            return RetriableError(f"{self.host} refused {method}: the record was changed meanwhile; read it again")
        if kind in ("UserError", "UserWarning"):
            words = [str(w) for w in (rest[0] if rest and isinstance(rest[0], list) else rest) if isinstance(w, str)]
            name = words.pop(0) if kind == "UserWarning" and words else ""
            text = f"{self.host} refused {method}: {' '.join(' '.join(words).split())[:300]}"
            return RejectedByVendor(text, f"{kind} {name}".strip()) if writing else ConfigError(text)
        said = f"{self.host} failed at {method} ({' '.join(str(kind).split())[:120]})"
        if writing:
            return RejectedByVendor(said, "ServerError")
        return FatalError(f"{said}; check that the modules of the README are installed and the user may read them")

    def _records(self, said: Any, fields: Sequence[str], what: str) -> list[Record]:
        wanted = {f.split(".")[0] + "." if "." in f else f for f in fields} | {"id"}
        if not isinstance(said, list) or any(not isinstance(r, dict) or wanted - r.keys() for r in said):
            raise AnswerLostError(f"{self.host} answered {what} without the fields that were asked for; try again")
        return said
