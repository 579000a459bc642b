"""What a mixture will draw, as a table for people and as JSON."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from datacurate.core.plan import Plan

MOST = 50
"""Cells of a training stage that the table shows; JSON has all."""


def mixture_as_json(plan: Plan) -> dict[str, Any] | None:
    """What the mixture of a plan will draw; None without a mixture, or when its tokens have not been counted."""
    from datacurate.mixture.preview import preview

    found = preview(plan)
    return None if found is None else {"counts": found.counts, "exact": found.exact, "rows": found.rows}


def mixture_as_text(found: dict[str, Any] | None) -> list[str]:
    """The same for people, as lines."""
    from datacurate.describe import table
    from datacurate.mixture.preview import UNKNOWN

    if found is None:
        return [f"mixture: its tokens have not been counted. {UNKNOWN}"]
    stages = [list(rows) for _, rows in groupby(found["rows"], lambda row: row["stage"])]
    head = ["training stage", "cell", "planned tokens", "share", "available", "epochs"]
    rows = [head + (["epochs so far"] if len(stages) > 1 else [])]
    for own in stages:
        rows += _stage(own, len(stages) > 1)
    about = "" if found["exact"] else "; the documents held out for validation are taken to have their share"
    return [
        f"mixture: training tokens that will be drawn. Available are tokens {found['counts']}{about}.",
        table(rows, left=2),
    ]


def _stage(rows: list[dict[str, Any]], several: bool) -> list[list[str]]:
    total = sum(row["planned_tokens"] for row in rows)
    shown = sorted(rows, key=lambda row: (-row["planned_tokens"], row["cell"]))
    made = []
    for row in shown[:MOST]:
        share = f"{100 * row['planned_tokens'] / max(1, total):.2f} %"
        figures = [f"{row['planned_tokens']:,}", share, f"{row['available_tokens']:,}", f"{row['epochs']:.2f}"]
        made.append([row["stage"], row["cell"], *figures, *([f"{row['epochs_so_far']:.2f}"] if several else [])])
    blank = [""] * (4 if several else 3)
    if rest := shown[MOST:]:
        made.append(
            [rows[0]["stage"], f"and {len(rest):,} more", f"{sum(r['planned_tokens'] for r in rest):,}", *blank]
        )
    return [*made, [rows[0]["stage"], "all", f"{total:,}", *blank]]
