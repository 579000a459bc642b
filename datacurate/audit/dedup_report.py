"""The report's section about deduplication: clusters, what sources lost, and how the mixture moved."""

from __future__ import annotations

from collections import Counter
from typing import Any

from datacurate.audit.charts import histogram
from datacurate.audit.dedup_clusters import Cluster, clusters_of
from datacurate.audit.dedup_notes import notes
from datacurate.audit.dedup_parts import parts_of
from datacurate.audit.markup import Markup, e, exact_size, join, number, share, table, tag
from datacurate.audit.run_folder import Finished, FinishedStage
from datacurate.core import ledger
from datacurate.core.registry import stages_in

MOST = 40
"""Sources or languages of a table; the smaller ones are summed up in one row."""
SAMPLE = 300
"""Characters of a sample."""


def deduplication(run: Finished) -> Markup | None:
    """What every deduplicating stage merged or cut, and how all of them moved the mixture."""
    stages = [at for at, stage in enumerate(run.booked) if _is_dedup(stage)]
    if not stages:
        return None
    return join([_moves(run, stages), [_stage(run, at) for at in stages]])


def _is_dedup(stage: FinishedStage) -> bool:
    return stage.name in stages_in("dedup") or bool((stage.books or {}).get("merged"))


def _stage(run: Finished, at: int) -> Markup:
    stage = run.booked[at]
    made: list[Any] = [tag("h3", stage.label)]
    if (stage.books or {}).get("merged"):
        found, largest = clusters_of(run, stage)
        said = f"{found.members:,} documents were merged into {found.clusters:,} survivors; "
        made.append(tag("p", f"{said}the largest cluster has {found.largest[0][0] + 1:,} documents."))
        columns = [(_label(at), found.bins.get(at, 0)) for at in range(max(found.bins) + 1)]
        made.append(tag("figure", histogram(columns, "documents of a cluster, with the survivor", "clusters")))
        made += [_cluster(cluster) for cluster in largest]
    if (parts := parts_of(run, at)) is not None:
        made.append(parts)
    made += [tag("p", said) for said in notes(stage.manifest, stage.phase("guard").values())]
    return join([*made, _losses(stage)])


def _label(bin: int) -> str:
    """The least size in a bin: 2, 3 to 4, 5 to 8 ..."""
    return "2" if bin == 0 else f"{2**bin + 1:,}"


def _cluster(cluster: Cluster) -> Markup:
    by = ", ".join(f"{source} {count:,}" for source, count in cluster.sources.most_common(3))
    more = f" and {len(cluster.sources) - 3:,} more sources" if len(cluster.sources) > 3 else ""
    head = f"{cluster.members + 1:,} documents · {cluster.survivor[:100]} stays · merged from {by}{more}"
    shown = [_document("stays", cluster.survivor, cluster.text)]
    shown += [_document("merged", id, text) for id, text in cluster.samples]
    if cluster.sample and not any(text for _, text in cluster.samples):
        shown.append(_document("one of the merged begins", "", cluster.sample))
    size = tag("p", exact_size(cluster.bytes), " were merged", class_="soft")
    return tag("details", tag("summary", tag("i", class_="key merged"), e(head, 400)), size, shown)


def _document(what: str, id: str, text: str | None) -> Markup:
    quote = tag("blockquote", e(text, SAMPLE), dir="auto") if text else None
    return tag("article", tag("p", f"{what} ", tag("code", e(id, 200)) if id else None), quote)


def _losses(stage: FinishedStage) -> Markup | None:
    """What every source lost at a stage."""
    rows = []
    for source, books in stage.manifest["sources"].items():
        came, left = books["in"], books["out"]
        documents, size = came["documents"] - left["documents"], came["bytes"] - left["bytes"]
        if documents or size:
            merged = ledger.total(books, "merged")
            cells = [number(documents), number(merged), share(documents, came["documents"])]
            rows.append((size, source, [source, *cells, exact_size(size), share(size, came["bytes"])]))
    if not rows:
        return tag("p", "No source lost anything.")
    rows.sort(key=lambda row: (-row[0], row[1]))
    head = ["source", "documents lost", "of these merged", "share", "bytes lost", "share of bytes"]
    more = tag("p", f"And {len(rows) - MOST:,} sources that lost less.", class_="soft") if len(rows) > MOST else None
    return join([table(head, [cells for *_, cells in rows[:MOST]]), more])


def _moves(run: Finished, stages: list[int]) -> Markup:
    """Shares by source and language in front of deduplication, and as if nothing else had removed documents."""
    before, lost = Counter[str](), Counter[str]()
    for source, books in run.booked[stages[0]].manifest["sources"].items():
        before[source] = books["in"]["bytes"]
    for at in stages:
        for source, books in run.booked[at].manifest["sources"].items():
            lost[source] += books["in"]["bytes"] - books["out"]["bytes"]
    made = [tag("h3", "The mixture, by source"), _move_table("source", before, lost, "bytes")]
    languages = _languages(run, stages)
    if languages is not None:
        made += [tag("h3", "The mixture, by language"), _move_table("language", *languages, "documents")]
    return join(made)


def _languages(run: Finished, stages: list[int]) -> tuple[Counter[str], Counter[str]] | None:
    """Documents by language in front of the first deduplicating stage, and lost by all; None where one is not told."""
    lost: Counter[str] = Counter()
    first: Counter[str] | None = None
    for at in stages:
        before = Counter(run.booked[at - 1].manifest.get("languages") if at else {})
        after = run.booked[at].manifest.get("languages")
        if not before or after is None:
            return None
        first = before if first is None else first
        lost.update({name: before[name] - after.get(name, 0) for name in before})
    return None if first is None else (first, lost)


def _move_table(what: str, before: Counter[str], lost: Counter[str], unit: str) -> Markup:
    after = {name: before[name] - lost[name] for name in before}
    whole, left = before.total(), sum(after.values())
    show = exact_size if unit == "bytes" else number
    order = sorted(before, key=lambda name: (-before[name], name))
    groups = [(name, [name]) for name in order[:MOST]]
    if len(order) > MOST:
        groups.append((f"{len(order) - MOST:,} others", order[MOST:]))
    rows = []
    for label, names in groups:
        a, b = sum(before[name] for name in names), sum(after[name] for name in names)
        rows.append(
            [label, show(a), show(b), share(a - b, a), share(a, whole), share(b, left), _points(a, whole, b, left)]
        )
    head = [what, f"{unit} before", "after", "lost", "share before", "share after", "change, in points"]
    foot = ["all", show(whole), show(left), share(whole - left, whole), share(whole, whole), share(left, left), "—"]
    return table(head, rows, foot=foot)


def _points(a: int, whole: int, b: int, left: int) -> Markup:
    """How a share changed, the stronger the colour the more."""
    if not whole or not left:
        return tag("td", "—", class_="n")
    change = 100 * (b / left - a / whole)
    colour = "var(--kept)" if change > 0 else "var(--merged)"
    style = f"background:color-mix(in srgb, {colour} {min(70, round(abs(change) * 5))}%, transparent)"
    return tag("td", f"{change:+.1f}" if abs(change) >= 0.05 else "0.0", class_="n", style=style)
