"""Declaration of the file drop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from connectors.erp.files.folder import FORMATS, Folder, pattern_of
from connectors.erp.files.settings import FilesSettings
from connectors.erp.files.source import source
from connectors.kit.contract import Capability, CheckResult, Connector, Cursors, Role
from connectors.kit.errors import ConnectorError
from connectors.kit.inbox import Inbox
from connectors.kit.inbox import acknowledge as acknowledge_files
from connectors.kit.receivables import RECEIVABLES


def check(settings: FilesSettings) -> Iterator[CheckResult]:
    """Try the folder, and say which entities it has files of and which files are nobody's."""
    try:
        folder = Folder(settings)
        with folder.inbox:
            files = folder.files()
    except ConnectorError as error:
        yield CheckResult(f"folder {settings.path}", False, str(error))
        return
    served = sorted({entity for file in files for entity in file.entities})
    yield CheckResult(
        f"folder {settings.path}", True, f"{len(files)} files: {', '.join(served) or 'none of an entity'}"
    )
    for entity in settings.files:
        if entity not in served:
            patterns = ", ".join(settings.files[entity])
            yield CheckResult(f"files of {entity}", True, f"none fits {patterns} yet")
    stray = [f.name for f in files if not f.entities and f.format in FORMATS and not settings.files]
    if stray:
        yield CheckResult(
            "names", False, f"no entity's by name: {', '.join(stray[:5])}; rename or list them under files"
        )


def acknowledge(settings: FilesSettings, cursors: Cursors) -> Iterable[str]:
    """Archive or delete what was taken over, where the settings say so; one line for what was done."""
    with Inbox(settings, settings.storage) as inbox:
        return acknowledge_files(inbox, pattern_of(settings), cursors)


CONNECTOR = Connector(
    name="files",
    role=Role.ERP,
    title="File drop (CSV, JSON Lines, Parquet)",
    settings=FilesSettings,
    entities=RECEIVABLES,
    source=source,
    check=check,
    capabilities=frozenset({Capability.INCREMENTAL, Capability.FILES}),
    acknowledge=acknowledge,
)
