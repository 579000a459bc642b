"""What stages cut out of the documents whose life `curate trace` tells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from datacurate.audit.dedup_cuts import BY_FILTER, SOMEWHERE, Cut, cuts_at, cuts_out
from datacurate.audit.dedup_find import Document, Documents
from datacurate.audit.run_folder import Finished

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


UNTOLD = (
    "parts were cut out of documents of this id, but which of them this one is cannot be told; "
    "`curate dedup explain` shows the parts of each"
)


def with_cuts(run: Finished, id: str, copies: list[Copy]) -> list[Copy]:
    """The copies, their events with what was cut. Files are looked into only for stages that leave tables of cuts."""
    documents = Documents(run)
    made = []
    for copy in copies[:COPIES]:
        mates = [other for other in copies if other.shard == copy.shard]
        lost = [_lost(run, documents, at, id, copy, mates) for at in range(min(len(copy.events), len(run.booked)))]
        lost += [None] * (len(copy.events) - len(lost))
        events = [replace(event, cut=cut) for event, cut in zip(copy.events, lost, strict=True)]
        made.append(replace(copy, events=events))
    return made + copies[COPIES:]


def _lost(run: Finished, documents: Documents, at: int, id: str, copy: Copy, mates: list[Copy]) -> Lost | None:
    """What one stage cut out of one copy; `mates` are all copies in its shard."""
    if not cuts_out(run.booked[at], copy.shard):
        return None
    found, remark = documents.before(at, copy.shard, id)
    if not found:
        return Lost(0, 0, [], f"what was cut out cannot be told: {remark}") if remark else None
    if remark and run.booked[at].name == BY_FILTER:
        return Lost(0, 0, [], f"what was cut out cannot be told: its text is there only {remark}")
    order = _in_order(run, documents, at, id, mates)
    if order is None or len(order) != len(found):
        several = any(cuts_at(run, documents, at, document, remark) for document in found[:COPIES])
        return Lost(0, 0, [], UNTOLD) if several else None
    mine = next(place for place, other in enumerate(order) if other is copy)
    cuts = cuts_at(run, documents, at, found[mine], remark)
    if cuts is None:
        return None
    return Lost(cuts.count, cuts.bytes, [_part(cut) for cut in cuts.longest[:LONGEST]], remark or None)


def _in_order(run: Finished, documents: Documents, at: int, id: str, mates: list[Copy]) -> list[Copy] | None:
    """The copies of one shard that came to a stage, in the order of its rows; None where that cannot be told.

    Ledgers know no rows. Those that stayed keep their order; a removed one is known by its source, bytes and beginning.
    """
    if at == len(run.booked):
        return [copy for copy in mates if copy.kept]
    went = _in_order(run, documents, at + 1, id, mates)
    gone = [copy for copy in mates if not copy.kept and len(copy.events) == at + 1]
    if went is None or not gone:
        return went
    if not went and len(gone) == 1:
        return gone
    fits = [[copy for copy in gone if _is(copy, document)] for document in documents.before(at, gone[0].shard, id)[0]]
    named = [fit[0] for fit in fits if len(fit) == 1]
    if any(len(fit) > 1 for fit in fits) or len(named) != len(gone) or len(fits) != len(went) + len(gone):
        return None
    stayed = iter(went)
    return [fit[0] if fit else next(stayed) for fit in fits]


def _is(copy: Copy, document: Document) -> bool:
    """Whether a removed copy may be this document."""
    alike = copy.source == document.source and copy.bytes == len(document.text.encode("utf-8", "replace"))
    return alike and document.text.startswith(copy.excerpt or "")


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
            where = SOMEWHERE if part.also_in is None else f"also in {part.also_in}"
            lines.append(f"  {part.bytes:,} bytes, {where}: {part.begins}")
    elif lost.remark:
        lines.append(lost.remark)
    return lines
