"""What `decontaminate` found, for a terminal, as a page, as JSON, and as a section of the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from datacurate.audit.contamination import Contamination, Leak, Shown, Spot, of_run, shown, texts
from datacurate.audit.dedup_match import Match
from datacurate.audit.dedup_show import BRACKETS, HEAD, TAIL, Piece, _row, pieces
from datacurate.audit.markup import Markup, e, join, number, seen, share, table, tag
from datacurate.audit.run_folder import Finished

LISTED = 20
"""Items that a terminal lists of a benchmark; the report shows as many."""
PAGED = 200
"""Items that a page shows side by side."""
REPORTED = 5
"""Items that the report shows side by side, of each benchmark."""
SHORT = "items too short to be told from chance; whether they leaked is not known."
"""What that column counts."""
ALIKE = "items that only look like one that is there: its twins with other names and numbers."
"""What that column counts."""
SIDES = 12_000
"""Characters that a page shows of each side."""
STYLE = """
.pair { display: grid; grid-template-columns: 1fr 1fr; font-size: .87rem; margin-bottom: 1rem }
.pair > div { padding: .35rem .8rem; border-bottom: 1px solid var(--line); white-space: pre-wrap;
  overflow-wrap: anywhere; unicode-bidi: isolate; min-width: 0 } .pair > .head { font-weight: 600; white-space: normal }
mark { background: color-mix(in srgb, var(--dropped) 30%, transparent); color: inherit; border-radius: 2px }
"""
"""Document and item side by side."""


def as_text(found: list[Contamination], benchmark: str | None, item: int | None, width: int, colour: bool) -> str:
    """All benchmarks in a table; the items of one; or the places of one item, side by side."""
    lines: list[str] = []
    for one in found:
        lines += [seen(f"{one.stage.label} in run {one.run.name}"), ""]
        if benchmark is None:
            lines += _summary(one)
            continue
        leaks = one.chosen(benchmark, item)
        lines += _listed(leaks[:LISTED], len(leaks)) if item is None else _places(one, leaks, width, colour)
    return "\n".join(lines).rstrip()


def _summary(found: Contamination) -> Iterator[str]:
    unknown = f"{'not searchable':>15} {'without text':>13}"
    head = f"{'items':>8} {'leaked':>8} {'share':>8} {'alike':>6} {unknown} {'documents':>10}"
    yield f"{'benchmark':<20} {head}  sources"
    for one in found.benchmarks:
        figures = f"{one.items:>8,} {len(one.leaks):>8,} {share(len(one.leaks), one.items):>8} {len(one.alike):>6,}"
        unseen = f"{one.not_searchable:>15,} {one.without_text:>13,}"
        yield f"{seen(one.name):<20} {figures} {unseen} {one.documents:>10,}  {seen(_by(one.sources))}"
    if any(one.alike for one in found.benchmarks):
        yield f"alike: {ALIKE}"
    if any(one.not_searchable for one in found.benchmarks):
        yield f"not searchable: {SHORT}"


def _by(sources: Counter[str], most: int = 3) -> str:
    more = f" and {len(sources) - most:,} more" if len(sources) > most else ""
    return ", ".join(f"{source} {count:,}" for source, count in sources.most_common(most)) + more


def _listed(leaks: list[Leak], count: int) -> Iterator[str]:
    yield f"{'item':<24} {'documents':>10} {'share':>8}  sources"
    for leak in leaks:
        yield f"{seen(_name(leak)):<24} {leak.documents:>10,} {leak.score:>8.2f}  {seen(_by(leak.sources))}"
    if count > len(leaks):
        yield f"and {count - len(leaks):,} more; --html shows them"
    if not leaks:
        yield "no item was found in any document"


def _name(leak: Leak) -> str:
    return f"{leak.benchmark}:{leak.item}" + (f" ({leak.name})" if leak.name else "")


def _places(found: Contamination, leaks: list[Leak], width: int, colour: bool) -> Iterator[str]:
    said = texts(found, leaks)
    column = max((width - 3) // 2, 20)
    for leak in leaks:
        yield seen(f"{_name(leak)}: in {leak.documents:,} documents: {_by(leak.sources)}")
        yield f"Runs of words that both have are marked {'in green' if colour else 'in ' + ''.join(BRACKETS)}."
        for one in shown(found, leak, said[leak.benchmark, leak.item]):
            yield from ("", *(seen(line) for line in _facts(one.spot, one.remark)))
            if one.match is not None:
                yield from _row([(f"document {one.spot.id}", False)], [(_name(leak), False)], column, False)
                yield "─" * column + "─┼─" + "─" * column
                yield from _row(*_sides(one.match), column, colour)
    if not leaks:
        yield "this item was found in no document"


def _facts(spot: Spot, remark: str) -> list[str]:
    acted = "" if spot.acted else "; too little to act"
    size = f"bytes {spot.start:,} to {spot.end:,}"
    held = f"{share(spot.score, 1)} of the {spot.part}, {spot.words:,} words{acted}"
    lines = [f"{spot.source}: {spot.id}, {size}: {held}"]
    return lines + ([f"note: {remark}"] if remark else [])


def _sides(match: Match, head: int = 6 * HEAD, tail: int = 3 * TAIL) -> tuple[list[Piece], list[Piece]]:
    left = pieces(match.left, (0, len(match.left)), match.left_shared, head, tail)
    return left, pieces(match.right, (0, len(match.right)), match.right_shared, head, tail)


def page(found: list[Contamination], benchmark: str | None = None, item: int | None = None) -> str:
    """One page that loads nothing and runs nothing."""
    from datacurate.audit.report import document

    named = tag("p", f"of run {found[0].run.name}", class_="soft")
    body: list[Any] = [tag("header", tag("h1", "Contamination"), named)]
    for one in found:
        leaks = one.chosen(benchmark, item)
        body += [tag("h2", one.stage.label), _table(one), _beside(one, leaks[:PAGED])]
        if len(leaks) > PAGED:
            body.append(tag("p", f"And {len(leaks) - PAGED:,} more items; name a benchmark to see others."))
    return document("Contamination", join(body), "body { max-width: 80rem }" + STYLE)


def _table(found: Contamination) -> Markup:
    rows = [
        [one.name, _by(one.sources) or "—", number(one.items), number(len(one.leaks)), share(len(one.leaks), one.items),
         number(len(one.alike)), number(one.not_searchable), number(one.without_text), number(one.documents)]
        for one in found.benchmarks
    ]  # fmt: skip
    unknown = ["not searchable", "without text"]
    heads = ["benchmark", "sources", "items", "leaked", "share of items", "alike", *unknown, "documents"]
    alike = f"Alike: {ALIKE} " if any(one.alike for one in found.benchmarks) else ""
    short = f"Not searchable: {SHORT}" if any(one.not_searchable for one in found.benchmarks) else ""
    return join([table(heads, rows, text=2), tag("p", alike + short, class_="soft") if alike + short else ""])


def _beside(found: Contamination, leaks: list[Leak], most: int = 5) -> list[Markup]:
    said = texts(found, leaks)
    return [_leak(leak, shown(found, leak, said[leak.benchmark, leak.item], most)) for leak in leaks]


def _leak(leak: Leak, places: list[Shown]) -> Markup:
    documents = "1 document" if leak.documents == 1 else f"{leak.documents:,} documents"
    head = f"{_name(leak)} · {documents} · {_by(leak.sources)}"
    made = []
    for one in places:
        made += [tag("p", e(line, 600), class_="soft") for line in _facts(one.spot, one.remark)]
        if one.match is not None:
            left, right = _sides(one.match, SIDES, SIDES // 4)
            heads = tag("div", e(f"document {one.spot.id}"), class_="head"), tag("div", e(_name(leak)), class_="head")
            cells = tag("div", _marked(left), dir="auto"), tag("div", _marked(right), dir="auto")
            made.append(tag("div", heads, cells, class_="pair"))
    return tag("details", tag("summary", e(head, 400)), made)


def _marked(cell: list[Piece]) -> Markup:
    return join([tag("mark", e(text, 2 * SIDES)) if marked else e(text, 2 * SIDES) for text, marked in cell])


def section(run: Finished) -> Markup | None:
    """The report's section: every benchmark, and its items that are in most documents."""
    made: list[Any] = []
    for one in of_run(run):
        made += [tag("h3", one.stage.label), _table(one)]
        for benchmark in one.benchmarks:
            made += _beside(one, benchmark.leaks[:REPORTED], 1)
    return join(made) if made else None


def as_json(found: list[Contamination], benchmark: str | None, item: int | None) -> list[dict[str, Any]]:
    """Plain values: every benchmark, and the chosen items with their places."""
    made = []
    for one in found:
        totals = [
            {"benchmark": b.name, "items": b.items, "leaked": len(b.leaks), "alike": len(b.alike),
             "not_searchable": b.not_searchable, "without_text": b.without_text, "documents": b.documents,
             "sources": dict(b.sources)}
            for b in one.benchmarks
        ]  # fmt: skip
        leaks = [_leak_json(leak) for leak in one.chosen(benchmark, item)]
        made.append({"stage": one.stage.label, "options": one.options, "benchmarks": totals, "leaks": leaks})
    return made


def _leak_json(leak: Leak) -> dict[str, Any]:
    value = {"benchmark": leak.benchmark, "item": leak.item, "name": leak.name, "score": leak.score}
    counts = {"documents": leak.documents, "acted": leak.acted, "sources": dict(leak.sources)}
    return {**value, **counts, "places": [asdict(spot) for spot in leak.spots]}
