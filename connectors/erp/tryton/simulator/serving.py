"""Puts the simulated server together and serves it: for the demo and tests (``serve``), for people (``main_serve``).

Belongs here: the JSON-RPC of trytond, its sessions, its errors. Not here: what the methods do.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from connectors.erp.tryton.simulator.accounting import Accounting
from connectors.erp.tryton.simulator.books import COMPANY, set_up
from connectors.erp.tryton.simulator.database import Database, MissingError, Record, Refused, now
from connectors.erp.tryton.simulator.methods import WRITING, Methods
from connectors.erp.tryton.simulator.values import from_wire, to_wire
from connectors.simulation.faults import Fault, Faults
from connectors.simulation.server import Answer, Request, json_answer
from connectors.simulation.simulator import Simulator, serve_people

USER, DATABASE = "integration", "tryton"
_PLAIN = 1_400  #: a longer answer says that it is compressed, and is so for those who take it
_PATH = re.compile(r"^/([^/]+)/rpc/$")


class TrytonSimulator(Simulator):
    """A trytond with one database and one company. Use as a context manager; its state stays in ``state_dir``.

    A fault's path is matched with the path and the method called, ``/tryton/rpc/model.party.party.write``. The keys of
    ``row_error`` are the ids that a call is about; of what is created the name, the resource or the number.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        port: int = 0,
        faults: Faults | None = None,
        tls: bool = False,
        clock: Callable[[], datetime] = now,
    ) -> None:
        super().__init__(state_dir, faults)
        self.db = Database(self._store, clock)
        self.accounting = Accounting(self.db, self._store, clock)
        self._methods = Methods(self.db, self.accounting, clock)
        if self._store.get("server", "password") is None:
            self._store.put("server", "password", {"value": secrets.token_urlsafe(18)})
            with self.db.transaction():
                set_up(self.db, clock().date())
        self._sessions: set[str] = {s["key"] for s in self._store.all("session")}
        self._listen(port, tls=tls, asks=_asked, on_fault=self._on_fault)

    # --- what tests and the demo use

    @property
    def password(self) -> str:
        """The password of the user ``integration``."""
        return str((self._store.get("server", "password") or {})["value"])

    def call(self, model: str, method: str, *args: Any, context: Mapping[str, Any] | None = None) -> Any:
        """Call a method as a person at the server would, with values instead of their wire form."""
        with self._store.lock, self.db.transaction():
            return self._methods.call(model, method, list(args), {"company": COMPANY, **(context or {})})

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Change the database directly, in one transaction."""
        with self._store.lock, self.db.transaction():
            yield

    def records(self, model: str) -> list[Record]:
        """Return all records of a model as they are kept."""
        with self._store.lock:
            return [dict(r) for r in self.db.all(model)]

    # --- the wire

    def _on_fault(self, fault: Fault) -> None:
        if fault.kind == "expire_token":
            self._sessions.clear()

    def _answer(self, request: Request) -> Answer:
        path = _PATH.match(request.path)
        if not path:
            return _page(404, "Not Found")
        if request.method != "POST":
            return _page(405, "Method Not Allowed")
        try:
            said = request.json()
            number, method, params = said["id"], str(said["method"]), from_wire(said["params"])
        except (ValueError, KeyError, TypeError, ArithmeticError):
            return _page(400, "Unable to get RPC method")
        if path.group(1) != DATABASE:
            return _no_database(method, request)
        if method == "common.db.login":
            return self._login(number, params)
        if not self._signed_in(request):
            return Answer(401, b"", {"Content-Type": "text/plain; charset=utf-8"}, {"call": method})
        return self._called(number, method, params, zips="gzip" in request.headers.get("accept-encoding", ""))

    def _login(self, number: int, params: Sequence[Any]) -> Answer:
        name, given = params[0], params[1]
        if "password" not in given:
            wanted = ["password", f"Password for {name}", "password"]
            return json_answer({"id": number, "error": ["LoginException", wanted]}, call="login")
        if name != USER or given["password"] != self.password:
            return _page(401, "Unauthorized")
        key = secrets.token_hex(32)
        self._store.put("session", key, {"key": key})
        self._sessions.add(key)
        return json_answer({"id": number, "result": [1, key, None]}, call="login")

    def _signed_in(self, request: Request) -> bool:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            name, user, key = base64.b64decode(token).decode().split(":")
        except ValueError:
            return False
        return kind == "Session" and (name, user) == (USER, "1") and key in self._sessions

    def _called(self, number: int, method: str, params: list[Any], *, zips: bool) -> Answer:
        kind, _, rest = method.partition(".")
        model, _, name = rest.rpartition(".")
        if not params or not isinstance(params[-1], dict):
            return _page(422, "Missing context argument")
        note: dict[str, Any] = {"call": method}
        if name in WRITING:
            note |= {"writes": True, "keys": _keys(name, params)}
        try:
            with self._store.lock, self.db.transaction():
                if not self._methods.known(kind, model, name):
                    return _page(403, "Forbidden")
                self._row_faults(f"/{DATABASE}/rpc/{method}", note)
                result = self._methods.call(model, name, params[:-1], params[-1])
        except Refused as error:
            words = [error.message, "", error.extra]
            said = [error.kind, [error.name, *words[:2]] if error.kind == "UserWarning" else words]
            return json_answer({"id": number, "error": said if error.kind else [error.message, ""]}, **note)
        except MissingError as error:
            return json_answer({"id": number, "error": [str(error), ""]}, **note)
        except (TypeError, ValueError, IndexError, AttributeError) as error:
            return json_answer({"id": number, "error": [str(error), ""]}, **note)
        short = self.faults.fires(("short",), "POST", f"/{DATABASE}/rpc/{method}") if isinstance(result, list) else None
        if short is not None:
            result = result[: -short.rows] if short.rows else result
        body = json.dumps({"id": number, "result": to_wire(result)}, separators=(",", ":"), ensure_ascii=False)
        headers = {"Content-Type": "application/json"}
        if len(body) <= _PLAIN:
            return Answer(200, body.encode(), headers, note)
        content = gzip.compress(body.encode(), 1) if zips else body.encode()
        return Answer(200, content, {**headers, "Content-Encoding": "gzip"}, note)

    def _row_faults(self, path: str, note: Mapping[str, Any]) -> None:
        for key, code in self.faults.row_error(path, note.get("keys", ())).items():
            raise Refused(f"{code} ({key})")


def _asked(request: Request) -> str:
    try:
        return f"{request.path}{request.json()['method']}"
    except (ValueError, KeyError, TypeError):
        return request.path


def _keys(name: str, params: Sequence[Any]) -> list[str]:
    """Return what a writing call is about: ids, or for what is created its name, resource or number."""
    if name == "create":
        return [str(next((v[n] for n in ("name", "resource", "number") if n in v), "")) for v in params[0]]
    lists = params[:-1:2] if name == "write" else params[:1]
    return [str(i) for ids in lists for i in ids]


def _no_database(method: str, request: Request) -> Answer:
    """What trytond says where there is no such database: a login, nobody and a session are each told another thing."""
    if method == "common.db.login":
        return _page(404, "Not Found")
    if "authorization" not in request.headers:
        return Answer(401, b"", {"Content-Type": "text/plain; charset=utf-8"}, {"call": method})
    return _page(503, "couldn't get a connection after 30.00 sec")


def _page(status: int, text: str) -> Answer:
    body = f"<!doctype html>\n<html lang=en>\n<title>{status}</title>\n<h1>{text}</h1>\n"
    return Answer(status, body.encode(), {"Content-Type": "text/html; charset=utf-8"})


def serve(state_dir: Path, port: int = 0, faults: Faults | None = None, **options: Any) -> TrytonSimulator:
    """Return a simulator to be used as a context manager; options as of ``TrytonSimulator``."""
    return TrytonSimulator(state_dir, port=port, faults=faults, **options)


def main_serve(port: int) -> None:
    """Serve until interrupted, and say how to connect. State is kept in a folder that is named."""
    folder = Path(tempfile.gettempdir()) / f"otc-tryton-{port}"
    with serve(folder, port) as erp:
        lines = (
            f"Tryton simulator at {erp.url} (state in {folder})",
            f"  - {{name: erp, connector: tryton, url: {erp.url}, allow_private: true,",
            f"     database: {DATABASE}, username: {USER}, password: '${{TRYTON_PASSWORD}}'}}",
            f"export TRYTON_PASSWORD={erp.password}",
        )
        serve_people(lines)
