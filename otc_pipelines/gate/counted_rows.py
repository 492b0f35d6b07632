"""Great Expectations' check of unexpected rows, asked once.

Belongs here: what of the library's own check is done without. Not here: queries (``expectations/``), verdicts (run).
Importing it imports the library, which takes seconds.
"""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.expectations.core import UnexpectedRowsExpectation

_COUNT = "unexpected_rows_query.row_count"
_ROWS = "unexpected_rows_query.table"


class CountedRowsExpectation(UnexpectedRowsExpectation):  # type: ignore[misc]  # the library is not typed for mypy
    """Passes where the query finds no row; what is observed is their count.

    The library asks each query twice, for the count and for the rows, and leaves the rows out of any result that is
    not complete (1.x, ``UnexpectedRowsExpectation._validate``); here only the count is asked.
    """

    metric_dependencies: ClassVar[tuple[str, ...]] = (_COUNT,)

    def _validate(self, metrics: dict[str, Any], *rest: Any, **told: Any) -> Any:
        return super()._validate({**metrics, _ROWS: []}, *rest, **told)


#: The name that the library made of the class.
COUNTED: str = CountedRowsExpectation.expectation_type
