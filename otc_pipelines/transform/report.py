"""What came of a run of dbt, as data.

Belongs here: values. Not here: dbt's own classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

STANDING = "standing"
"""Status of a view that was not built, because it would be the same."""
_BROKEN = frozenset({"error", "fail", "runtime error"})


@dataclass(frozen=True)
class NodeResult:
    """One model or test: its name, kind (model, test, unit_test …), status, seconds and dbt's message in one line.

    Status is dbt's own: success, pass, warn, fail, error, skipped; or STANDING. ``schema`` is where a model was built.
    """

    name: str
    kind: str
    status: str
    seconds: float
    message: str
    schema: str = ""
    tested: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """True unless it failed or could not be run; what was skipped because of another is not ok either."""
        return self.status not in _BROKEN and self.status != "skipped"


@dataclass(frozen=True)
class TransformReport:
    """Results in the order in which they finished, and where dbt left its artefacts."""

    results: tuple[NodeResult, ...]
    seconds: float
    target_path: Path

    @property
    def ok(self) -> bool:
        """True if everything was built and every test passed."""
        return all(r.ok for r in self.results)

    @property
    def models(self) -> tuple[NodeResult, ...]:
        """The models alone."""
        return tuple(r for r in self.results if r.kind == "model")

    @property
    def failures(self) -> tuple[NodeResult, ...]:
        """What failed by itself, without what was skipped because of it."""
        return tuple(r for r in self.results if r.status in _BROKEN)

    @property
    def summary(self) -> str:
        """One line: how much was built and tested, and the first failure."""
        tests = [r for r in self.results if r.kind != "model"]
        line = f"{len(self.models)} models, {len(tests)} tests in {self.seconds:.1f} s"
        if self.ok:
            return line
        first = self.failures[0] if self.failures else next(r for r in self.results if not r.ok)
        return f"{line}; {len(self.failures)} failed, first {first.name}: {first.message}"
