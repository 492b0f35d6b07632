"""The sending side of an inbox elsewhere: puts files, renames them, is still busy with one, looks at what is left.

Belongs here: what a sender can do, by a client of its own. Not here: what the reading side makes of it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import paramiko

from tests.live.inbox.places import in_store, over_sftp
from tests.live.s3 import StoreServer
from tests.live.sshd import SftpServer


class Sender(Protocol):
    """Somebody who sends files to one inbox."""

    def stated(self, **more: Any) -> dict[str, Any]:
        """What ``otc.yaml`` says of the inbox, secrets by their variables."""
        ...

    def put(self, name: str, content: bytes) -> None:
        """Send a file whole."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Give a file its final name."""
        ...

    def busy(self, name: str, content: bytes) -> contextlib.AbstractContextManager[Callable[[], None]]:
        """Begin to send a file, half of it, and end it when the context ends; what it gives writes a little more."""
        ...

    def left(self) -> list[str]:
        """Every name there is, folders below included."""
        ...


class OverSftp:
    """A client of a real sshd."""

    def __init__(self, server: SftpServer, folder: Path) -> None:
        self._server, self._folder = server, folder
        folder.mkdir()

    def stated(self, **more: Any) -> dict[str, Any]:
        return over_sftp(self._server, self._folder, **more)

    @contextlib.contextmanager
    def _session(self) -> Iterator[paramiko.SFTPClient]:
        with paramiko.Transport(("127.0.0.1", self._server.port)) as transport:
            user = self.stated()["path"].removeprefix("sftp://").partition("@")[0]
            transport.connect(username=user, pkey=paramiko.Ed25519Key.from_private_key_file(str(self._server.key)))
            session = paramiko.SFTPClient.from_transport(transport)
            assert session is not None
            yield session

    def put(self, name: str, content: bytes) -> None:
        with self._session() as session, session.open(str(self._folder / name), "wb") as file:
            file.write(content)

    def rename(self, old: str, new: str) -> None:
        with self._session() as session:
            session.posix_rename(str(self._folder / old), str(self._folder / new))

    @contextlib.contextmanager
    def busy(self, name: str, content: bytes) -> Iterator[Callable[[], None]]:
        sent = len(content) // 2
        with self._session() as session, session.open(str(self._folder / name), "wb") as file:
            file.write(content[:sent])
            file.flush()

            def more() -> None:
                nonlocal sent
                file.write(content[sent : sent + 1])
                file.flush()
                sent += 1

            yield more
            file.write(content[sent:])

    def left(self) -> list[str]:
        return sorted(str(p.relative_to(self._folder)) for p in self._folder.rglob("*") if p.is_file())


class InStore:
    """A client of a real object store: a file appears when its upload is completed, and not before."""

    def __init__(self, server: StoreServer) -> None:
        self._server, self._bucket = server, server.bucket()

    def stated(self, **more: Any) -> dict[str, Any]:
        return in_store(self._server, self._bucket, **{"secret_access_key": "${DROP_SECRET}", **more})

    def put(self, name: str, content: bytes) -> None:
        self._server.put(self._bucket, f"in/{name}", content)

    def rename(self, old: str, new: str) -> None:
        client, source = self._server.client, {"Bucket": self._bucket, "Key": f"in/{old}"}
        client.copy_object(Bucket=self._bucket, Key=f"in/{new}", CopySource=source)
        client.delete_object(**source)

    @contextlib.contextmanager
    def busy(self, name: str, content: bytes) -> Iterator[Callable[[], None]]:
        client, which = self._server.client, {"Bucket": self._bucket, "Key": f"in/{name}"}
        upload = client.create_multipart_upload(**which)["UploadId"]
        yield lambda: None
        part = client.upload_part(**which, UploadId=upload, PartNumber=1, Body=content)
        parts = [{"ETag": part["ETag"], "PartNumber": 1}]
        client.complete_multipart_upload(**which, UploadId=upload, MultipartUpload={"Parts": parts})

    def left(self) -> list[str]:
        return sorted(key.removeprefix("in/") for key in self._server.keys(self._bucket))
