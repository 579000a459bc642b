"""Languages and scripts by source, from what the stage `language` stores of each document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from datacurate.audit.markup import Markup, join, table, tag
from datacurate.audit.run_folder import Finished
from datacurate.audit.stored_signals import parts

STAGE = "language"
SHOWN = 5
"""Languages and scripts of a source that are listed, those of most text first."""

COLUMNS = ("source", "bytes", "language", "script", "languages")
Shares = dict[str, Counter[str]]
"""Amounts by source and name."""


def counted(paths: Iterable[Path]) -> tuple[Shares, Shares]:
    """By source, bytes of text in each language and script. By paragraph, a document counts for each of its languages
    with its share."""
    import numpy as np
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    languages: Shares = {}
    scripts: Shares = {}
    for path in paths:
        there = pq.read_schema(path).names
        if "script" not in there:  # measured by an earlier version
            continue
        rows = pq.read_table(
            path, columns=[n for n in ("source", "bytes", "language", "script", "languages") if n in there]
        )
        sizes = rows["bytes"].to_numpy()
        _add(scripts, rows["source"].to_pylist(), rows["script"].to_pylist(), sizes)
        if "languages" in there:
            lists = rows["languages"].combine_chunks()
            of = pc.list_parent_indices(lists).to_numpy()
            shares = lists.flatten()
            amounts = sizes[of] * np.asarray(shares.field("share"))
            _add(languages, rows["source"].take(of).to_pylist(), shares.field("language").to_pylist(), amounts)
        else:
            _add(languages, rows["source"].to_pylist(), rows["language"].to_pylist(), sizes)
    return languages, scripts


def _add(shares: Shares, sources: list[str], names: list[str | None], amounts: Iterable[float]) -> None:
    for source, name, amount in zip(sources, names, amounts, strict=True):
        shares.setdefault(source, Counter())[name or "und"] += amount  # type: ignore[assignment]


def section(run: Finished) -> Markup | None:
    """A table of the sources' languages and scripts for each stage `language`; None without one."""
    stages = [stage for stage in run.booked if stage.name == STAGE and stage.phase("measured")]
    shown = []
    for stage in stages:
        languages, scripts = counted(parts(stage).values())
        rows = [[name, _listed(languages.get(name)), _listed(scripts.get(name))] for name in sorted(scripts)]
        shown += [tag("p", stage.label) if len(stages) > 1 else Markup("")]
        shown.append(table(["source", "languages", "scripts"], rows, text=3))
    return join(shown) if shown else None


def _listed(amounts: Counter[str] | None) -> str:
    """Names with their share, the largest first."""
    if not amounts or not (whole := sum(amounts.values())):
        return "no text"
    order = sorted(amounts.items(), key=lambda entry: (-entry[1], entry[0]))
    named = [f"{name} {amount / whole:.1%}" for name, amount in order[:SHOWN]]
    rest = len(order) - SHOWN
    return ", ".join(named) + (f", {rest} others" if rest > 0 else "")
