"""What gates speak of: batches that are guarded, checks, verdicts.

Belongs here: the values. Not here: running suites (run), storing verdicts (verdicts).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["block", "warn"]


@dataclass(frozen=True)
class GuardedBatch:
    """Rows that are about to leave: the outbound table, whose rows of it, and the hash of exactly these rows."""

    target: str
    object_name: str
    table: str
    source: str
    batch_hash: str


@dataclass(frozen=True)
class CheckResult:
    """One expectation: what it says, whether it held, how many rows did not, and why it could not be checked."""

    what: str
    passed: bool
    found: str = ""
    error: str = ""


@dataclass(frozen=True)
class SuiteVerdict:
    """What one suite found in one table; of an outbound table in one batch."""

    suite: str
    severity: Severity
    owner: str
    checks: tuple[CheckResult, ...]
    batch: GuardedBatch | None = None
    notes: tuple[str, ...] = ()
    page: str = ""

    @property
    def passed(self) -> bool:
        """True if every check held, and there was one."""
        return bool(self.checks) and all(c.passed for c in self.checks)

    @property
    def blocks(self) -> bool:
        """True if what it guards may not be written."""
        return not self.passed and self.severity == "block"

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The checks that did not hold."""
        return tuple(c for c in self.checks if not c.passed)

    @property
    def message(self) -> str:
        """One line: the notes, the first check that did not hold, and how many more there are."""
        said = [*self.notes]
        if self.failed:
            first = self.failed[0]
            more = f", and {len(self.failed) - 1} more" if len(self.failed) > 1 else ""
            said.append(f"{len(self.failed)} of {len(self.checks)} failed: {first.what}{_tail(first)}{more}")
        return "; ".join(said) or f"{len(self.checks)} check{'s' * (len(self.checks) != 1)} passed"


@dataclass(frozen=True)
class BatchVerdict:
    """Whether a batch may be delivered: the verdict over all suites that guard it."""

    batch: GuardedBatch
    suites: tuple[SuiteVerdict, ...]

    @property
    def passed(self) -> bool:
        """True if at least one suite guards it and none of those that block has failed."""
        return bool(self.suites) and not any(s.blocks for s in self.suites)


@dataclass(frozen=True)
class GateReport:
    """All verdicts of one run of the gates."""

    suites: tuple[SuiteVerdict, ...]
    batches: tuple[BatchVerdict, ...] = ()

    @property
    def ok(self) -> bool:
        """True if nothing is blocked."""
        return not any(s.blocks for s in self.suites) and all(b.passed for b in self.batches)


def _tail(check: CheckResult) -> str:
    if check.error:
        return f" ({check.error})"
    return f" ({check.found} found)" if check.found else ""
