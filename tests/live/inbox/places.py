"""One local folder as an inbox elsewhere: over SFTP it is the same folder, in an object store it is mirrored.

Belongs here: settings, mirroring. Not here: servers.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from connectors.bank.bank_files.settings import BankFilesSettings
from connectors.erp.files.settings import FilesSettings
from connectors.kit.inbox import InboxSettings
from tests.contract.cases.bank_files import BankWorld
from tests.contract.cases.files import FilesWorld
from tests.live.s3 import KEY, SECRET, StoreServer
from tests.live.sshd import SftpServer

SETTINGS: dict[str, type[InboxSettings]] = {"files": FilesSettings, "bank_files": BankFilesSettings}
WORLDS: dict[str, type[FilesWorld | BankWorld]] = {"files": FilesWorld, "bank_files": BankWorld}


def over_sftp(server: SftpServer, folder: Path, **more: Any) -> dict[str, Any]:
    """What ``otc.yaml`` would say of a folder on the server."""
    return {
        "path": server.url(folder),
        "private_key_path": str(server.key),
        "known_hosts_path": str(server.known_hosts),
        "settle_seconds": 0,
        **more,
    }


def in_store(server: StoreServer, bucket: str, **more: Any) -> dict[str, Any]:
    """What ``otc.yaml`` would say of a prefix in a bucket."""
    return {
        "path": f"s3://{bucket}/in",
        "endpoint_url": server.endpoint,
        "region": "us-east-1",
        "access_key_id": KEY,
        "secret_access_key": SECRET,
        "settle_seconds": 0,
        **more,
    }


class Mirror:
    """A folder whose files appear in a bucket when ``push`` is called, and vanish there when they vanished here."""

    def __init__(self, server: StoreServer, folder: Path) -> None:
        self.server = server
        self.bucket = server.bucket()
        self._folder = folder
        self._pushed: dict[str, str] = {}

    def push(self) -> None:
        """Make the bucket's prefix hold what the folder holds."""
        here = {f"in/{p.relative_to(self._folder)}": p for p in self._folder.rglob("*") if p.is_file()}
        for key, path in here.items():
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            if self._pushed.get(key) != digest:
                self.server.put(self.bucket, key, content)
                self._pushed[key] = digest
        for key in set(self._pushed) - set(here):
            self.server.client.delete_object(Bucket=self.bucket, Key=key)
            del self._pushed[key]
