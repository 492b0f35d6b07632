"""Two pictures of the published marts: how old the receivables are, and how much cash needed no person.

Belongs here: reading the few numbers and drawing them as PNG. Not here: where the picture is shown.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from connectors.kit.money import shown
from otc_pipelines.flow.context import Flow
from otc_pipelines.warehouse.publish import published

_COLOURS = ("#2a6f97", "#61a5c2", "#a9d6e5", "#f4a259", "#bc4b51", "#7d4f50", "#5b5f97")
_OUTCOMES = {"applied": "#2a9d8f", "proposed": "#e9c46a", "exception": "#bc4b51"}
_PAID_IN_ADVANCE = "#9aa0a6"
_NOT_A_BUCKET = ("as_of", "legal_entity", "party_id", "party_name", "source_system", "currency", "base_currency")
_SUMS = ("total", "base_total", "revaluation", "revalued_total")


def aging_numbers(flow: Flow) -> dict[str, dict[str, Decimal]]:
    """Today's aging by currency: bucket → amount, in the order of the buckets; currencies are never summed."""
    with published(flow.warehouse) as tx:
        columns = [
            r["column_name"]
            for r in tx.rows(
                """select column_name from information_schema.columns
                where table_schema = 'marts' and table_name = 'fct_ar_aging' order by ordinal_position"""
            )
        ]
        buckets = [c for c in columns if c not in (*_NOT_A_BUCKET, *_SUMS)]
        sums = ", ".join(f'sum("{b}") as "{b}"' for b in buckets)
        rows = tx.rows(f"select currency, {sums} from marts.fct_ar_aging group by currency order by currency")  # noqa: S608
    return {r["currency"]: {b: r[b] or Decimal(0) for b in buckets} for r in rows}


def match_numbers(flow: Flow) -> dict[str, dict[str, int]]:
    """Bank credits by rule: outcome → lines, the commonest rule first."""
    with published(flow.warehouse) as tx:
        rows = tx.rows(
            """select rule, outcome, count(distinct bank_source || '|' || bank_line_id) as lines
            from marts.fct_match_decisions where is_current group by rule, outcome order by rule, outcome"""
        )
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for r in rows:
        found[r["rule"]][r["outcome"]] = r["lines"]
    return dict(sorted(found.items(), key=lambda item: (-sum(item[1].values()), item[0])))


def aging_chart(numbers: Mapping[str, Mapping[str, Decimal]]) -> bytes:
    """A panel a currency, a bar a bucket, its amount above it. PNG; empty when nothing is open."""
    if not numbers:
        return b""
    figure, axes = _figure(len(numbers), width=3.4 * len(numbers) + 0.6, height=3.4)
    for axis, (currency, buckets) in zip(axes, numbers.items(), strict=True):
        names = [_bucket(b) for b in buckets]
        heights = [float(v) for v in buckets.values()]
        colours = [_PAID_IN_ADVANCE if b == "unapplied" else _COLOURS[n % len(_COLOURS)] for n, b in enumerate(buckets)]
        bars = axis.bar(names, heights, color=colours, width=0.72)
        axis.bar_label(bars, [_short(v) for v in buckets.values()], fontsize=7, padding=2, color="#333333")
        total = sum(buckets.values(), Decimal(0))
        axis.set_title(f"{currency}   {Decimal(shown(total, currency)):,f} open", fontsize=9, loc="left")
        axis.axhline(0, color="#555555", linewidth=0.6)
        axis.spines["bottom"].set_visible(False)
        axis.margins(y=0.15)
        axis.set_yticks([])
        axis.tick_params(axis="x", labelsize=7, rotation=30)
    figure.suptitle("Receivables by days late", fontsize=10, x=0.01, ha="left", weight="bold")
    return _png(figure)


def match_chart(numbers: Mapping[str, Mapping[str, int]]) -> bytes:
    """A bar a rule, split by outcome; the rate of all in the title. PNG; empty when there were no bank credits."""
    if not numbers:
        return b""
    figure, (axis,) = _figure(1, width=7.0, height=1.4 + 0.32 * len(numbers))
    rules = list(numbers)
    begun = [0] * len(rules)
    for outcome, colour in _OUTCOMES.items():
        counts = [numbers[r].get(outcome, 0) for r in rules]
        if any(counts):
            names = [r.replace("_", " ") for r in rules]
            axis.barh(names, counts, left=begun, color=colour, label=outcome, height=0.66)
            begun = [b + c for b, c in zip(begun, counts, strict=True)]
    for row, total in enumerate(begun):
        axis.annotate(f" {total:,}", (total, row), va="center", fontsize=7, color="#333333")
    every = sum(begun)
    applied = sum(r.get("applied", 0) for r in numbers.values())
    axis.invert_yaxis()
    axis.margins(x=0.08)
    axis.set_xticks([])
    axis.tick_params(axis="y", labelsize=8)
    axis.legend(fontsize=7, frameon=False, loc="lower right")
    title = f"Cash application: {100 * applied / every:.1f} % of {every:,} bank credits applied"
    figure.suptitle(title, fontsize=10, x=0.01, ha="left", weight="bold")
    return _png(figure)


def _bucket(name: str) -> str:
    if name.endswith("_plus"):
        return f"{name[1:].removesuffix('_plus')}+"
    return name[1:].replace("_", "-") if name[:1] == "d" and name[1:2].isdigit() else name.replace("_", " ")


def _short(amount: Decimal) -> str:
    for limit, unit in ((Decimal(10) ** 9, "bn"), (Decimal(10) ** 6, "m"), (Decimal(10) ** 3, "k")):
        if abs(amount) >= limit:
            return f"{amount / limit:.1f} {unit}"
    return f"{amount:.0f}" if amount else ""


def _figure(panels: int, width: float, height: float) -> tuple[Any, Sequence[Any]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = [figure.add_subplot(1, panels, n + 1) for n in range(panels)]
    for axis in axes:
        axis.spines[["top", "right", "left"]].set_visible(False)
    return figure, axes


def _png(figure: Any) -> bytes:
    made = io.BytesIO()
    figure.savefig(made, format="png", dpi=110, metadata={"Software": None})
    return made.getvalue()
