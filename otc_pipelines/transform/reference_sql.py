"""Measures beside the reference values of an industry as SQL text, from the macros that the mart is built with.

Belongs here: rendering. Not here: the SQL (``macros/reference_comparison.sql``), which industry a legal entity has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from otc_pipelines.transform.rendering import macros, must_name_relations

_FILES = ("quotient.sql", "reference_rows.sql", "reference_comparison.sql")


def reference_sql(
    measured: str,
    behaviour: str,
    industries: Sequence[Mapping[str, str | None]],
    references: str = "marts.dim_reference_values",
) -> str:
    """Return the SELECT that sets measures beside reference values.

    ``measured``, ``behaviour``: the SELECTs of both, as ``measures_sql`` and ``behaviour_sql`` return them.
    """
    must_name_relations(references)
    rendered = macros(*_FILES).reference_comparison(
        measured=f"({measured})",
        behaviour=f"({behaviour})",
        references=references,
        industries=[dict(one) for one in industries],
    )
    return str(rendered).strip()
