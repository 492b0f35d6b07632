"""The kinds of events, and for each the only details it may carry.

Belongs here: the allow list. Not here: writing. A detail is a count, an amount, a hash, a key or a word of our own; a
name, an address, an account, an e-mail or a text that somebody wrote is none of these and has no place in the chain,
which nothing can be erased from.
"""

from __future__ import annotations

from collections.abc import Mapping

_SYNC = frozenset({"target", "object", "batch_hash", "run_id"})

KINDS: Mapping[str, frozenset[str]] = {
    "run": frozenset({"run_id", "status", "exit_code", "steps", "failed", "sources", "seconds", "mode", "command"}),
    "load": frozenset(
        {
            "run_id",
            "load_id",
            "source",
            "connector",
            "entity",
            "rows_in",
            "rows_new",
            "quarantined",
            "bytes",
            "files",
            "file",
        }
    ),
    "quarantine": frozenset({"run_id", "quarantine_id", "source", "entity", "action", "rows", "status"}),
    "posting": frozenset({"run_id", "movements", "quarantined", "sources", "posted_to", "linked", "left_alone"}),
    "decision": frozenset(
        {
            "run_id",
            "source",
            "lines",
            "applied",
            "proposed",
            "exceptions",
            "new",
            "superseded",
            "rules",
            "decisions_hash",
        }
    ),
    "transform": frozenset({"run_id", "models", "failed", "selection", "seconds"}),
    "publish": frozenset({"run_id", "tables", "rows", "bytes"}),
    "verdict": _SYNC | {"suite", "severity", "passed", "checks", "failed_checks", "guards"},
    "plan": _SYNC | {"rows", "create", "update", "skip", "held", "mode"},
    "hold": _SYNC | {"rows", "limit", "found", "allowed"},
    "approval": _SYNC | {"rows", "planned_by", "approved_by"},
    "delivery_intent": _SYNC | {"rows", "keys_hash", "lease_owner", "first_version", "last_version"},
    "delivery_result": _SYNC
    | {
        "rows",
        "keys_hash",
        "lease_owner",
        "delivered",
        "failed",
        "unknown",
        "retried",
        "read_back",
        "conflict",
        "held",
    },
    "conflict": _SYNC | {"key", "policy", "fields", "version"},
    "blocked": _SYNC | {"rows", "suites", "checks"},
    "party": frozenset({"run_id", "action", "source", "other", "rule", "score"}),
    "erasure": frozenset({"run_id", "pseudonym", "tables", "rows"}),
    "schema": frozenset({"run_id", "source", "entity", "column", "change"}),
    "close": frozenset({"run_id", "as_of", "rows", "bytes", "sha256"}),
    "migration": frozenset({"source", "as_of", "sha256", "list_sha256", "rows", "totals", "control"}),
    "configuration": frozenset({"run_id", "config_hash", "keys"}),
}
"""Kind → details it may carry."""
