"""A headless browser, spoken to over its own debugging protocol: open a page, wait for words, click, take a picture.

Belongs here: the few commands that the UI's tests need. Not here: what is looked at.
"""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
)


def executable() -> str | None:
    """Where a browser is on this machine, if there is one."""
    return next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)


class Page:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    def go(self, url: str) -> None:
        """Open an address."""
        self._call("Page.navigate", url=url)

    def text(self) -> str:
        """What can be read on the page."""
        return str(self.evaluate("document.body ? document.body.innerText : ''"))

    def wait_for(self, *words: str, seconds: float = 90) -> str:
        """Wait until all words stand on the page; AssertionError with what stands there instead."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.text()
            if all(w in found for w in words):
                return found
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"not on the page: {[w for w in words if w not in found]}; there is: {found[:800]}"
                )
            time.sleep(0.25)

    def wait_until(self, expression: str, seconds: float = 30) -> None:
        """Wait until a JavaScript expression is true."""
        deadline = time.monotonic() + seconds
        while not self.evaluate(expression):
            assert time.monotonic() < deadline, f"never true: {expression}"
            time.sleep(0.25)

    def click(self, words: str, seconds: float = 90) -> None:
        """Click the first innermost element that says exactly these words, once it takes clicks."""
        said = json.dumps(words)
        saying = f"[...document.querySelectorAll('*')].filter(e => !e.children.length && e.textContent === {said})"
        found = f"{saying}.find(e => !e.closest('button:disabled, [aria-disabled=true]'))"
        self.wait_until(f"Boolean({found})", seconds)
        self.evaluate(f"{found}.click()")

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        return self._call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def picture(self, path: Path) -> None:
        """Save what is seen as PNG."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"]))

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(timeout=60))
            if answer.get("id") == number:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result


@contextmanager
def page(profile: Path, size: tuple[int, int] = (1700, 1050)) -> Iterator[Page]:
    """Start a browser with a profile of its own, and end it."""
    found = executable()
    assert found is not None
    command = [found, *_FLAGS, f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}"]
    process = subprocess.Popen(
        [*command, "--remote-debugging-port=0", "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        address = _address(profile / "DevToolsActivePort")
        with connect(address, max_size=None) as socket:
            yield Page(socket)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()


def _address(told: Path, seconds: float = 60) -> str:
    """The address of the first tab, once the browser has said its port."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(OSError, ValueError, IndexError, StopIteration):  # the file is there before it says anything
            port = int(told.read_text().splitlines()[0])
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=5) as answer:
                tabs = json.load(answer)
            return str(next(t["webSocketDebuggerUrl"] for t in tabs if t["type"] == "page"))
        time.sleep(0.2)
    raise AssertionError("the browser did not start")
