"""Mail under the contract suite: a real server with STARTTLS and a login."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors.kit.contract import Settings
from connectors.messaging.smtp.settings import SmtpSettings
from tests.contract.channel import Receiver
from tests.live.postgres import free_port
from tests.live.smtp import PASSWORD, MailServer, running


class Mailbox(Receiver):
    """Two people with mail."""

    secrets = (PASSWORD,)

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self.settings = SmtpSettings.model_validate(server.settings())

    def got(self) -> list[tuple[str, str, str]]:
        return [
            (address, str(mail["Message-ID"]), f"{mail['Subject']}\n{mail.get_content()}")
            for envelope, mail in self._server.taken
            for address in envelope
        ]

    def put_off(self, times: int) -> None:
        for address in self._server.settings()["to"]:
            self._server.moods.put_off[address] = times

    def refuse(self) -> str:
        self._server.moods.refused.add("bob@acme.example")
        return "bob@acme.example"

    def unusable(self) -> Iterable[tuple[str, Settings]]:
        for name, change in {
            "nobody listens": {"port": free_port()},
            "wrong password": {"password": "sesame"},
            "not trusted": {"ca_bundle": None},
            "no bundle": {"ca_bundle": "/nowhere.pem"},
            "TLS from the first byte": {"security": "tls"},
        }.items():
            yield name, SmtpSettings.model_validate(self._server.settings(attempts=1, **change))


@contextmanager
def CASE(folder: Path) -> Iterator[Receiver]:  # noqa: N802 - the name the suite looks for
    with running(folder) as server:
        yield Mailbox(server)
