"""Stops a run in which a source loses more of its documents than it may."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from datacurate.core.errors import GuardError
from datacurate.stages.dedup import _rows

if TYPE_CHECKING:
    import pyarrow as pa

    from datacurate.core.store import Parts

SMALL = 100
"""Sources of fewer documents may lose any share: a few copies among ten documents are no alarm."""
SHOWN = 5
"""Clusters that a stopped run names."""


def counted(census: Parts, verdict: Parts) -> pa.Table:
    """Documents and removed documents by source.

    `census` has `source`, `documents` and `unknown`, `verdict` a row per removed document.
    """
    (documents, unknown), removed = _documents(census), _removed(verdict)
    names = sorted(documents)
    return _rows.table(
        source=(names, "large_string"),
        documents=([documents[name] for name in names], "int64"),
        removed=([removed[name] for name in names], "int64"),
        unknown=([unknown[name] for name in names], "int64"),
    )


def check(counts: Parts, verdict: Callable[[], Parts], stage: str, most: float) -> None:
    """GuardError when a source loses more than `most` of its documents, as `counted` has them."""
    over: dict[str, tuple[int, int]] = {}
    for piece in counts:
        for row in piece.to_pylist():
            if row["documents"] >= SMALL and row["removed"] > most * row["documents"]:
                over[row["source"]] = (row["removed"], row["documents"])
    if over:
        raise GuardError(_alarm(stage, most, over, verdict()))


def _documents(census: Parts) -> tuple[Counter[str], Counter[str]]:
    """Documents by source, and those of them that do not have what `keep` compares."""
    counts: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    for piece in census:
        for row in piece.to_pylist():
            counts[row["source"]] += row["documents"]
            unknown[row["source"]] += row.get("unknown", 0)  # older stores have no such column
    return counts, unknown


def _removed(verdict: Parts) -> Counter[str]:
    counts: Counter[str] = Counter()
    for piece in verdict:
        for pair in piece["source"].value_counts().to_pylist():
            counts[pair["values"] or ""] += pair["counts"]
    return counts


def _alarm(stage: str, most: float, over: dict[str, tuple[int, int]], verdict: Parts) -> str:
    lines = [f"{stage} would remove more of a source than max_loss: {most:g} allows:"]
    lines += [f"  {name}: {gone:,} of {all:,} documents ({gone / all:.1%})" for name, (gone, all) in over.items()]
    lines.append("Largest clusters there, by the document that would stay:")
    lines += [
        f"  {survivor}: {size:,} merged into it, such as {text!r}" for survivor, size, text in _largest(verdict, over)
    ]
    lines.append(
        "If that is right, raise max_loss (null: no limit); if not, compare more strictly or leave the source out."
    )
    return "\n".join(lines)


def _largest(verdict: Parts, sources: dict) -> list[tuple[str, int, str]]:
    """Survivors of the most documents of some sources, how many these are, and how one of them begins."""
    sizes: Counter[str] = Counter()
    samples: dict[str, str] = {}
    for piece in verdict:
        for source, survivor, excerpt in zip(*(piece[n].to_pylist() for n in _SHOWN), strict=True):
            if (source or "") in sources:
                sizes[survivor] += 1
                samples.setdefault(survivor, excerpt or "")
                samples[survivor] = samples[survivor] or excerpt or ""
    largest = sorted(sizes, key=lambda survivor: (-sizes[survivor], survivor))[:SHOWN]
    return [(survivor, sizes[survivor], " ".join(samples[survivor].split())) for survivor in largest]


_SHOWN = ("source", "survivor", "excerpt")
