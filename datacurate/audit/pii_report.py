"""The report's section about personal data: how much of each kind was found in which source. It shows no text."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from datacurate.audit.markup import Markup, join, number, share, table, tag
from datacurate.audit.run_folder import Finished, FinishedStage

SOURCES = 40
"""Sources of a table; the rest is summed up in one row."""
REST = "other sources"


def personal_data(run: Finished) -> Markup | None:
    """Spans by source and kind, and by form, of every stage `pii`."""
    stages = [stage for stage in run.booked if stage.name == "pii" and stage.phase("measured")]
    return join([_stage(stage) for stage in stages]) if stages else None


def counted(stage: FinishedStage) -> tuple[dict[str, Counter[str]], Counter[tuple[str, str]]]:
    """Per source the spans by kind, with `documents`, `found` (documents with any) and `unchecked`; spans by form."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    sources: dict[str, Counter[str]] = defaultdict(Counter)
    forms: Counter[tuple[str, str]] = Counter()
    for path in stage.phase("measured").values():
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches():
                beside = ("id", "bytes", "spans", "total", "source", "_error", "_language", "_tokens")
                kinds = [name for name in batch.schema.names if name not in beside]
                for source in pc.unique(batch["source"]).to_pylist():
                    mine = batch.filter(pc.equal(batch["source"], source))
                    sums = {kind: pc.sum(mine[kind]).as_py() or 0 for kind in kinds}
                    found = pc.sum(pc.greater(mine["total"], 0)).as_py() or 0
                    sources[source].update({**sums, "documents": mine.num_rows, "found": found})
                spans = batch["spans"].flatten()
                for entry in pc.value_counts(pc.binary_join_element_wise(*spans.flatten()[:2], "\t")).to_pylist():
                    kind, form = entry["values"].split("\t")
                    forms[kind, form] += entry["counts"]
    return dict(sources), forms


def _stage(stage: FinishedStage) -> Markup:
    sources, forms = counted(stage)
    total: Counter[str] = Counter()
    for counts in sources.values():
        total.update(counts)
    if not total["found"]:
        return join([tag("h3", stage.label), tag("p", "Nothing was found.")])
    kinds = [kind for kind, _ in total.most_common() if kind not in ("documents", "found", "unchecked") and total[kind]]
    names = sorted(sources, key=lambda source: -sources[source]["found"])
    rows = [(name, sources[name]) for name in names[:SOURCES]]
    if len(names) > SOURCES:
        rest: Counter[str] = Counter()
        for name in names[SOURCES:]:
            rest.update(sources[name])
        rows.append((REST, rest))
    head = ["source", "documents", "with any", "", *kinds]
    foot = _row("all", total, kinds) if len(rows) > 1 else None
    listed = [[kind, form, number(count)] for (kind, form), count in forms.most_common()]
    made = [
        tag("h3", stage.label),
        table(head, [_row(name, counts, kinds) for name, counts in rows], foot=foot),
        tag("details", tag("summary", "by form"), table(["kind", "form", "spans"], listed, text=2)),
    ]
    if total["unchecked"]:
        made.append(tag("p", f"{total['unchecked']:,} candidates were not checked; the documents were dropped."))
    return join(made)


def _row(name: str, counts: Counter[str], kinds: list[str]) -> list[Any]:
    shown = share(counts["found"], counts["documents"])
    return [name, number(counts["documents"]), number(counts["found"]), shown, *(number(counts[k]) for k in kinds)]
