"""What ``otc.yaml`` may say of a source of bank files."""

from __future__ import annotations

from typing import Any

from pydantic import Field, SecretStr, field_validator

from connectors.kit.contract import Settings

FORMATS = ("camt.052", "camt.053", "camt.054", "mt940")


class BankFilesSettings(Settings):
    """A folder with bank statement files, local or wherever fsspec reaches."""

    path: str = Field(min_length=1, description="Folder, or an fsspec URL such as s3://bucket/bank.")
    glob: str = Field(default="*", min_length=1, description="Which files, relative to the folder; ** goes deeper.")
    formats: tuple[str, ...] = Field(
        default=("camt.053", "camt.054", "mt940"),
        description="Formats to read. camt.052 repeats during the day what camt.053 states at its end: not by default.",
    )
    default_account: str = Field(default="", description="Account of statements that name none.")
    default_currency: str = Field(default="", description="Currency of statements that name none.")
    settle_seconds: float = Field(
        default=1.0,
        ge=0,
        le=600,
        description="A file that changed within this time is looked at again after it; still growing, it waits a run.",
    )
    max_file_mb: int = Field(default=1536, ge=1, description="A larger file is refused unread.")
    storage_options: dict[str, Any] = Field(default_factory=dict, description="Further options for fsspec.")
    password: SecretStr | None = Field(default=None, description="For an SFTP or SMB folder; ${NAME} only.")

    @field_validator("formats")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in FORMATS:
                raise ValueError(f"format {name!r} is not one of: {', '.join(FORMATS)}")
        return value
