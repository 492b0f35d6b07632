"""Bank statement files: the declaration."""

from __future__ import annotations

from connectors.bank.bank_files.settings import BankFilesSettings
from connectors.bank.bank_files.source import acknowledge, check, source
from connectors.kit.banking import BANKING
from connectors.kit.contract import Capability, Connector, Role

CONNECTOR = Connector(
    name="bank_files",
    role=Role.BANK,
    title="Bank statement files",
    settings=BankFilesSettings,
    entities=BANKING,
    source=source,
    check=check,
    capabilities=frozenset({Capability.FILES, Capability.INCREMENTAL}),
    acknowledge=acknowledge,
)
