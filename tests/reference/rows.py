"""Short ways to write down versions of rows. Belongs here: test data; no rule of the ledger."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from otc_pipelines.posting import (
    AdjustmentVersion,
    AllocationVersion,
    Cluster,
    DocumentVersion,
    FxRateVersion,
    InstallmentVersion,
    ReceiptEventVersion,
    ReceiptVersion,
)

SOURCE = "legacy"
#: The load that nearly everything comes in, unless a test says otherwise.
LOADED = datetime(2030, 1, 1, tzinfo=UTC)


def day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text if len(text) > 5 else f"2026-{text}")


def moment(text: str | datetime) -> datetime:
    if isinstance(text, datetime):
        return text
    return datetime.fromisoformat(text if text[:2] == "20" or text[:2] == "99" else f"2026-{text}").replace(tzinfo=UTC)


def money(text: str | int | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def head(key: str, recorded: str | datetime | None, loaded: str | datetime, deleted: bool = False, line: int = 2):
    at = moment(loaded)
    return (
        SOURCE,
        key,
        at if recorded is None else moment(recorded),
        recorded is not None,
        at,
        deleted,
        "rows.csv",
        line,
    )


def document(
    key,
    amount,
    on,
    *,
    kind="invoice",
    due=None,
    posting=None,
    recorded="",
    loaded=LOADED,
    deleted=False,
    line=2,
    currency="MXN",
    entity="MX",
    party="P1",
    status=None,
    voided=None,
    base=None,
    rate=None,
    account=None,
):
    recorded = on if recorded == "" else recorded
    if deleted:
        return DocumentVersion(*head(key, recorded, loaded, True, line), key, *[None] * 6)
    return DocumentVersion(
        *head(key, recorded, loaded, False, line),
        key,
        kind,
        party,
        entity,
        day(on),
        currency,
        money(amount),
        day(posting),
        day(due),
        status,
        day(voided),
        money(base),
        account,
        money(rate),
    )


def installment(document_id, number, due, amount, *, recorded=None, loaded=LOADED, deleted=False):
    key = f"{document_id}|{number}"
    return InstallmentVersion(*head(key, recorded, loaded, deleted), document_id, number, day(due), money(amount))


def receipt(
    key,
    amount,
    on,
    *,
    recorded="",
    loaded=LOADED,
    deleted=False,
    currency="MXN",
    entity="MX",
    party="P1",
    posting=None,
    rate=None,
):
    recorded = on if recorded == "" else recorded
    return ReceiptVersion(
        *head(key, recorded, loaded, deleted),
        key,
        entity,
        day(on),
        currency,
        money(amount),
        party,
        day(posting),
        money(rate),
    )


def event(receipt_id, kind, on, amount=None, *, recorded="", loaded=LOADED, deleted=False):
    recorded = on if recorded == "" else recorded
    key = f"{receipt_id}|{kind}|{day(on)}"
    return ReceiptEventVersion(*head(key, recorded, loaded, deleted), receipt_id, kind, day(on), money(amount))


def allocation(
    key,
    source_id,
    document_id,
    amount,
    recorded,
    *,
    kind="receipt",
    source_amount=None,
    no=None,
    keyed=None,
    effective=None,
    reverses=None,
    loaded=LOADED,
    deleted=False,
):
    return AllocationVersion(
        *head(key, recorded, loaded, deleted),
        key,
        kind,
        source_id,
        document_id,
        money(amount),
        money(source_amount),
        no,
        day(keyed),
        day(effective),
        reverses,
    )


def adjustment(
    key,
    document_id,
    amount,
    effective,
    *,
    kind="write_off",
    no=None,
    reverses=None,
    recorded="",
    loaded=LOADED,
    deleted=False,
):
    recorded = effective if recorded == "" else recorded
    return AdjustmentVersion(
        *head(key, recorded, loaded, deleted), key, document_id, kind, money(amount), day(effective), no, reverses
    )


def fx_rate(on, rate, *, pair=("USD", "MXN"), kind=None, recorded="", loaded=LOADED, deleted=False):
    recorded = on if recorded == "" else recorded
    key = f"{pair[0]}|{pair[1]}|{day(on)}|{kind or ''}"
    return FxRateVersion(*head(key, recorded, loaded, deleted), *pair, day(on), kind, money(rate))


def cluster(*rows) -> Cluster:
    """One cluster of all the rows, linked or not: posting does not mind."""
    kinds = {
        DocumentVersion: "documents",
        InstallmentVersion: "installments",
        ReceiptVersion: "receipts",
        ReceiptEventVersion: "receipt_events",
        AllocationVersion: "allocations",
        AdjustmentVersion: "adjustments",
    }
    made = Cluster(SOURCE)
    for row in rows:
        if type(row) in kinds:
            getattr(made, kinds[type(row)]).append(row)
    return made
