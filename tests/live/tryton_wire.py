"""Tryton's wire as somebody sees it who knows nothing of our client, and how answers of two servers compare.

Belongs here: sending a call, putting one call to both, telling an answer without what may differ: ids as roles, times
as such, the traceback-like extras of an error. Not here: which records the servers have (tryton_twins), which calls.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any


def dec(value: str) -> dict[str, str]:
    """Write an amount as the wire has it."""
    return {"__class__": "Decimal", "decimal": value}


def amount(value: dict[str, str]) -> Decimal:
    """Read an amount off the wire."""
    return Decimal(value["decimal"])


def day(value: dict[str, int]) -> date:
    """Read a day off the wire."""
    return date(value["year"], value["month"], value["day"])


@dataclass
class Wire:
    """A server as seen by somebody who knows nothing of our client: urllib and JSON."""

    url: str
    user: str
    password: str
    session: str = ""
    ids: dict[str, int] = field(default_factory=dict)

    def send(self, body: bytes, *, session: str | None = None, method: str = "POST") -> tuple[int, str, Any]:
        """Status, kind of content, and what was said."""
        headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip"}
        if session is None and self.session:
            headers["Authorization"] = f"Session {self.session}"
        elif session:
            headers["Authorization"] = session
        request = urllib.request.Request(self.url, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as said:
                raw, status, kind = said.read(), said.status, said.headers.get("Content-Type", "")
                if said.headers.get("Content-Encoding") == "gzip":
                    raw = gzip.decompress(raw)
        except urllib.error.HTTPError as error:
            return error.code, (error.headers.get("Content-Type") or "").split(";")[0], None
        return status, kind.split(";")[0], json.loads(raw)

    def rpc(self, method: str, *params: Any, **how: Any) -> tuple[int, str, Any]:
        """One call."""
        return self.send(json.dumps({"id": 7, "method": method, "params": list(params)}).encode(), **how)

    def result(self, method: str, *params: Any) -> Any:
        """The result of a call that must work."""
        _, _, said = self.rpc(method, *params, {"company": self.ids.get("company", 1)})
        assert "result" in said, said
        return said["result"]

    def sign_in(self) -> None:
        _, _, said = self.rpc("common.db.login", self.user, {"password": self.password})
        user, key, _ = said["result"]
        self.session = base64.b64encode(f"{self.user}:{user}:{key}".encode()).decode()


_IDS = re.compile(r"\b\d+\b")


def told(value: Any, roles: dict[tuple[str, int], str], key: str = "") -> Any:
    """An answer with ids as roles, and times as the kind of thing they are."""
    if isinstance(value, dict):
        if value.get("__class__") == "datetime":
            return {name: type(v).__name__ for name, v in value.items()}
        if value.get("__class__") == "Decimal":
            return ("Decimal", str(Decimal(value["decimal"]).normalize()))
        return {name: told(v, roles, name) for name, v in sorted(value.items())}
    if isinstance(value, list):
        return [told(v, roles, key) for v in value]
    if isinstance(value, int) and not isinstance(value, bool) and key not in ("year", "month", "day", "sequence"):
        return roles.get((key, value), "an id")
    if isinstance(value, str) and "," in value and value.partition(",")[2].isdigit():
        return value.partition(",")[0]
    return value


def error_told(error: Any) -> Any:
    """An error's class and words, the ids in it as such; what follows the words is for a client's window."""
    kind, *rest = error
    words = [w for w in (rest[0] if rest and isinstance(rest[0], list) else rest) if isinstance(w, str)]
    if kind == "UserWarning":
        words[0] = "a name"
    shape = [type(r).__name__ for r in rest]
    return _IDS.sub("#", kind), [_IDS.sub("#", re.sub(r'"\(?\d+\)?"', '"#"', w)) for w in words], shape


def with_ids(ids: dict[str, int], params: Any) -> Any:
    """Put a server's own ids where the script names a role: ``"@party"``, ``"party.party,@party"``."""
    said = re.sub(r'"@(\w+)"', lambda m: str(ids[m.group(1)]), json.dumps(params))
    return json.loads(re.sub(r"@(\w+)", lambda m: str(ids[m.group(1)]), said))


def compare(both: tuple[Wire, Wire], method: str, *params: Any, context: dict[str, Any] | None = None) -> Any:
    """Put one call to both, each with its own ids for the roles named like ``@party``; return both results."""
    found = []
    results = []
    for wire in both:
        given = with_ids(wire.ids, list(params))
        status, kind, said = wire.rpc(method, *given, {"company": wire.ids["company"], **(context or {})})
        roles = {("party", wire.ids[role]): role for role in ("party", "other") if role in wire.ids}
        answer = None
        if said is not None:
            answer = (
                ("result", told(said["result"], roles)) if "result" in said else ("error", error_told(said["error"]))
            )
        found.append((status, kind, answer))
        results.append((said or {}).get("result"))
    assert found[1] == found[0], f"{method} {params}\n simulated {found[1]}\n live      {found[0]}"
    return results


def remember(both: tuple[Wire, Wire], role: str, results: list[Any]) -> None:
    for wire, result in zip(both, results, strict=True):
        wire.ids[role] = result[0]
