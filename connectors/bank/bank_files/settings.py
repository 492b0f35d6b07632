"""What ``otc.yaml`` may say of a source of bank files."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from connectors.kit.inbox import InboxSettings

FORMATS = ("camt.052", "camt.053", "camt.054", "mt940")


class BankFilesSettings(InboxSettings):
    """A folder with bank statement files: the keys of every inbox (``kit/inbox``), and how statements are read."""

    glob: str = Field(default="*", min_length=1, description="Which files, relative to the folder; ** goes deeper.")
    formats: tuple[str, ...] = Field(
        default=("camt.053", "camt.054", "mt940"),
        description="Formats to read. camt.052 repeats during the day what camt.053 states at its end: not by default.",
    )
    default_account: str = Field(default="", description="Account of statements that name none.")
    default_currency: str = Field(default="", description="Currency of statements that name none.")
    max_file_mb: int = Field(default=1536, ge=1, description="A larger file is refused unread.")
    storage_options: dict[str, Any] = Field(default_factory=dict, description="Further options for fsspec.")

    @field_validator("formats")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in FORMATS:
                raise ValueError(f"format {name!r} is not one of: {', '.join(FORMATS)}")
        return value
