"""Mail by the standard library: one message, an envelope for each that may still be told, answers in the house's words.

Belongs here: the wire. A server that says later (4xx, as greylisting does) is asked again a few times with growing
waits; one that says no (5xx) is not. What the last try left open may be sent again by whoever asked: the Message-ID
stays.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from connectors.kit.contract import CheckResult, Outcome, OutcomeStatus
from connectors.kit.errors import ConfigError, ConnectorError, FatalError, RetriableError
from connectors.kit.notifying import Notification
from connectors.kit.redact import redact_text
from connectors.messaging.smtp.settings import SmtpSettings

Refused = Mapping[str, tuple[int, bytes | str]]
_LONGEST_WAIT = 60.0
_SHOWN = 160  # characters of what a server said


class SmtpNotifier:
    """Tells by mail."""

    def __init__(self, settings: SmtpSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        self._settings = settings
        self._sleep = sleep

    def recipients(self) -> Sequence[str]:
        """The addresses that are told."""
        return self._settings.to

    def notify(self, notification: Notification, recipients: Sequence[str]) -> Iterable[Outcome]:
        """Send to each recipient; the ones that a server puts off are tried again, the ones that it refuses are not."""
        message = self.message(notification)
        open_ones = dict.fromkeys(recipients, "")
        found: dict[str, Outcome] = {}

        def once() -> None:
            answers = self._sent(message, list(open_ones))
            for address in list(open_ones):
                code, said = answers.get(address, (250, ""))
                if 400 <= code < 500:
                    open_ones[address] = f"put off ({code} {said})"
                    continue
                del open_ones[address]
                refused = f"{address} was refused ({code} {said})"
                status = OutcomeStatus.DELIVERED if code < 400 else OutcomeStatus.FAILED
                found[address] = Outcome(address, status, "" if code < 400 else refused)
            if open_ones:
                raise RetriableError(f"{self._where} puts {len(open_ones)} recipients off")

        settings = self._settings
        try:
            Retrying(
                stop=stop_after_attempt(settings.attempts),
                wait=wait_exponential_jitter(
                    multiplier=settings.first_wait_seconds, max=_LONGEST_WAIT, jitter=settings.first_wait_seconds
                ),
                retry=retry_if_exception_type(RetriableError),
                reraise=True,
                sleep=self._sleep,
            )(once)
        except RetriableError as problem:
            for address, why in open_ones.items():
                found[address] = Outcome(address, OutcomeStatus.RETRY, f"{address} was {why}" if why else str(problem))
        return [found[address] for address in recipients]

    def message(self, notification: Notification) -> EmailMessage:
        """The mail. Its Message-ID comes from the notification's id: sent again, it is the same mail."""
        message = EmailMessage(policy=WIRE)
        message["From"] = self._settings.sender
        message["To"] = ", ".join(self._settings.to)
        message["Subject"] = notification.subject
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = f"<{notification.id}@{self._settings.sender.partition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(notification.text)
        return message

    def check(self) -> str:
        """Connect and log in; send nothing. Return what was found, in words."""
        with self._session() as session:
            session.noop()
        login = f", logged in as {self._settings.user}" if self._settings.user else ", no login"
        return f"{self._where} answers over {self._settings.security}{login}; {len(self._settings.to)} recipients"

    @property
    def _where(self) -> str:
        return f"{self._settings.host}:{self._settings.listens_at}"

    def _sent(self, message: EmailMessage, recipients: list[str]) -> dict[str, tuple[int, str]]:
        """Send one envelope; return what was said of each recipient that was not taken."""
        with self._session() as session:
            try:
                refused: Refused = session.send_message(message, self._settings.sender, recipients)
            except smtplib.SMTPRecipientsRefused as problem:
                refused = problem.recipients
            except smtplib.SMTPSenderRefused as problem:
                if problem.smtp_code >= 500:
                    said = _words(problem.smtp_error)
                    raise ConfigError(
                        f"{self._where} refused the sender {self._settings.sender} ({problem.smtp_code} {said}); "
                        "check from, and what the login may send as"
                    ) from None
                refused = dict.fromkeys(recipients, (problem.smtp_code, problem.smtp_error))
            except smtplib.SMTPDataError as problem:
                refused = dict.fromkeys(recipients, (problem.smtp_code, problem.smtp_error))
        return {address: (code, _words(said)) for address, (code, said) in refused.items()}

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        settings = self._settings
        session: smtplib.SMTP | None = None
        try:
            session = self._connected()
            if settings.user is not None and settings.password is not None:
                session.login(settings.user, settings.password.get_secret_value())
            yield session
            with suppress(smtplib.SMTPException, OSError):  # what was taken is taken, however the talk ends
                session.quit()
        except ConnectorError:
            raise
        except (smtplib.SMTPException, OSError) as problem:
            raise self._said(problem) from None
        finally:
            if session is not None:
                session.close()

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        name, limit = socket.gethostname() or "localhost", settings.timeout_seconds
        if settings.security == "tls":
            return smtplib.SMTP_SSL(settings.host, settings.listens_at, name, timeout=limit, context=self._trust())
        session = smtplib.SMTP(settings.host, settings.listens_at, name, timeout=limit)
        if settings.security == "starttls":
            try:
                session.starttls(context=self._trust())
            except BaseException:
                session.close()
                raise
        return session

    def _trust(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._settings.ca_bundle)
        except (OSError, ssl.SSLError):
            raise ConfigError(
                f"ca_bundle {self._settings.ca_bundle} cannot be read; name a file of certificates"
            ) from None

    def _said(self, problem: Exception) -> ConnectorError:
        where = self._where
        if isinstance(problem, smtplib.SMTPAuthenticationError):
            code, said = problem.smtp_code, _words(problem.smtp_error)
            if code >= 500:
                return ConfigError(
                    f"{where} refused the login of {self._settings.user} ({code} {said}); check user and password"
                )
            return RetriableError(f"{where} cannot check the login now ({code} {said}); try again later")
        if isinstance(problem, smtplib.SMTPNotSupportedError) or "No suitable authentication" in str(problem):
            lacks = "STARTTLS" if "STARTTLS" in str(problem) else "a login"
            return ConfigError(f"{where} does not offer {lacks}; nothing was sent, check security, port and user")
        if isinstance(problem, ssl.SSLCertVerificationError):
            return ConfigError(
                f"the certificate of {where} is not trusted ({problem.verify_message}); set ca_bundle "
                "to its authority, and host to the name that it is for"
            )
        if isinstance(problem, ssl.SSLError):
            return ConfigError(f"{where} does not speak TLS as asked; check security and port")
        if isinstance(problem, smtplib.SMTPServerDisconnected):
            return RetriableError(f"{where} ended the connection; try again later")
        if isinstance(problem, smtplib.SMTPResponseException):
            code, said = problem.smtp_code, _words(problem.smtp_error)
            kind = FatalError if code >= 500 else RetriableError
            return kind(f"{where} said {code} {said}; check that it takes mail from this machine")
        if isinstance(problem, socket.gaierror):
            return RetriableError(f"{self._settings.host} is not a known host; check host and the network")
        if isinstance(problem, TimeoutError):
            return RetriableError(
                f"{where} did not answer within {self._settings.timeout_seconds:g} s; try again later"
            )
        if isinstance(problem, OSError) and not isinstance(problem, smtplib.SMTPException):
            return RetriableError(f"{where} cannot be reached ({problem.strerror or problem}); check host and port")
        return FatalError(
            f"{where} does not answer as a mail server does ({type(problem).__name__}); check host and port"
        )


def check(settings: SmtpSettings) -> Iterator[CheckResult]:
    """Try the connection and the login."""
    try:
        yield CheckResult("mail", True, SmtpNotifier(settings).check())
    except ConnectorError as problem:
        yield CheckResult("mail", False, str(problem))


def _words(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return redact_text(" ".join(text.split())[:_SHOWN])
