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
    name, total = shown(rows[0]["stage"]), sum(row["planned_tokens"] for row in rows)
    ordered = sorted(rows, key=lambda row: (-row["planned_tokens"], row["cell"]))
    there = [row for row in ordered if row["planned_tokens"] or row["available_tokens"]]
    made = []
    for row in there[:MOST]:
        share = f"{100 * row['planned_tokens'] / max(1, total):.2f} %"
        figures = [f"{row['planned_tokens']:,}", share, f"{row['available_tokens']:,}", f"{row['epochs']:.2f}"]
        made.append([name, shown(row["cell"]), *figures, *([f"{row['epochs_so_far']:.2f}"] if several else [])])
    blank = [""] * (4 if several else 3)
    if rest := there[MOST:]:
        made.append([name, f"and {len(rest):,} more", f"{sum(r['planned_tokens'] for r in rest):,}", *blank])
    if left := len(ordered) - len(there):
        made.append([name, f"and {left:,} that it leaves out", "", *blank])
    return [*made, [name, "all", f"{total:,}", *blank]]


def shown(name: str) -> str:
    """A name in one line of a table: an empty one as quotes, and what is no plain character spelled out."""
    from datacurate.audit.markup import seen

    return seen(name).replace("\n", "[U+000A]").replace("\t", "[U+0009]") or "''"
