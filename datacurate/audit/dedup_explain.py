"""Why deduplication removed a document: its survivor, how alike they are, what was cut, and where the survivor went."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datacurate.audit.dedup_cuts import Cuts, cuts_of
from datacurate.audit.dedup_find import Document, Documents, elsewhere, merged_into, stage_of
from datacurate.audit.dedup_match import Match, match
from datacurate.audit.run_folder import Finished, open_run
from datacurate.audit.trace import Copy, Event, Life, told, trace
from datacurate.core.errors import InputError
from datacurate.core.stage import Stage
from datacurate.stages.dedup._compare import Alike, Shingle, alike, equal

NGRAM = 5
"""Words per run where the stage does not say; `minhash` and FineWeb (arXiv:2406.17557) use 5."""
COPIES = 5
"""Documents of one id that are explained."""
STEPS = 50
"""Survivors of survivors that are followed."""


@dataclass(frozen=True)
class Step:
    """One merge on the way to the document that stayed."""

    id: str
    stage: str
    rule: str | None
    survivor: str
    similarity: float | None


@dataclass(frozen=True)
class Merge:
    """A removed document, its survivor, and how alike they are."""

    stage: str
    copy: Copy
    event: Event
    shingle: Shingle
    chain: list[Step]
    end: str
    """What became of the last survivor."""
    document: Document | None
    survivor: Document | None
    remarks: list[str]
    alike: Alike | None = None
    back: Alike | None = None
    """The same seen from the survivor."""
    same: bool = False
    """Whether the texts are equal but for white space."""
    match: Match | None = None


@dataclass(frozen=True)
class Explanation:
    """What deduplication did with all documents of an id."""

    id: str
    run: str
    life: Life
    merges: list[Merge]
    cuts: list[Cuts]
    stands_for: dict[str, Counter[str]] = field(default_factory=dict)
    """Documents that were merged into it, by stage and source."""

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        from datacurate.audit.dedup_show import as_json

        return as_json(self)

    def as_text(self, width: int = 120, colour: bool = False) -> str:
        """For a terminal of this width; shared parts in colour or in brackets."""
        from datacurate.audit.dedup_show import as_text

        return as_text(self, width, colour)

    def as_html(self) -> str:
        """One page that loads nothing and runs nothing."""
        from datacurate.audit.dedup_page import page

        return page(self)


def explain(run: str | Path, id: str) -> Explanation:
    """Explain what deduplication did with a document; InputError when no document of the run has this id."""
    finished = open_run(run)
    life = trace(run, id, cuts=False)
    documents = Documents(finished)
    merged = [copy for copy in life.copies if copy.events[-1].fate == "merged"]
    merges = [_merge(finished, documents, id, copy) for copy in merged[:COPIES]]
    cuts = _cuts(finished, documents, id, life.copies[:COPIES])
    return Explanation(id, finished.name, life, merges, cuts, merged_into(finished, id))


def _cuts(run: Finished, documents: Documents, id: str, copies: list[Copy]) -> list[Cuts]:
    """What was cut out of the documents of an id; each once, also where a shard has several."""
    found: dict[tuple[str, str, int], Cuts] = {}
    for copy in copies:
        for cuts in cuts_of(run, documents, id, copy):
            found.setdefault((cuts.stage, cuts.shard, cuts.document.row), cuts)
    return list(found.values())


def _merge(run: Finished, documents: Documents, id: str, copy: Copy) -> Merge:
    at = len(copy.events) - 1
    event, stage = copy.events[at], run.booked[at]
    known = stage_of(run, stage)
    shingle = _shingle(known)
    chain, end, homes = _chain(run, id, at, event)
    found, remark = documents.before(at, copy.shard, id)
    remarks = [f"{id}: {remark}"] if remark else []
    survivors: list[Document] = []
    for shard in homes:
        others, remark = documents.before(at, shard, str(event.survivor))
        survivors += others
        remarks += [f"{event.survivor}: {remark}"] if remark and f"{event.survivor}: {remark}" not in remarks else []
    survivors = survivors or elsewhere(known, str(event.survivor))
    document, survivor = _closest(found, survivors, event.similarity, shingle)
    more: dict[str, Any] = {"document": document, "survivor": survivor, "remarks": remarks}
    if document is not None and survivor is not None:
        more["alike"] = alike(document.text, survivor.text, shingle)
        more["back"] = alike(survivor.text, document.text, shingle)
        more["same"] = equal(document.text, survivor.text)
        more["match"] = match(document.text, survivor.text, shingle.ngram, shingle.unit)
        if len(found) * len(survivors) > 1:
            remarks.append("several documents have these ids; the most alike are shown")
    return Merge(stage.label, copy, event, shingle, chain, end, **more)


def _closest(
    found: list[Document], survivors: list[Document], similarity: float | None, shingle: Shingle
) -> tuple[Document | None, Document | None]:
    """Of documents with the same ids, the two whose similarity is nearest to what the ledger says."""
    pairs = [(a, b) for a in found for b in survivors if (a.shard, a.row) != (b.shard, b.row)][: COPIES**2]
    if not pairs:
        return (found or [None])[0], (survivors or [None])[0]  # type: ignore[list-item]
    if len(pairs) == 1:
        return pairs[0]
    wanted = 1.0 if similarity is None else similarity

    def off(pair: tuple[Document, Document]) -> float:
        found = alike(pair[0].text, pair[1].text, shingle)
        jaccard = 1.0 if equal(pair[0].text, pair[1].text) else found.jaccard if found else 0.0
        return abs(jaccard - wanted)

    return min(pairs, key=off)


def _chain(run: Finished, id: str, at: int, event: Event) -> tuple[list[Step], str, list[str]]:
    """Survivor after survivor; what became of the last; and the shards in which the first one may be."""
    steps: list[Step] = []
    homes: list[str] = []
    while len(steps) < STEPS:
        survivor = str(event.survivor)
        steps.append(Step(id, run.booked[at].label, event.rule, survivor, event.similarity))
        copies = _still_there(run, survivor, at)
        homes = homes or sorted({copy.shard for copy in copies})
        if not copies:
            return steps, "is no document of this run: it is in another dataset or an index", homes
        if any(copy.kept for copy in copies):
            return steps, "went through all stages", homes
        last = copies[0].events[-1]
        at = len(copies[0].events) - 1
        if last.fate != "merged":
            return steps, f"then {run.booked[at].label}: {told(last)}", homes
        id, event = survivor, last
    return steps, "goes on", homes


def _still_there(run: Finished, id: str, at: int) -> list[Copy]:
    """The documents of an id that a stage let pass."""
    try:
        copies = trace(run.folder, id, cuts=False).copies
    except InputError:
        return []
    return [copy for copy in copies if len(copy.events) > at and copy.events[at].fate == "went_on"]


def _shingle(stage: Stage | None) -> Shingle:
    """What the stage compares; words in runs of NGRAM where it does not say."""
    kind, ngram = getattr(stage, "shingle", "words"), getattr(stage, "ngram", NGRAM)
    return Shingle(kind, ngram) if isinstance(ngram, int) and ngram > 0 else Shingle(kind, NGRAM)
