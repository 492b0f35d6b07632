"""Writes receivables status to Salesforce: idempotent by external id, one outcome an intent, unknowns stay unknown.

Belongs here: batches, what each answer means for each intent, reading back. Not here: whether to write (reverse_sync).

Nothing is ever created: the required fields of a new Account or Order are not in what is sent, so an upsert of a key
that is gone fails with REQUIRED_FIELD_MISSING and is reported as such.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from connectors.crm.salesforce.bulk import IngestJob, fits
from connectors.crm.salesforce.catalogue import WRITABLE, Writable
from connectors.crm.salesforce.client import SalesforceClient, literal, soql
from connectors.crm.salesforce.schema import require_writable
from connectors.crm.salesforce.settings import SalesforceSettings
from connectors.crm.salesforce.values import as_cell, as_json, as_read
from connectors.kit.contract import Intent, Outcome, OutcomeStatus
from connectors.kit.errors import ConnectorError, FatalError
from connectors.kit.http import AnswerLostError

T = TypeVar("T")
LOCKED = "UNABLE_TO_LOCK_ROW"
_AGAIN = frozenset({LOCKED, "REQUEST_LIMIT_EXCEEDED", "SERVER_UNAVAILABLE", "ROW_LOCK_TIMEOUT"})
_MEANING = {"REQUIRED_FIELD_MISSING": "no record has this key; nothing was created"}
_QUERY_KEYS = 100


class SalesforceWriter:
    """The connector's ``Writer``. Small changes go by sObject collections of 200, large ones by one Bulk 2.0 job."""

    def __init__(self, settings: SalesforceSettings, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._settings = settings
        self._client = SalesforceClient(settings, sleep=sleep)
        self._checked: set[str] = set()

    def objects(self) -> Mapping[str, str]:
        """Return the outbound objects, each with its Salesforce object."""
        return {name: target.vendor for name, target in WRITABLE.items()}

    def write(self, object_name: str, intents: Sequence[Intent]) -> Iterator[Outcome]:
        """Send the intents. ConfigError before anything is sent where the organisation is not ready for them."""
        target = self._target(object_name)
        keys = [intent.key for intent in intents]
        if len(set(keys)) != len(keys):
            raise FatalError(f"{object_name}: a key is in one delivery twice; plan one change for each key")
        sendable, refused = self._split(target, intents)
        yield from refused
        if not sendable:
            return
        try:
            self._ready(target)
            if len(sendable) > self._settings.write_batch:
                sendable = self._by_parent(target, sendable)
            bulk = len(sendable) > self._settings.write_threshold
            yield from self._in_bulk(target, sendable) if bulk else self._in_collections(target, sendable)
        finally:
            self._client.close()

    def read_back(
        self, object_name: str, keys: Sequence[str], fields: Sequence[str]
    ) -> Mapping[str, Mapping[str, Any]]:
        """Return what Salesforce holds, under the names asked for. Amounts are text with the currency's decimals."""
        target = self._target(object_name)
        asked = {name: self._field(target, name) for name in fields}
        names = list(dict.fromkeys([target.external_id, target.currency, *(f.vendor for f in asked.values())]))
        try:
            return {
                str(record[target.external_id]): {n: as_read(record, f, target) for n, f in asked.items()}
                for record in self._records(target, names, keys)
            }
        finally:
            self._client.close()

    # --- collections

    def _in_collections(self, target: Writable, intents: Sequence[Intent]) -> Iterator[Outcome]:
        """Send batches of 200. Rows that met a lock go again, by parent, in smaller batches; then they come back."""
        waiting, size = list(intents), self._settings.write_batch
        for attempt in range(self._settings.lock_retries + 1):
            locked: list[Intent] = []
            for outcome, intent, code in self._pass(target, waiting, size):
                if code == LOCKED and attempt < self._settings.lock_retries:
                    locked.append(intent)
                else:
                    yield outcome
            if not locked:
                return
            self._client.sleep(self._settings.first_wait_seconds * 2**attempt)
            waiting, size = self._by_parent(target, locked), max(1, size // 5)

    def _pass(self, target: Writable, intents: Sequence[Intent], size: int) -> Iterator[tuple[Outcome, Intent, str]]:
        stopped = ""
        for batch in _batches(intents, size):
            if stopped:
                yield from ((Outcome(i.key, OutcomeStatus.RETRY, stopped), i, "") for i in batch)
                continue
            try:
                results = self._client.upsert(target.vendor, target.external_id, _body(target, batch))
                if len(results) != len(batch):
                    raise AnswerLostError(f"{len(results)} results came for {len(batch)} rows; read back")
            except AnswerLostError as error:
                status, reason, stopped = OutcomeStatus.UNKNOWN, str(error), f"not sent: {error}"
            except FatalError as error:
                status, reason = OutcomeStatus.FAILED, str(error)
            except ConnectorError as error:
                status, reason, stopped = OutcomeStatus.RETRY, str(error), f"not sent: {error}"
            else:
                yield from (_judged(i, r) for i, r in zip(batch, results, strict=True))
                continue
            yield from ((Outcome(i.key, status, reason), i, "") for i in batch)

    # --- bulk

    def _in_bulk(self, target: Writable, intents: Sequence[Intent]) -> Iterator[Outcome]:
        """Run one ingest job. Until it is started nothing is applied; after that only its results tell."""
        names = sorted({self._field(target, n).vendor for i in intents for n in i.fields})
        groups: dict[frozenset[str], list[Intent]] = {}
        for intent in intents:
            groups.setdefault(frozenset(self._field(target, n).vendor for n in intent.fields), []).append(intent)
        if len(groups) > 1:  # a CSV has one header; a column that a row does not set must not be emptied
            for group in groups.values():
                yield from self._in_bulk(target, group)
            return
        table = [[i.key, *_cells(target, i, names)] for i in intents]
        fits(table)
        try:
            job = IngestJob(self._client, target.vendor, target.external_id)
            job.upload([target.external_id, *names], table)
        except ConnectorError as error:
            yield from (Outcome(i.key, OutcomeStatus.RETRY, str(error)) for i in intents)
            return
        try:
            job.start()
            result = job.finish()
        except ConnectorError as error:
            yield from (Outcome(i.key, OutcomeStatus.UNKNOWN, str(error)) for i in intents)
            return
        for intent in intents:
            if intent.key in result.succeeded:
                yield Outcome(intent.key, OutcomeStatus.DELIVERED, target_id=result.succeeded[intent.key])
            elif intent.key in result.failed:
                yield _refusal(intent, result.failed[intent.key].split(":")[0], result.failed[intent.key])
            else:
                yield Outcome(intent.key, OutcomeStatus.RETRY, "the bulk job ended before this row was processed")

    # --- what both need

    def _target(self, object_name: str) -> Writable:
        try:
            return WRITABLE[object_name]
        except KeyError:
            raise FatalError(f"{object_name!r} cannot be written; there are: {', '.join(WRITABLE)}") from None

    def _field(self, target: Writable, name: str) -> Any:
        try:
            return target.field(name)
        except KeyError:
            raise FatalError(
                f"{target.name} has no field {name!r}; {', '.join(f.name for f in target.fields)}"
            ) from None

    def _ready(self, target: Writable) -> None:
        if target.name not in self._checked:
            require_writable(self._client, target)
            self._checked.add(target.name)

    def _split(self, target: Writable, intents: Sequence[Intent]) -> tuple[list[Intent], list[Outcome]]:
        sendable: list[Intent] = []
        refused: list[Outcome] = []
        for intent in intents:
            try:
                _cells(target, intent, list(intent.fields))
                sendable.append(intent)
            except (KeyError, ValueError) as error:
                reason = f"no field {error}" if isinstance(error, KeyError) else str(error)
                refused.append(Outcome(intent.key, OutcomeStatus.FAILED, reason))
        return sendable, refused

    def _by_parent(self, target: Writable, intents: Sequence[Intent]) -> list[Intent]:
        """Put children of one parent side by side: batches that share a parent fight for its lock."""
        if target.parent is None:
            return sorted(intents, key=lambda i: i.key)
        found = self._records(target, [target.external_id, target.parent], [i.key for i in intents])
        parents = {str(r[target.external_id]): str(r.get(target.parent) or "") for r in found}
        return sorted(intents, key=lambda i: (parents.get(i.key, ""), i.key))

    def _records(self, target: Writable, names: Sequence[str], keys: Sequence[str]) -> Iterator[dict[str, Any]]:
        for some in _batches(list(dict.fromkeys(keys)), _QUERY_KEYS):
            query = soql(", ".join(names), target.vendor, f"WHERE {target.external_id} IN {literal(list(some))}")
            for page in self._client.query(query, deleted=False):
                yield from page.records


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _cells(target: Writable, intent: Intent, names: Sequence[str]) -> list[str]:
    values = {target.field(name).vendor: value for name, value in intent.fields.items()}
    return [as_cell(target.field(name), values[target.field(name).vendor]) for name in names]


def _body(target: Writable, batch: Sequence[Intent]) -> str:
    records = [
        {
            "attributes": as_json({"type": target.vendor}),
            target.external_id: as_json(intent.key),
            **{target.field(n).vendor: as_json(v, target.field(n)) for n, v in intent.fields.items()},
        }
        for intent in batch
    ]
    texts = ("{" + ",".join(f"{as_json(name)}:{value}" for name, value in record.items()) + "}" for record in records)
    return '{"allOrNone":false,"records":[' + ",".join(texts) + "]}"


def _judged(intent: Intent, result: Mapping[str, Any]) -> tuple[Outcome, Intent, str]:
    if result.get("success") is True:
        return Outcome(intent.key, OutcomeStatus.DELIVERED, target_id=str(result.get("id") or "")), intent, ""
    errors = result.get("errors") or [{}]
    code = str(errors[0].get("statusCode") or errors[0].get("errorCode") or "UNKNOWN_ERROR")
    return _refusal(intent, code, f"{code}: {errors[0].get('message', '')}"), intent, code


def _refusal(intent: Intent, code: str, said: str) -> Outcome:
    status = OutcomeStatus.RETRY if code in _AGAIN else OutcomeStatus.FAILED
    return Outcome(
        intent.key, status, f"{code}: {_MEANING[code]}" if code in _MEANING else " ".join(said.split())[:300]
    )


def writer(settings: SalesforceSettings) -> SalesforceWriter:
    """Return the connector's writer."""
    return SalesforceWriter(settings)
