"""What stages cut out of the documents whose life `curate trace` tells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from datacurate.audit.dedup_cuts import Cut, cuts_of, evidence
from datacurate.audit.dedup_find import Documents, stage_of
from datacurate.audit.run_folder import Finished
from datacurate.core.store import read_key
from datacurate.core.task import SHARD_BITS

if TYPE_CHECKING:
    from datacurate.audit.trace import Copy

LONGEST = 3
"""Parts that are shown."""
COPIES = 5
"""Documents of one id whose parts are looked up: each may mean reading a file again."""


@dataclass(frozen=True)
class Part:
    """A part that was cut out, and a document in which it stands, too."""

    bytes: int
    also_in: str | None
    begins: str


@dataclass(frozen=True)
class Lost:
    """What a stage cut out of a document."""

    parts: int
    bytes: int
    longest: list[Part]
    remark: str | None = None
    """Why nothing is known, or what the places are of."""


def with_cuts(run: Finished, id: str, copies: list[Copy]) -> list[Copy]:
    """The copies, their events with what was cut. Files are looked into only for stages that leave tables of cuts."""
    documents = Documents(run)
    return [_with_cuts(run, documents, id, copy) for copy in copies[:COPIES]] + copies[COPIES:]


def _with_cuts(run: Finished, documents: Documents, id: str, copy: Copy) -> Copy:
    lost: dict[str, Lost] = {}
    for found in cuts_of(run, documents, id, copy):
        before = lost.get(found.stage, Lost(0, 0, []))
        longest = sorted([*before.longest, *map(_part, found.longest)], key=lambda part: -part.bytes)[:LONGEST]
        more = found.remark or None
        lost[found.stage] = Lost(before.parts + found.count, before.bytes + found.bytes, longest, more)
    for at in range(min(len(copy.events), len(run.booked))):
        stage = run.booked[at]
        if stage.name == "ngram_bloom":
            judged = _by_filter(run, documents, at, id, copy)
            lost |= {stage.label: judged} if judged is not None else {}
        elif stage.label not in lost and evidence(stage, copy.shard, list(stage.ledgers).index(copy.shard)):
            place, remark = documents.place(at, copy.shard)
            if place is None:
                lost[stage.label] = Lost(0, 0, [], f"what was cut out cannot be told: {remark}")
    return replace(copy, events=[replace(event, cut=lost.get(event.stage)) for event in copy.events])


def _by_filter(run: Finished, documents: Documents, at: int, id: str, copy: Copy) -> Lost | None:
    """The paragraphs that `ngram_bloom` cut out, judged again: a filter says that n-grams were seen, but not where."""
    import numpy as np
    import pyarrow as pa

    from datacurate.stages.dedup.ngram_bloom import NgramBloom

    stage, number = stage_of(run, run.booked[at]), list(run.booked[at].ledgers).index(copy.shard)
    found, remark = documents.before(at, copy.shard, id)
    if not isinstance(stage, NgramBloom) or not found:
        return Lost(0, 0, [], f"what was cut out cannot be told: {remark}") if remark and not found else None
    seen = read_key([str(path) for path in run.booked[at].phase("seen").values()], (number,))
    docs = pa.table({"id": [found[0].id], "text": [found[0].text]})
    judged = stage._judge(docs, np.array([number << SHARD_BITS | found[0].row], np.uint64), seen)
    data, paragraphs = found[0].text.encode("utf-8", "replace"), judged.paragraphs
    places = [(int(paragraphs.starts[one]), int(paragraphs.ends[one])) for one in judged.gone]
    parts = [Part(end - start, None, _begins(data[start:end].decode("utf-8", "replace"))) for start, end in places]
    longest = sorted(parts, key=lambda part: -part.bytes)[:LONGEST]
    return Lost(len(parts), sum(part.bytes for part in parts), longest, remark or None) if parts else None


def _begins(text: str) -> str:
    return " ".join(text.split())[:80]


def _part(cut: Cut) -> Part:
    return Part(cut.end - cut.start, cut.survivor, _begins(cut.text))


def told(lost: Lost) -> list[str]:
    """Lines about what was cut out."""
    lines = []
    if lost.parts:
        parts = "1 part" if lost.parts == 1 else f"{lost.parts:,} parts"
        lines.append(f"cut out: {parts}, {lost.bytes:,} bytes in all" + (f" ({lost.remark})" if lost.remark else ""))
        for part in lost.longest:
            where = (
                f"also in {part.also_in}" if part.also_in is not None else "seen before, a filter does not know where"
            )
            lines.append(f"  {part.bytes:,} bytes, {where}: {part.begins}")
    elif lost.remark:
        lines.append(lost.remark)
    return lines
