"""A real mail server, aiosmtpd's, on loopback: TLS from an authority of its own, logins, and moods.

Belongs here: starting, stopping, what a mail server may say. Not here: what a client makes of it.
"""

from __future__ import annotations

import contextlib
import ssl
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from connectors.simulation.certificates import ca_bundle, server_context
from tests.live.postgres import free_port

USER, PASSWORD = "alerts@acme.example", "swordfish-and-chips"
LATER = "451 4.7.1 Greylisted, try again later"
NEVER = "550 5.1.1 No such user here"


@dataclass
class Moods:
    """What the server does next: whom it never takes, whom it puts off how often, and what it says to the text."""

    refused: set[str] = field(default_factory=set)
    put_off: Counter[str] = field(default_factory=Counter)
    sender: str = ""
    text: list[str] = field(default_factory=list)
    hangs_up_after_text: int = 0


class MailServer:
    """A running server: what it took, and its moods."""

    def __init__(self, port: int, trust: Path, security: str) -> None:
        self.port, self.ca_bundle, self.security = port, trust, security
        self.moods = Moods()
        self.taken: list[tuple[list[str], EmailMessage]] = []
        self.sessions = 0

    def settings(self, **changes: Any) -> dict[str, Any]:
        """What ``otc.yaml`` would say of it, waits left out."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "security": self.security,
            "user": USER,
            "password": PASSWORD,
            "from": "alerts@acme.example",
            "to": ["ann@acme.example", "bob@acme.example"],
            "ca_bundle": str(self.ca_bundle),
            "timeout_seconds": 5,
            "first_wait_seconds": 0,
            **changes,
        }

    def got(self, address: str) -> list[EmailMessage]:
        """The mails that an address got."""
        return [message for envelope, message in self.taken if address in envelope]

    # --- aiosmtpd's hooks, by the names that it looks for

    async def handle_EHLO(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        self.sessions += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if self.moods.sender:
            return self.moods.sender
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if address in self.moods.refused:
            return NEVER
        if self.moods.put_off[address] > 0:
            self.moods.put_off[address] -= 1
            return LATER
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.moods.text:
            return self.moods.text.pop(0)
        self.taken.append((list(envelope.rcpt_tos), message_from_bytes(envelope.content, policy=default)))  # type: ignore[arg-type]
        if self.moods.hangs_up_after_text:
            self.moods.hangs_up_after_text -= 1
            server.transport.abort()
        return "250 OK, taken"


def _judge(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=good)


@contextlib.contextmanager
def running(folder: Path, security: str = "starttls", *, login: bool = True) -> Iterator[MailServer]:
    """Start a server that offers ``starttls``, ``tls`` or ``none``; stop it afterwards."""
    found = MailServer(free_port(), ca_bundle(folder), security)
    context: ssl.SSLContext | None = server_context(folder) if security != "none" else None
    options: dict[str, Any] = {"ssl_context": context} if security == "tls" else {}
    if security == "starttls":
        options = {"tls_context": context, "require_starttls": True, "auth_required": login}
    options |= {} if login else {"auth_exclude_mechanism": ["LOGIN", "PLAIN"]}
    if login:
        options |= {"authenticator": _judge, "auth_require_tls": security == "starttls"}
    controller = Controller(found, hostname="127.0.0.1", port=found.port, server_hostname="mail.test", **options)
    controller.start()
    try:
        yield found
    finally:
        controller.stop()
