"""The one door to vendors' HTTP: a ``requests.Session`` that cannot be talked into anything else.

Belongs here: time-outs, retries, the rate budget, the pinned origin, address checks, strict bodies, errors in the
house's words. Not here: what any vendor's answer means, how a vendor is authenticated.

The session can be given to whatever takes a ``requests.Session`` (simple-salesforce, zeep's ``Transport``, dlt's
``RESTClient``). One session talks to one origin; a second host, such as a login server, needs a second session.
"""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import SplitResult, urlsplit

import requests
from requests import exceptions as failures
from requests.adapters import HTTPAdapter
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter
from urllib3.exceptions import NewConnectionError

from connectors.kit.errors import ConfigError, ConnectorError, FatalError, RetriableError
from connectors.kit.pinning import GuardedPoolManager, is_loopback
from connectors.kit.rate import RateBudget, budget_of

logger = logging.getLogger("connectors.http")

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
BUSY_STATUSES = frozenset({502, 503, 504})
_IDEMPOTENT: ContextVar[bool | None] = ContextVar("idempotent", default=None)


class AnswerLostError(RetriableError):
    """A request went out and no proper answer came back: it may have been applied. Never sent again by itself."""


@dataclass(frozen=True)
class HttpPolicy:
    """How patient a session is, and what it allows. ``rate`` is requests a second for the whole origin."""

    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    attempts: int = 5
    first_wait: float = 0.5
    longest_wait: float = 60.0
    max_body_bytes: int = 512 * 1024 * 1024
    rate: float | None = None
    allow_private: bool = False
    ca_bundle: Path | None = None
    proxy: str | None = None


@dataclass(frozen=True)
class Origin:
    """Scheme, host and port: what a session is pinned to."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """Read the origin of a URL; ConfigError where it has none, or carries a user name."""
        parts, port = _split(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"{url!r} is not an http or https address; write it as https://host")
        if parts.username is not None or parts.password is not None:
            raise ConfigError(f"the address of {parts.hostname} carries a user name; give credentials by themselves")
        return cls(parts.scheme, parts.hostname.lower(), port or (443 if parts.scheme == "https" else 80))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"https": 443, "http": 80}[self.scheme]
        return f"{self.scheme}://{host}" + ("" if self.port == usual else f":{self.port}")


def require_secure(url: str, *, allow_private: bool, setting: str) -> Origin:
    """Return the origin; plain http is refused except for loopback where ``allow_private`` is set."""
    origin = Origin.of(url)
    if origin.scheme == "http" and not (allow_private and is_loopback(origin.host)):
        raise ConfigError(f"{setting} {str(origin)!r} is plain http; use https (http: loopback with allow_private)")
    return origin


class Response(requests.Response):
    """A response whose body is capped, and whose JSON is JSON, whole, with decimals instead of floats."""

    max_body_bytes: int = HttpPolicy.max_body_bytes

    def iter_content(self, chunk_size: int | None = 1, decode_unicode: bool = False) -> Iterator[Any]:
        """Iterate over the decoded body; FatalError once it is larger than the session allows."""
        size = 0
        for chunk in super().iter_content(chunk_size, decode_unicode):
            size += len(chunk)
            if size > self.max_body_bytes:
                self.close()
                raise FatalError(
                    f"{_host(self.url)} answered with more than {self.max_body_bytes} bytes; ask for smaller pages"
                )
            yield chunk

    def json(self, **kwargs: Any) -> Any:
        """Parse the body; AnswerLostError names what came instead of JSON."""
        if kwargs.get("parse_float") is None:
            kwargs["parse_float"] = Decimal
        kwargs.setdefault("parse_constant", _no_constant)
        refuse_html(self)
        try:
            return json.loads(self.content.decode("utf-8-sig"), **kwargs)
        except ValueError:
            raise AnswerLostError(
                f"{_host(self.url)} answered {self.status_code} with a body that is not whole JSON "
                f"({len(self.content)} bytes); try again, the page was not used"
            ) from None


def refuse_html(response: requests.Response) -> None:
    """Raise AnswerLostError when a page for people came where data was expected (a login page, a proxy's notice)."""
    kind = response.headers.get("Content-Type", "").split(";")[0].strip().lower()
    begin = response.content[:64].lstrip().lower()
    if kind in ("text/html", "application/xhtml+xml") or begin.startswith((b"<!doctype html", b"<html")):
        raise AnswerLostError(
            f"{_host(response.url)} answered {response.status_code} with {kind or 'HTML'} where data was expected; "
            "check the address, and that no login page or proxy stands in between"
        )


def refuse_status(response: requests.Response, what: str) -> None:
    """Raise the house's error for a status that is not a success; ``what`` says what was asked for."""
    status, host = response.status_code, _host(response.url)
    if status < 400:
        return
    if status in (401, 403):
        raise ConfigError(f"{host} refused the credentials for {what} ({status}); check the user, key and permissions")
    if status == 429 or status >= 500:
        raise RetriableError(f"{host} could not answer {what} now ({status}); try again later", _retry_after(response))
    raise FatalError(f"{host} refused {what} ({status}); the request does not fit this system")


class Session(requests.Session):
    """A ``requests.Session`` pinned to one origin: no redirect or absolute link to another is ever followed.

    Safe methods, and calls made with ``idempotent=True``, are tried again on 429, 502, 503, 504 and lost connections,
    with jitter and a cap, and as the vendor's Retry-After says. 429 is tried again for any method: nothing was applied.
    Anything else that got no answer raises ``AnswerLostError``.
    """

    def __init__(
        self,
        origin: str,
        policy: HttpPolicy | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        budget: RateBudget | None = None,
    ) -> None:
        super().__init__()
        self.policy = policy or HttpPolicy()
        self.origin = Origin.of(origin)
        self._sleep = sleep
        self._budget = budget or budget_of(str(self.origin), self.policy.rate)
        self.trust_env = False  # no .netrc, no proxy or CA bundle from the environment: settings alone decide
        self.verify = str(_existing(self.policy.ca_bundle)) if self.policy.ca_bundle else True
        if self.policy.proxy:
            self.proxies = {"http": self.policy.proxy, "https": self.policy.proxy}
        self.adapters.clear()
        self.mount(f"{self.origin.scheme}://", _Adapter(self.policy))

    def request(
        self, method: str | bytes, url: str | bytes, *args: Any, idempotent: bool | None = None, **kwargs: Any
    ) -> requests.Response:
        """Send a request. ``idempotent=True`` says that sending it twice does no harm."""
        token = _IDEMPOTENT.set(idempotent)
        try:
            return super().request(method, url, *args, **kwargs)
        finally:
            _IDEMPOTENT.reset(token)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Check where it goes, then send it, with retries where they do no harm."""
        self._refuse_elsewhere(request.url or "")
        if kwargs.get("verify") is False or self.verify is False:
            raise ConfigError(f"certificates of {self.origin.host} must be verified; set ca_bundle to trust your own")
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = (self.policy.connect_timeout, self.policy.read_timeout)
        follow = kwargs.pop("allow_redirects", True)
        kwargs.setdefault("verify", self.verify)
        kwargs.setdefault("proxies", self.proxies)
        method = request.method or "GET"
        repeatable = method in SAFE_METHODS if _IDEMPOTENT.get() is None else bool(_IDEMPOTENT.get())
        response: requests.Response = Retrying(
            stop=stop_after_attempt(self.policy.attempts),
            wait=self._wait,
            retry=retry_if_exception(lambda error: self._again(error, repeatable)),
            sleep=self._sleep,
            reraise=True,
        )(self._attempt, request, repeatable, kwargs)
        if follow and response.is_redirect:
            chain: list[requests.Response] = [response, *self.resolve_redirects(response, request, **kwargs)]
            chain[-1].history = chain[:-1]
            return chain[-1]
        return response

    def _attempt(
        self, request: requests.PreparedRequest, repeatable: bool, kwargs: dict[str, Any]
    ) -> requests.Response:
        self._budget.acquire(self._sleep)
        started = time.perf_counter()
        try:
            response = super().send(request, allow_redirects=False, **kwargs)
        except ConnectorError:
            raise
        except failures.RequestException as error:
            raise self._translated(error) from None
        path, spent = urlsplit(request.url or "").path, (time.perf_counter() - started) * 1000
        logger.debug("%s %s%s %d in %.0f ms", request.method, self.origin, path, response.status_code, spent)
        if response.status_code == 429 or response.status_code in BUSY_STATUSES:
            wish = _retry_after(response)
            if wish is not None:
                self._budget.pause(min(wish, self.policy.longest_wait))
            text = f"{self.origin.host} is busy ({response.status_code})"
            if response.status_code == 429 or repeatable:
                raise RetriableError(f"{text}; tried {self.policy.attempts} times, try again later", wish)
            raise AnswerLostError(f"{text}; whether the request was applied is not known", wish)
        return response

    def _again(self, error: BaseException, repeatable: bool) -> bool:
        if not isinstance(error, RetriableError) or (error.retry_after or 0) > self.policy.longest_wait:
            return False
        return repeatable or not isinstance(error, AnswerLostError)

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        first, longest = self.policy.first_wait, self.policy.longest_wait
        jittered = wait_exponential_jitter(multiplier=first, max=longest, jitter=first)(state)
        if isinstance(error, RetriableError) and error.retry_after is not None:
            return error.retry_after + random.uniform(0, min(first, jittered))  # noqa: S311 - spreads workers, no secret
        return jittered

    def _refuse_elsewhere(self, url: str) -> None:
        try:
            origin = Origin.of(url)
        except ConfigError as error:
            raise FatalError(f"a link of {self.origin.host} was refused: {error}") from None
        if origin != self.origin:
            raise FatalError(f"a link or redirect to {origin} was refused: this connection is for {self.origin} only")

    def _translated(self, error: failures.RequestException) -> ConnectorError:
        where, text = f"{self.origin.host}:{self.origin.port}", str(error)
        if isinstance(error, failures.SSLError):
            if "CERTIFICATE_VERIFY_FAILED" in text:
                return ConfigError(f"the certificate of {where} is not trusted; set ca_bundle to its authority")
            return AnswerLostError(f"no secure connection to {where} (TLS); check scheme and port")
        if isinstance(error, failures.ProxyError):
            return RetriableError(f"cannot reach {where} through the proxy; check the proxy setting")
        reason = getattr(error.args[0], "reason", None) if error.args else None
        if isinstance(error, failures.ConnectTimeout) or isinstance(reason, NewConnectionError):
            return RetriableError(f"cannot reach {where} ({_why(text)}); check the address and the network")
        if isinstance(error, failures.Timeout):
            return AnswerLostError(f"{where} did not answer within {self.policy.read_timeout:g} s; try again later")
        if isinstance(error, (failures.InvalidURL, failures.InvalidSchema, failures.InvalidHeader)):
            return ConfigError(f"a request to {where} cannot be sent ({type(error).__name__}); check the settings")
        return AnswerLostError(f"the connection to {where} broke before its answer was complete; try again later")


class _Adapter(HTTPAdapter):
    """Connects to allowed addresses only, and gives strict responses."""

    def __init__(self, policy: HttpPolicy) -> None:
        self._policy = policy
        super().__init__(max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        self.poolmanager = GuardedPoolManager(
            allow_private=self._policy.allow_private, num_pools=connections, maxsize=maxsize, block=block, **kwargs
        )

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        plain = super().build_response(req, resp)
        strict = Response()
        strict.__dict__.update(plain.__dict__)
        strict.max_body_bytes = self._policy.max_body_bytes
        return strict


class _QueryHidden(logging.Filter):
    """urllib3 logs each request with its query string; queries carry keys of customers."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_without_query(argument) for argument in record.args)
        return True


def _without_query(argument: object) -> object:
    path = isinstance(argument, str) and argument.startswith("/") and "?" in argument
    return str(argument).split("?")[0] + "?…" if path else argument


logging.getLogger("urllib3.connectionpool").addFilter(_QueryHidden())


def _split(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError:
        raise ConfigError("an address could not be read; write it as https://host") from None


def _host(url: str) -> str:
    return urlsplit(url).hostname or "the server"


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ConfigError(f"ca_bundle {path.name!r} is not a readable file; give the path of a PEM file")
    return path


def _no_constant(text: str) -> NoReturn:
    raise ValueError(text)


def _why(text: str) -> str:
    if "resolve" in text or "NameResolution" in text:
        return "its name is not known"
    return "connection refused" if "refused" in text else "no connection"


def _retry_after(response: requests.Response) -> float | None:
    stated = response.headers.get("Retry-After", "").strip()
    if stated.replace(".", "", 1).isdigit():
        return float(stated)
    try:
        return max(0.0, parsedate_to_datetime(stated).timestamp() - time.time()) if stated else None
    except (TypeError, ValueError):
        return None
