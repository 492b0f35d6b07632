"""The demo's vendors once more, where its ``otc.yaml`` says that they are, for as long as somebody works on it.

Belongs here: serving what the demo left. Not here: making it (``start``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from connectors.crm.salesforce.simulator import SalesforceSimulator
from otc_pipelines.demo.start import MARK, STATE
from otc_pipelines.settings import Instance


def is_demo(instance: Instance) -> bool:
    """True if the instance is what ``otc demo`` wrote, with what its vendors hold."""
    folder = instance.path.parent / STATE
    return instance.path.read_text(encoding="utf-8").startswith(MARK) and folder.is_dir()


@contextmanager
def serving_again(instance: Instance) -> Iterator[str]:
    """Serve the CRM of a demo as it was left, and yield in words where; or why it cannot be."""
    (crm,) = (s for s in instance.sources if s.connector == "salesforce")
    address = str(crm.options["login_url"])
    try:
        simulator = SalesforceSimulator(instance.path.parent / STATE, port=urlsplit(address).port or 0)
    except OSError as problem:
        yield f"The demo's CRM cannot be simulated again at {address}: {problem.strerror or problem}"
        return
    with simulator:
        yield f"The demo's CRM is simulated again at {simulator.url}, until this ends"
