"""What ``otc.yaml`` may say of any inbox: where it is, how to get in, what becomes of a file that was taken over."""

from __future__ import annotations

import posixpath
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from connectors.kit.contract import Settings

_SFTP = ("password", "private_key_path", "passphrase", "known_hosts_path")
_STORE = ("endpoint_url", "region", "access_key_id", "secret_access_key", "session_token", "ca_bundle")


class InboxSettings(Settings):
    """``path`` is a folder, ``sftp://user@host:port/folder`` or ``s3://bucket/prefix``. Secrets only as ``${NAME}``."""

    path: str = Field(min_length=1, description="Folder, sftp://user@host/folder, s3://bucket/prefix.")
    settle_seconds: float = Field(
        default=1.0,
        ge=0,
        le=600,
        description="A fresh file is looked at again after this time; one that changed, or is empty, waits a run.",
    )
    after: Literal["keep", "archive", "delete"] = Field(
        default="keep", description="What is done with a file once its rows are committed."
    )
    archive_folder: str = Field(default="archive", min_length=1, description="Where archive moves it, below path.")
    password: SecretStr | None = Field(default=None, description="SFTP: a password, where there is no key.")
    private_key_path: str | None = Field(default=None, description="SFTP: file of the key to log in with.")
    passphrase: SecretStr | None = Field(default=None, description="SFTP: what opens that key.")
    known_hosts_path: str = Field(
        default="~/.ssh/known_hosts", description="SFTP: file of host keys to trust, as OpenSSH writes it."
    )
    endpoint_url: str | None = Field(default=None, description="S3: where the store is, if not at Amazon.")
    region: str | None = Field(default=None, description="S3: region.")
    access_key_id: str | None = Field(default=None, description="S3: key id; none: as the machine is set up.")
    secret_access_key: SecretStr | None = Field(default=None, description="S3: secret of that key.")
    session_token: SecretStr | None = Field(default=None, description="S3: token of temporary credentials.")
    ca_bundle: str | None = Field(default=None, description="S3: authority to trust instead of the usual ones.")
    timeout_seconds: float = Field(default=30.0, gt=0, le=600, description="Longest wait for one answer.")
    attempts: int = Field(default=3, ge=1, le=10, description="How often is tried what a lost connection broke.")

    @property
    def scheme(self) -> str:
        """``sftp``, ``s3`` or another one that fsspec knows; '' for a folder of this machine."""
        return self.path.partition("://")[0].lower() if "://" in self.path else ""

    @field_validator("path")
    @classmethod
    def _no_password_in(cls, value: str) -> str:
        if "://" not in value:
            return value
        parts = urlsplit(value)
        if parts.password is not None:
            raise ValueError(f"path on {parts.hostname} carries a password; give it as password: ${{NAME}}")
        if parts.scheme.lower() in ("sftp", "ssh") and not parts.hostname:
            raise ValueError("path names no host; write it as sftp://user@host/folder")
        return value

    @field_validator("archive_folder")
    @classmethod
    def _inside(cls, value: str) -> str:
        folder = posixpath.normpath(value)
        if folder.startswith("/") or folder in (".", "..") or "://" in value:
            raise ValueError(f"archive_folder {value!r} must be another folder, relative to path, such as archive")
        return folder

    @model_validator(mode="after")
    def _coherent(self) -> InboxSettings:
        given = self.model_fields_set
        for names, schemes, where in ((_SFTP, ("sftp", "ssh"), "sftp://"), (_STORE, ("s3", "s3a"), "s3://")):
            stray = [n for n in names if n in given and self.scheme not in (*schemes, *_ANY.get(n, ()))]
            if stray:
                raise ValueError(f"{stray[0]} is for a path that begins with {where}; leave it out, or correct path")
        if self.passphrase is not None and self.private_key_path is None:
            raise ValueError("passphrase opens a key, and private_key_path is missing; name the key's file")
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key belong together; give both, or neither")
        return self


#: ``password`` was always given to whatever fsspec opens; for a mounted share it still is.
_ANY = {"password": ("smb", "ftp", "webdav")}
