"""What stages cut out of a document, and whose copy each part is: from the evidence that they leave."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datacurate.audit.dedup_find import Document, Documents
from datacurate.audit.run_folder import Finished, FinishedStage
from datacurate.audit.trace import Copy
from datacurate.core.task import SHARD_BITS

EVIDENCE = {"row", "start", "end", "survivor"}
"""Columns of a table of cuts: the document, bytes of its text, and the id of a document that has them, too."""
SHOWN = 50
"""Parts of one document that are shown."""
EXCERPT = 300
"""Characters of a part that are shown."""


@dataclass(frozen=True)
class Cut:
    """One part that was cut out: bytes of the text, how it reads, and where else it stands."""

    start: int
    end: int
    text: str
    survivor: str | None


@dataclass(frozen=True)
class Cuts:
    """What one stage cut out of one document."""

    stage: str
    shard: str
    document: Document | None
    remark: str
    cuts: list[Cut]
    """At most SHOWN."""
    count: int
    bytes: int

    def spans(self) -> list[tuple[int, int]]:
        """The cuts that are shown, in characters of the text."""
        data = self.document.text.encode("utf-8", "replace") if self.document else b""
        return [
            (len(data[: cut.start].decode("utf-8", "replace")), len(data[: cut.end].decode("utf-8", "replace")))
            for cut in self.cuts
        ]


def cuts_of(run: Finished, documents: Documents, id: str, copy: Copy) -> list[Cuts]:
    """What every stage that the document reached cut out of it."""
    made = []
    for at in range(min(len(copy.events), len(run.booked))):
        stage = run.booked[at]
        evidence = _evidence(stage, copy.shard)
        if evidence is None:
            continue
        found, remark = documents.before(at, copy.shard, id)
        shard = list(stage.ledgers).index(copy.shard)
        for document in found[:5]:
            rows = _rows_of(evidence, shard << SHARD_BITS | document.row)
            if rows:
                made.append(_cuts(stage.label, document, remark, rows))
    return made


def _evidence(stage: FinishedStage, shard: str) -> Path | None:
    """The stage's table of cuts in a shard."""
    import pyarrow.parquet as pq
    import pyarrow.types as types

    for name in stage.manifest["phases"]:
        path = stage.phase(name).get(shard)
        if path is None or not path.exists():
            continue
        schema = pq.read_schema(path)
        if set(schema.names) >= EVIDENCE:
            kind = schema.field("survivor").type
            if types.is_string(kind) or types.is_large_string(kind):
                return path
    return None


def _rows_of(path: Path, row: int) -> list[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    found: list[dict[str, Any]] = []
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            mine = pc.equal(file.read_row_group(group, columns=["row"])["row"], pa.scalar(row, pa.uint64()))
            if pc.any(mine).as_py():
                found += file.read_row_group(group, columns=sorted(EVIDENCE)).filter(mine).to_pylist()
    return sorted(found, key=lambda cut: (cut["start"], cut["end"]))


def _cuts(stage: str, document: Document, remark: str, rows: list[dict[str, Any]]) -> Cuts:
    data = document.text.encode("utf-8", "replace")
    places = [(row["start"], row["end"], row["survivor"]) for row in rows]
    cuts = [Cut(start, end, _excerpt(data[start:end]), survivor) for start, end, survivor in places[:SHOWN]]
    size = sum(end - start for start, end, _ in places)
    return Cuts(stage, document.shard, document, remark, cuts, len(rows), size)


def _excerpt(part: bytes) -> str:
    text = part[: 4 * EXCERPT].decode("utf-8", "replace")
    return text[:EXCERPT] + ("…" if len(part) > len(text[:EXCERPT].encode("utf-8", "replace")) else "")
