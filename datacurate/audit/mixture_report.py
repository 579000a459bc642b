"""The report's section about the mixture: how shares moved on the way, and planned beside delivered tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    order = lambda row: (row["split"], row.get("stage_index") or 0)  # noqa: E731
    several = len({row.get("stage") for row in receipt}) > 1
    for (split, _), rows in groupby(sorted(receipt, key=order), order):
        made += _stage(list(rows), split, several)
    return join(made)


def _stage(rows: list[Row], split: int, several: bool) -> list[Markup]:
    title = f"{SPLITS[split]}: {rows[0]['stage']}" if several else SPLITS[split]
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
        return _bars(steps, "Bytes of text up to the mixture, tokens of training in it.")
    return _bars(steps, "Bytes of text up to the mixture, whose cells are not its sources; they are below.")


def _sums(run: Finished, at: int, side: str) -> dict[str, int]:
    return {name: books[side]["bytes"] for name, books in run.booked[at].manifest["sources"].items()}


def _shares(sums: dict[str, int]) -> dict[str, float]:
    whole = sum(sums.values()) or 1
    return {name: round(n / whole, 4) for name, n in sums.items() if n}


def _bars(steps: Sequence[tuple[str, dict[str, int]]], note: str) -> Markup:
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
    drawn = [row for row in rows if row["planned_tokens"] or row["written_tokens"]]
    shown = sorted(drawn, key=lambda row: (-row["planned_tokens"], row["source"]))[:MOST]
    tokens = [(row["source"], row["written_tokens"], row["planned_tokens"]) for row in shown]
    passes = [(row["source"], row["epochs"], 1.0) for row in shown]
    return join(
        [
            charts.bullets(tokens, "tokens written", "planned", number),
            charts.bullets(passes, "epochs", "all documents once", lambda n: f"{n:.2f}"),
        ]
    )


def _receipt(rows: list[Row]) -> Markup:
    """Tokens planned and written of every cell, and what became of the difference; no columns of nothing but zeros."""
    named = sorted({name for row in rows for name in row if name.endswith("_tokens")} | {*COUNTED})
    all_: Row = {"source": "all", "weight": 1} | {name: sum(row.get(name) or 0 for row in rows) for name in named}
    there = all_["available_tokens"]
    all_["epochs"] = all_["written_tokens"] / there if there else 0.0
    all_["epochs_so_far"] = sum(_so_far(row) * row["available_tokens"] for row in rows) / there if there else 0.0
    shown = [title for title, value in COLUMNS.items() if title not in RARE or any(value(row) != "0" for row in rows)]
    if all(_so_far(row) == row["epochs"] for row in rows):
        shown.remove("epochs so far")
    made = [[COLUMNS[title](row) for title in shown] for row in (*rows, all_)]
    return table(shown, made[:-1], foot=made[-1])


COUNTED = ("documents", "empty")
RARE = ("cut at the budget", "cropped", "padding", "marks", "not scored", "without tokens")
COLUMNS: dict[str, Callable[[Row], Any]] = {
    "cell": lambda row: row["source"],
    "weight": lambda row: share(row["weight"], 1),
    "planned tokens": lambda row: number(row["planned_tokens"]),
    "drawn": lambda row: number(row.get("drawn_tokens", row["planned_tokens"])),
    "written tokens": lambda row: number(row["written_tokens"]),
    "cut at the budget": lambda row: number(row.get("truncated_tokens") or 0),
    "cropped": lambda row: number(row.get("cropped_tokens") or 0),
    "difference": lambda row: _difference(row),
    "padding": lambda row: number(row.get("padded_tokens") or 0),
    "marks": lambda row: number(row.get("special_tokens") or 0),
    "not scored": lambda row: number(row.get("unscored_tokens") or 0),
    "available tokens": lambda row: number(row["available_tokens"]),
    "epochs": lambda row: f"{row['epochs']:.2f}",
    "epochs so far": lambda row: f"{_so_far(row):.2f}",
    "documents": lambda row: number(row["documents"]),
    "without tokens": lambda row: number(row.get("empty") or 0),
}


def _so_far(row: Row) -> float:
    return row["epochs"] if row.get("epochs_so_far") is None else row["epochs_so_far"]


def _difference(row: Row) -> Markup:
    off = row["written_tokens"] + (row.get("cropped_tokens") or 0) - row["planned_tokens"]
    return tag("span", f"{off:+,}" if off else "0", class_="bad" if off else "good")
