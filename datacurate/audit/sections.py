"""The report's sections about documents: headline, funnel, rules, sources, languages, lengths."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from datacurate.audit.charts import histogram, legend, ranked, stacked
from datacurate.audit.markup import Markup, e, exact_size, join, number, share, size, table, tag
from datacurate.audit.run_folder import Finished, FinishedStage
from datacurate.core import ledger
from datacurate.sources._listing import left_out

MOST_SOURCES = 40
MOST_LANGUAGES = 24
"""Rows of the tables of sources and languages; the rest is summed up in one."""
MEANINGS = {
    "kept": "goes on",
    "dropped": "dropped by a rule",
    "merged": "merged into a survivor",
    "quarantined": "quarantined",
    "rewritten": "taken out of texts (markup, boilerplate)",
}


@dataclass(frozen=True)
class Check:
    """One thing that must hold, and whether it does."""

    claim: str
    holds: bool


def checks(run: Finished, receipt: list[dict[str, Any]]) -> list[Check]:
    """Whether the books balance, recomputed from the manifests."""
    booked = run.booked
    equation = "in = out + dropped + merged + quarantined"
    made = [
        Check(f"At every stage, {equation}, in documents", _balances(booked, "documents")),
        Check("The same in bytes, with what rewriting texts added or took away", _balances(booked, "bytes")),
        Check(
            "Every stage gets exactly what the one before handed on",
            all(a.books["out"] == b.books["in"] for a, b in itertools.pairwise(booked)),  # type: ignore[index]
        ),
        Check("The books of the sources add up to those of the stage", all(_adds_up(stage) for stage in booked)),
    ]
    if run.documents is not None:
        rows = sum(shard["rows"] for shard in run.documents.manifest["shards"])
        made.append(Check("The last documents' files hold as many rows as the books say", rows == _out(run.documents)))
    if receipt:
        equal = all(
            row["planned_tokens"] == row["written_tokens"] + (row.get("cropped_tokens") or 0) for row in receipt
        )
        made.append(Check("For every source, tokens written = tokens planned, but for what was cropped", equal))
    return made


def _out(stage: FinishedStage, unit: str = "documents", side: str = "out") -> int:
    return stage.books[side][unit] if stage.books else 0


def _balances(stages: list[FinishedStage], unit: str) -> bool:
    return all(_balance(stage.books or ledger.nothing(), unit) == 0 for stage in stages)


def _balance(books: dict[str, Any], unit: str) -> int:
    gone = sum(ledger.total(books, fate, unit) for fate in ledger.FATES)
    return books["in"][unit] + (books["rewritten"] if unit == "bytes" else 0) - books["out"][unit] - gone


def _adds_up(stage: FinishedStage) -> bool:
    summed = ledger.nothing()
    for books in stage.manifest["sources"].values():
        ledger.add(summed, books)
    return summed == stage.books


def headline(run: Finished, receipt: list[dict[str, Any]]) -> Markup:
    """Name, what came in and what is left, and whether the books balance."""
    found = checks(run, receipt)
    tiles = []
    if run.booked:
        first, last = run.booked[0], run.booked[-1]
        came, went = _out(first, side="in"), _out(last)
        tiles.append(_tile(f"{came:,} → {went:,}", f"documents in → out ({share(went, came)})"))
        came, went = _out(first, "bytes", "in"), _out(last, "bytes")
        tiles.append(_tile(f"{size(came)} → {size(went)}", f"{came:,} → {went:,} bytes"))
    if receipt:
        tiles.append(_tokens(receipt))
    good = all(check.holds for check in found)
    verdict = tag("span", "balance" if good else "do not balance", class_="good" if good else "bad")
    tiles.append(_tile(join(["Books ", verdict]), f"{sum(c.holds for c in found)} of {len(found)} checks hold"))
    marks = {True: tag("span", "holds", class_="good"), False: tag("span", "FAILS", class_="bad")}
    listed = [tag("li", marks[check.holds], " · ", check.claim) for check in found]
    return join([tag("div", tiles, class_="tiles"), tag("ul", listed, class_="checks")])


def _tile(figure: Any, caption: str) -> Markup:
    return tag("div", tag("b", figure), tag("span", caption), class_="tile")


def _tokens(receipt: list[dict[str, Any]]) -> Markup:
    train = [row for row in receipt if row["split"] == 0]
    planned, written = (sum(row[name] for row in train) for name in ("planned_tokens", "written_tokens"))
    sign = "=" if planned == written else "≠"
    return _tile(f"{planned:,}", f"training tokens planned {sign} {written:,} written")


def funnel(run: Finished) -> Markup:
    """Bars of what goes on and what is removed at each stage, in documents and in bytes."""
    kinds = {k: v for k, v in MEANINGS.items() if any(_parts(s, "bytes").get(k) for s in run.booked) or k == "kept"}
    bars = [_bars(run.booked, unit) for unit in ("documents", "bytes")]
    return join([legend(kinds), bars, _funnel_table(run)])


def _parts(stage: FinishedStage, unit: str) -> dict[str, int]:
    books = stage.books or ledger.nothing()
    shrunk = max(-books["rewritten"], 0) if unit == "bytes" else 0
    fates = {fate: ledger.total(books, fate, unit) for fate in ledger.FATES}
    return {"kept": books["out"][unit], **fates, "rewritten": shrunk}


def _bars(stages: list[FinishedStage], unit: str) -> Markup:
    whole = max((max(_out(s, unit, "in"), _out(s, unit)) for s in stages), default=1)
    first = _out(stages[0], unit, "in") if stages else 0
    show = number if unit == "documents" else exact_size
    cells = [tag("span", unit, class_="head name"), tag("span", class_="head")]
    cells += [tag("span", "go on", class_="head n"), tag("span", "of the start", class_="head n")]
    for stage in stages:
        left = _out(stage, unit)
        cells += [tag("span", stage.label, class_="name"), stacked(_parts(stage, unit), whole)]
        cells += [tag("span", show(left), class_="n"), tag("span", share(left, first), class_="n")]
    return tag("div", cells, class_="funnel")


def _funnel_table(run: Finished) -> Markup:
    head = ["stage", "documents in", "out", "dropped", "merged", "quarantined", "bytes in", "bytes out", "rewritten"]
    rows = []
    for stage in run.booked:
        parts, books = _parts(stage, "documents"), stage.books or ledger.nothing()
        removed = [number(parts[fate]) for fate in ledger.FATES]
        figures = [number(books["in"]["documents"]), number(books["out"]["documents"]), *removed]
        made = f"{books['rewritten']:+,}" if books["rewritten"] else "0"
        rows.append([stage.label, *figures, number(books["in"]["bytes"]), number(books["out"]["bytes"]), made])
    return table(head, rows)


def drops(run: Finished) -> Markup:
    """What every rule of every stage removed."""
    rows = [row for stage in run.booked for row in _rules(stage)]
    if not rows:
        return tag("p", "No document was removed.")
    return table(["stage", "rule", "fate", "documents", "share of documents", "bytes", "share of bytes"], rows, text=3)


def _rules(stage: FinishedStage) -> list[list[Any]]:
    books = stage.books or ledger.nothing()
    found = [(fate, rule, amounts) for fate in ledger.FATES for rule, amounts in books[fate].items()]
    found.sort(key=lambda entry: (-entry[2]["documents"], entry[1]))
    rows = []
    for fate, rule, amounts in found:
        documents, bytes_ = amounts["documents"], amounts["bytes"]
        key = join([tag("i", class_=f"key {fate}"), fate])
        of = (share(documents, books["in"]["documents"]), share(bytes_, books["in"]["bytes"]))
        rows.append([stage.label, rule, key, number(documents), of[0], exact_size(bytes_), of[1]])
    return rows


def sources(run: Finished) -> Markup:
    """Documents and bytes of every source, and the share that each stage took from it."""
    if not run.booked:
        return Markup("")
    names = list(dict.fromkeys(name for stage in run.booked for name in stage.manifest["sources"]))
    came = {name: _of(run.booked[0], name)["in"]["documents"] for name in names}
    names = sorted(names, key=lambda name: (-came[name], name))
    stages = [stage for stage in run.booked if _out(stage) != _out(stage, side="in")]
    head = ["source", "documents in", "out", "kept", "bytes in", "bytes out", *[f"lost at {s.label}" for s in stages]]
    rows = [_source(run, stages, name) for name in names[:MOST_SOURCES]]
    more = len(names) - MOST_SOURCES
    note = tag("p", f"And {more:,} smaller sources.", class_="soft") if more > 0 else None
    files = [tag("p", line, class_="soft") for line in left_out(run.booked[0].manifest.get("left_out", {}))]
    return join([table(head, rows), note, *files])


def _of(stage: FinishedStage, source: str) -> dict[str, Any]:
    return stage.manifest["sources"].get(source) or ledger.nothing()


def _source(run: Finished, stages: list[FinishedStage], name: str) -> list[Any]:
    first, last = _of(run.booked[0], name)["in"], _of(run.booked[-1], name)["out"]
    row = [name, number(first["documents"]), number(last["documents"]), share(last["documents"], first["documents"])]
    row += [exact_size(first["bytes"]), exact_size(last["bytes"])]
    return row + [_lost(_of(stage, name)) for stage in stages]


def _lost(books: dict[str, Any]) -> Markup:
    """How many documents of a source a stage took, the darker the larger their share."""
    came = books["in"]["documents"]
    gone = came - books["out"]["documents"]
    shade = round(70 * gone / came) if came else 0
    style = f"background:color-mix(in srgb, var(--dropped) {shade}%, transparent)" if shade else None
    return tag("td", f"{gone:,} ({share(gone, came)})" if gone else "0", class_="n", style=style)


def languages(run: Finished) -> Markup | None:
    """Languages of the documents that are left."""
    counts: dict[str, int] = next(
        (s.manifest["languages"] for s in reversed(run.booked) if s.manifest.get("languages")), {}
    )
    if not counts:
        return None
    order = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    rest = sum(count for _, count in order[MOST_LANGUAGES:])
    shown = order[:MOST_LANGUAGES] + ([(f"{len(order) - MOST_LANGUAGES} others", rest)] if rest else [])
    return ranked(shown, "documents")


def lengths(run: Finished) -> Markup | None:
    """Lengths of the documents that are left, in bins of powers of two."""
    counts = run.booked[-1].manifest.get("lengths") if run.booked else None
    if not counts:
        return None
    bins = [int(bin) for bin in counts]
    filled = range(min(bins), max(bins) + 1)
    return histogram([(_bytes(bin), counts.get(str(bin), 0)) for bin in filled], "bytes of text", "documents")


def _bytes(bin: int) -> str:
    """The least length in a bin: bin 5 holds 16 to 31 bytes, bin 0 the empty texts."""
    least = 1 << (bin - 1) if bin > 0 else 0
    for power, unit in ((30, "Gi"), (20, "Mi"), (10, "Ki")):
        if least >= 1 << power:
            return f"{least >> power} {unit}"
    return str(least)


def identity(run: Finished) -> Markup:
    """Keys and versions: what the content of each stage depends on, options that differ from their default included."""
    rows = [
        [s.folder.name, tag("code", s.manifest["key"]), str(s.manifest["version"]), _fields(s.manifest["fields"])]
        for s in run.stages
    ]
    return table(["stage", "key", "version", "options that differ from their default"], rows, text=4)


def _fields(fields: dict[str, Any]) -> Markup:
    return join([join([tag("code", f"{name}: {value}"), Markup("<br>")]) for name, value in fields.items()] or ["none"])


def recipe(run: Finished) -> Markup:
    """The recipe as it ran."""
    return tag("pre", tag("code", e(run.recipe, 100_000)))
