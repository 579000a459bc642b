"""The report's section about the mixture: how shares moved on the way, and planned beside delivered tokens."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from datacurate.audit import charts
from datacurate.audit.markup import Markup, e, join, number, share, table, tag
from datacurate.audit.run_folder import Finished

Row = dict[str, Any]
SPLITS = {0: "Training", 1: "Validation"}
OTHERS = "others"
MOST = 40
"""Sources that are drawn; the table has all."""


def mixture(run: Finished, receipt: list[Row]) -> Markup:
    """Shares by source from what was read to what is trained on, then the receipt of every stage of training."""
    made = [tag("h3", "Shares by source, on the way"), _way(run, receipt)] if run.booked else []
    order = lambda row: (row.get("stage_index") or 0, row["split"])  # noqa: E731
    for (_, split), rows in groupby(sorted(receipt, key=order), order):
        made += _stage(list(rows), split)
    return join(made)


def _stage(rows: list[Row], split: int) -> list[Markup]:
    name = rows[0].get("stage")
    title = f"{SPLITS[split]}: {name}" if name else SPLITS[split]
    drawn = [_bullets(rows)] if split == 0 else []
    return [tag("h3", title), *drawn, _receipt(rows)]


# How shares moved


def _way(run: Finished, receipt: list[Row]) -> Markup:
    """One bar per step that moved the sources' shares: bytes of documents up to the mixture, tokens from there on."""
    steps = [("as it came", _sums(run, 0, "in"))]
    for at, stage in enumerate(run.booked):
        after = _sums(run, at, "out")
        if _shares(after) != _shares(steps[-1][1]):
            steps.append((stage.label, after))
    train = [row for row in receipt if row["split"] == 0]
    wanted, written = (dict.fromkeys(steps[0][1], 0) for _ in range(2))
    for row in train:
        for sums, column in ((wanted, "planned_tokens"), (written, "written_tokens")):
            sums[row["source"]] = sums.get(row["source"], 0) + row[column]
    if set(wanted) == set(steps[0][1]):
        steps += [("mixture, planned", wanted), ("mixture, written", written)]
    return _bars(steps)


def _sums(run: Finished, at: int, side: str) -> dict[str, int]:
    return {name: books[side]["bytes"] for name, books in run.booked[at].manifest["sources"].items()}


def _shares(sums: dict[str, int]) -> dict[str, float]:
    whole = sum(sums.values()) or 1
    return {name: round(n / whole, 4) for name, n in sums.items() if n}


def _bars(steps: Sequence[tuple[str, dict[str, int]]]) -> Markup:
    """Stacked bars, all of one width, with a share per source beside them."""
    most = charts.COLORS - 1
    size = {name: max(_shares(sums).get(name, 0) for _, sums in steps) for _, sums in steps for name in sums}
    named = sorted(size, key=lambda name: (-size[name], name))
    named, rest = (named, []) if len(named) <= most + 1 else (named[:most], named[most:])
    kinds = [*named, *([OTHERS] if rest else [])]
    head = [tag("span", "step", class_="head name"), tag("span", "share of each source", class_="head")]
    rows = []
    for label, sums in steps:
        parts = {name: sums.get(name, 0) for name in named}
        if rest:
            parts[OTHERS] = sum(sums.get(name, 0) for name in rest)
        rows.append([tag("span", label, class_="name"), charts.shares([parts[kind] for kind in kinds], kinds)])
    legend = charts.legend({f"s{at}": name for at, name in enumerate(kinds)})
    body = [[label, *(share(sums.get(name, 0), sum(sums.values())) for name in named)] for label, sums in steps]
    note = "Bytes of text up to the mixture, tokens of training in it."
    return join(
        [
            legend,
            tag("div", head, rows, class_="bars way"),
            tag("p", note, class_="soft"),
            table(["step", *(e(name, 60) for name in named)], body),
        ]
    )


# The receipt


def _bullets(rows: list[Row]) -> Markup:
    """Written tokens as bars, planned ones as marks on them; and how often each source is passed over."""
    shown = sorted(rows, key=lambda row: (-row["planned_tokens"], row["source"]))[:MOST]
    tokens = [(row["source"], row["written_tokens"], row["planned_tokens"]) for row in shown]
    passes = [(row["source"], row["epochs"], 1.0) for row in shown]
    return join(
        [
            charts.bullets(tokens, "tokens written", "planned", number),
            charts.bullets(passes, "epochs", "all documents once", lambda n: f"{n:.2f}"),
        ]
    )


def _receipt(rows: list[Row]) -> Markup:
    """Tokens planned and written of every source."""
    head = ["source", "weight", "planned tokens", "written tokens", "cropped", "difference", "padding"]
    head += ["available tokens", "epochs"]
    head += ["documents", "without tokens"]
    body = [_receipt_row(row) for row in rows]
    sums = {name: sum(row[name] for row in rows) for name in ("planned_tokens", "written_tokens", "available_tokens")}
    counted = ("documents", "empty", "weight", "cropped_tokens", "padded_tokens")
    sums |= {name: sum(row.get(name) or 0 for row in rows) for name in counted}
    epochs = sums["written_tokens"] / sums["available_tokens"] if sums["available_tokens"] else 0.0
    return table(head, body, foot=_receipt_row({**sums, "source": "all", "epochs": epochs}))


def _receipt_row(row: Row) -> list[Any]:
    cropped, padded = row.get("cropped_tokens") or 0, row.get("padded_tokens") or 0
    off = row["written_tokens"] + cropped - row["planned_tokens"]
    difference = tag("span", f"{off:+,}" if off else "0", class_="bad" if off else "good")
    tokens = [number(n) for n in (row["planned_tokens"], row["written_tokens"], cropped)]
    tokens += [difference, number(padded), number(row["available_tokens"])]
    rest = [f"{row['epochs']:.2f}", number(row["documents"]), number(row.get("empty") or 0)]
    return [row["source"], share(row["weight"], 1), *tokens, *rest]
