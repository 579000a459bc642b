"""What stages cut out of a document, and whose copy each part is: from the evidence that they leave."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datacurate.audit.dedup_find import Document, Documents, stage_of
from datacurate.audit.run_folder import Finished, FinishedStage
from datacurate.audit.trace import Copy
from datacurate.core.store import read_footer, read_key
from datacurate.core.task import SHARD_BITS

EVIDENCE = {"row", "start", "end", "survivor"}
"""Columns of a table of cuts: the document, bytes of its text, and the id of a document that has them, too."""
BY_FILTER = "ngram_bloom"
"""The stage that cuts parts out and knows no other document that has them."""
SOMEWHERE = "seen before, a filter does not know where"
ELSEWHERE = "elsewhere"
"""A column that names documents of other datasets (`NAME:ID`), which have a part, instead of a survivor."""
SHOWN = 50
"""Parts of one document that are shown."""
LONGEST = 5
EXCERPT = 300
"""Characters of a part that are shown."""


@dataclass(frozen=True)
class Cut:
    """One part that was cut out: bytes of the text, how it reads, and where else it stands."""

    start: int
    end: int
    text: str
    survivor: str | None
    """None where only a filter knows that it was seen before."""


@dataclass(frozen=True)
class Cuts:
    """What one stage cut out of one document."""

    stage: str
    shard: str
    document: Document
    remark: str
    cuts: list[Cut]
    """At most SHOWN."""
    count: int
    bytes: int
    longest: list[Cut]
    """At most LONGEST of all."""

    def spans(self) -> list[tuple[int, int]]:
        """The cuts that are shown, in characters of the text, those that touch joined."""
        data = self.document.text.encode("utf-8", "replace")
        joined: list[tuple[int, int]] = []
        for cut in self.cuts:
            start, end = (len(data[:at].decode("utf-8", "replace")) for at in (cut.start, cut.end))
            if joined and start <= joined[-1][1]:
                start, end = joined[-1][0], max(end, joined.pop()[1])
            joined.append((start, end))
        return joined


def cuts_of(run: Finished, documents: Documents, id: str, copy: Copy) -> list[Cuts]:
    """What every stage that the document reached cut out of it."""
    made = []
    for at in range(min(len(copy.events), len(run.booked))):
        if cuts_out(run.booked[at], copy.shard):
            found, remark = documents.before(at, copy.shard, id)
            made += [cuts_at(run, documents, at, document, remark) for document in found[:5]]
    return [cuts for cuts in made if cuts is not None]


def cuts_out(stage: FinishedStage, shard: str) -> bool:
    """Whether a stage cuts parts out of documents and leaves of what it is to be told, in one shard."""
    if shard not in stage.ledgers:  # a dataset's shard, which reading the files of other sources passes by
        return False
    if stage.name == BY_FILTER:
        return all(path.exists() for path in stage.phase("seen").values())
    return bool(evidence(stage, shard, _number(stage, shard)))


def cuts_at(run: Finished, documents: Documents, at: int, document: Document, remark: str) -> Cuts | None:
    """What one stage cut out of one document; None when that is nothing."""
    stage = run.booked[at]
    if stage.name == BY_FILTER:
        return _by_filter(run, stage, document, remark)
    number = _number(stage, document.shard)
    tables = evidence(stage, document.shard, number)
    rows = [row for table in tables for row in table.rows(number << SHARD_BITS | document.row)]
    names = _Names(documents, at, list(stage.ledgers))
    return _cuts(stage, document, remark, rows, names) if rows else None


def _number(stage: FinishedStage, shard: str) -> int:
    return list(stage.ledgers).index(shard)


def _by_filter(run: Finished, stage: FinishedStage, document: Document, remark: str) -> Cuts | None:
    """The paragraphs that `ngram_bloom` cut out, judged again: a filter says that n-grams were seen, but not where."""
    import numpy as np
    import pyarrow as pa

    from datacurate.stages.dedup.ngram_bloom import NgramBloom

    known, number = stage_of(run, stage), _number(stage, document.shard)
    if not isinstance(known, NgramBloom) or remark:
        return None  # paragraphs of a text from before an edit are others
    # Each slice's file is in the order of rows; one after the other, they are not.
    seen = read_key(stage.phase("seen").values(), (number,)).sort_by("row").combine_chunks()
    docs = pa.table({"id": [document.id], "text": [document.text]})
    judged = known._judge(docs, np.array([number << SHARD_BITS | document.row], np.uint64), seen)
    starts, ends = (places[judged.gone].tolist() for places in (judged.paragraphs.starts, judged.paragraphs.ends))
    rows = [{"start": start, "end": end, "survivor": None} for start, end in zip(starts, ends, strict=True)]
    return _cuts(stage, document, remark, rows, None) if rows else None


@dataclass(frozen=True)
class Evidence:
    """A part with cuts; `group` is the row group of one shard, None where the whole part is about it."""

    path: Path
    group: int | None = None

    def rows(self, row: int) -> list[dict[str, Any]]:
        """The cuts of one document."""
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        found: list[dict[str, Any]] = []
        with pq.ParquetFile(self.path) as file:
            columns = sorted(EVIDENCE | ({ELSEWHERE} & set(file.schema_arrow.names)))
            for group in range(file.num_row_groups) if self.group is None else [self.group]:
                mine = pc.equal(file.read_row_group(group, columns=["row"])["row"], pa.scalar(row, pa.uint64()))
                if pc.any(mine).as_py():
                    found += file.read_row_group(group, columns=columns).filter(mine).to_pylist()
        return found


def evidence(stage: FinishedStage, shard: str, number: int) -> list[Evidence]:
    """A stage's cuts in one shard: the part of an `@each` phase with ids of survivors, or else shardwise parts.

    The former is exact to the byte (`substring` has both); the latter may name survivors by reference.
    """
    paths = evidence_parts(stage)
    if shard in paths:
        return [Evidence(paths[shard])]
    groups = [(path, read_footer(path).get("groups", {}).get(str(number), [])) for path in paths.values()]
    return [Evidence(path, group) for path, several in groups for group in several]


def evidence_parts(stage: FinishedStage) -> dict[str, Path]:
    """The parts of the phase in which a stage leaves its cuts, by their names; none when it cuts nothing out."""
    phases = {name: stage.phase(name) for name in stage.manifest["phases"]}
    found = [parts for parts in phases.values() if parts and _holds_cuts(next(iter(parts.values())))]
    by_shard = [parts for parts in found if parts.keys() == stage.ledgers.keys()]
    shardwise = [p for p in found if read_footer(next(iter(p.values()))).get("by") == ["shard"]]
    return (by_shard or shardwise[-1:] or [{}])[0]


def _holds_cuts(path: Path) -> bool:
    import pyarrow.parquet as pq

    return path.exists() and set(pq.read_schema(path).names) >= EVIDENCE


@dataclass(frozen=True)
class _Names:
    """Ids of survivors that a table names by reference."""

    documents: Documents
    at: int
    shards: list[str]

    def of(self, references: set[int]) -> dict[int, str]:
        found: dict[int, str] = {}
        for shard in sorted({reference >> SHARD_BITS for reference in references}):
            rows = {reference & ((1 << SHARD_BITS) - 1) for reference in references if reference >> SHARD_BITS == shard}
            ids = self.documents.ids(self.at, self.shards[shard], rows) if shard < len(self.shards) else {}
            found |= {shard << SHARD_BITS | row: id for row, id in ids.items()}
        return found


def _cuts(
    stage: FinishedStage, document: Document, remark: str, rows: list[dict[str, Any]], names: _Names | None
) -> Cuts:
    data = document.text.encode("utf-8", "replace")
    places = [(row["start"], row["end"], row.get(ELSEWHERE) or row["survivor"]) for row in rows]
    places.sort(key=lambda place: place[:2])
    shown = places[:SHOWN]
    longest = sorted(places, key=lambda place: (place[0] - place[1], place[0]))[:LONGEST]
    wanted = {survivor for *_, survivor in shown + longest if isinstance(survivor, int)}
    known: dict[Any, str | None] = {None: None, **(names.of(wanted) if names else {})}
    cuts, most = (
        [Cut(start, end, _excerpt(data[start:end]), known.get(who, str(who))) for start, end, who in some]
        for some in (shown, longest)
    )
    return Cuts(stage.label, document.shard, document, remark, cuts, len(rows), _together(places), most)


def _together(places: list[tuple[int, int, Any]]) -> int:
    """Bytes that are in at least one of the places, which are in order and may overlap."""
    size = last = 0
    for start, end, _ in places:
        size += max(end - max(start, last), 0)
        last = max(last, end)
    return size


def _excerpt(part: bytes) -> str:
    text = part[: 4 * EXCERPT].decode("utf-8", "replace")
    return text[:EXCERPT] + ("…" if len(part) > len(text[:EXCERPT].encode("utf-8", "replace")) else "")
