"""What `normalize` mended in a run: sums of the counts that it stores of each document."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from datacurate.audit.markup import Markup, join, table, tag
from datacurate.audit.run_folder import Finished
from datacurate.audit.stored_signals import parts
from datacurate.stages.normalize import REPAIRS

STAGE = "normalize"
WORDS = {
    "mojibake": "lines of mojibake",
    "entities": "HTML entities",
    "composed": "lines with characters to compose",
    "ligatures": "ligatures",
    "widths": "characters of other widths",
    "line_breaks": "other line breaks",
    "spaces": "other spaces",
    "runs": "spaces in runs",
    "trailing": "lines with spaces at the end",
    "blank_lines": "blank lines in excess",
    "controls": "control characters",
    "invisible": "invisible characters",
    "directions": "controls of direction",
}
"""What the repairs count."""
SINGULAR = {"lines": "line", "entities": "entity", "characters": "character", "breaks": "break", "spaces": "space",
            "ligatures": "ligature", "controls": "control"}  # fmt: skip


@dataclass(frozen=True)
class Totals:
    """Documents, those of them that were changed, and by repair the documents it changed and how often."""

    documents: int
    changed: int
    repairs: dict[str, tuple[int, int]]


def totals(paths: Iterable[Path]) -> Totals:
    """The sums over parts of stored signals."""
    import numpy as np
    import pyarrow.parquet as pq

    documents = changed = 0
    sums = np.zeros((len(REPAIRS), 2), np.int64)
    for path in paths:
        table = pq.read_table(path, columns=list(REPAIRS))
        counts = np.stack([np.nan_to_num(table[name].to_numpy()).astype(np.int64) for name in REPAIRS])
        documents += table.num_rows
        changed += int(counts.any(axis=0).sum())
        sums += np.stack([(counts > 0).sum(axis=1), counts.sum(axis=1)], axis=1)
    return Totals(documents, changed, {name: (int(a), int(b)) for name, (a, b) in zip(REPAIRS, sums, strict=True)})


def notes(label: str, paths: Iterable[Path]) -> list[str]:
    """What a run says of a stage that normalized."""
    found = totals(paths)
    made = sorted(((times, name) for name, (_, times) in found.repairs.items() if times), reverse=True)
    said = ", ".join(f"{times:,} {_words(name, times)}" for times, name in made)
    return [f"{label} mended {found.changed:,} of {found.documents:,} documents: {said}"] if made else []


def _words(name: str, times: int) -> str:
    """What a repair counts, of which there may be one."""
    if times != 1:
        return WORDS[name]
    before, noun, after = next(WORDS[name].partition(word) for word in WORDS[name].split() if word in SINGULAR)
    return f"{before}{SINGULAR[noun]}{after}"


def section(run: Finished) -> Markup | None:
    """A table of each stage's repairs, and the documents that they changed; None without such a stage."""
    stages = [stage for stage in run.booked if stage.name == STAGE and stage.phase("measured")]
    shown = []
    for stage in stages:
        found = totals(parts(stage).values())
        rows = [[WORDS[name], f"{n:,}", f"{times:,}"] for name, (n, times) in found.repairs.items() if times]
        shown.append(tag("p", f"{stage.label} changed {found.changed:,} of {found.documents:,} documents."))
        shown.append(table(["mended", "documents", "times"], rows) if rows else Markup(""))
    return join(shown) if shown else None
