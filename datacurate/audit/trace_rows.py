"""In which packed rows the pieces of a document lie, and which documents' pieces a row holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datacurate.audit.dedup_find import Documents, Place
from datacurate.audit.run_folder import Finished, FinishedStage, open_run
from datacurate.core.errors import CurateError, InputError

if TYPE_CHECKING:
    import pyarrow as pa

SHOWN = 12
"""Pieces that are shown to people; JSON has all."""
SHARD_BITS = 40
"""References hold the shard's number above so many bits of the row's (`core/task.py`)."""


@dataclass(frozen=True)
class Piece:
    """A piece of a document in a packed row."""

    split: str
    stage: str
    """The training stage."""
    row: int
    """Its number in the split, which the loader tells, too."""
    file: str
    file_row: int
    offset: int
    """The place in the row where the piece begins."""
    tokens: int
    begins: int
    """The place in the document where it begins."""

    def told(self) -> str:
        """In words."""
        where = f"row {self.row} ({self.stage}; {self.file} row {self.file_row})"
        return f"{where}, {_told_place(self)}"


@dataclass(frozen=True)
class Drawing:
    """How often training stages drew a document: whole copies, and tokens of one more."""

    order: int
    source: int
    split: int
    n: int
    copies: list[tuple[int, int]]
    row: int
    beside: list[int]
    """The most copies that each training stage drew of another document of the source with the same id."""

    def names(self, stage: int) -> list[int]:
        """What the rows of a training stage call it; see `draw.names`."""
        return [self.order ^ (self.row + 1), *([self.order] if self.times[stage] > self.beside[stage] else [])]

    @property
    def times(self) -> list[int]:
        """Copies by training stage."""
        return [whole + (last > 0) for whole, last in self.copies]

    @property
    def tokens(self) -> int:
        return sum(whole * self.n + last for whole, last in self.copies)


def copies(plans: pa.Table, documents: list[dict[str, Any]]) -> list[list[tuple[int, int]]]:
    """Of each document (rows of the phase `counted`), by training stage, whole copies and tokens of one more."""
    import numpy as np

    from datacurate.mixture.draw import each_stage
    from datacurate.mixture.schedule import grouped

    names = dict(zip(plans["source"].to_pylist(), plans["index"].to_pylist(), strict=True))
    columns = {name: np.array([one[name] for one in documents], np.uint64) for name in ("order", "row")}
    columns |= {name: np.array([one[name] for one in documents]) for name in ("n", "mask")}
    columns["group"] = np.array([2 * names[one["source"]] + one["split"] for one in documents])
    drawn = [(whole.tolist(), last.tolist()) for _, whole, last in each_stage(columns, grouped(plans))]
    return [[(whole[at], last[at]) for whole, last in drawn] for at in range(len(documents))]


def pieces(stage: FinishedStage, drawing: Drawing) -> list[Piece]:
    """The pieces of a document, in the order of training.

    The hash of each copy's place names the file that it was dealt to, and a stage's last file has what others left
    over; all files are read only where these do not hold all tokens.
    """
    from datacurate.mixture.reading.find import open_index
    from datacurate.mixture.reading.index import SPLITS

    split = SPLITS[drawing.split]
    if not drawing.tokens:
        return []
    index = open_index(stage.folder, split)
    found = _in_files(index, drawing, _likely(stage, drawing))
    if sum(piece.tokens for piece in found) != drawing.tokens and not _crops(stage):
        found = _in_files(index, drawing, None)
    return sorted(found, key=lambda piece: (piece.row, piece.offset))


def _crops(stage: FinishedStage) -> bool:
    fields = stage.manifest["fields"]
    return any(one.get("long_documents") == "crop" for one in (fields, *fields.get("stages", ())))


def _likely(stage: FinishedStage, drawing: Drawing) -> set[tuple[int, str]]:
    """Training stage and name of the files to which copies were dealt, and of the last ones."""
    import numpy as np

    from datacurate.mixture.draw import bucket_of, positions

    seed, names = stage.manifest["fields"].get("seed", 0), list(stage.shards)
    wanted = set()
    for number, times in enumerate(drawing.times):
        buckets = sum(name.startswith(f"{number}-") for name in names) - 1
        order = np.full(times, drawing.order, np.uint64)
        parts = bucket_of(positions(order, np.arange(times), seed, number), buckets).tolist() if times else []
        wanted |= {(number, f"{number}-{part}.parquet") for part in [*parts, *([buckets] if times else [])]}
    return wanted


def _in_files(index: Any, drawing: Drawing, wanted: set[tuple[int, str]] | None) -> list[Piece]:
    """Pieces in some files, or in all."""
    found: list[Piece] = []
    for number, rows in enumerate(index.stages):
        for at, path in enumerate(rows.names):
            if wanted is None or (number, Path(path).name) in wanted:
                found += _in_file(index, rows, at, drawing.source, drawing.names(number))
    return found


def _in_file(index: Any, stage: Any, at: int, source: int, names: list[int]) -> Iterator[Piece]:
    import numpy as np

    from datacurate.mixture.reading.find import joined

    path = joined(stage.root, stage.names[at])
    table = _table(path, int(stage.firsts[at]), int(stage.counts[at]))
    flat = _pieces_of(table)
    same = np.isin(flat["document"], np.array(names, np.uint64)) & (flat["source"] == source)
    for one in np.flatnonzero(same).tolist():
        inside = int(stage.firsts[at]) + int(flat["row"][one])
        places = (int(flat[name][one]) for name in ("start", "size", "begin"))
        yield Piece(index.split, stage.name, index.number(stage, at, inside), Path(path).name, inside, *places)


def _table(path: str, first: int, count: int) -> pa.Table:
    import pyarrow.parquet as pq

    columns = ["starts", "sources", "documents", "begins", "length"]
    return pq.read_table(path, columns=columns).slice(first, count)


def _pieces_of(table: pa.Table) -> dict[str, Any]:
    """The pieces of rows: the row, the place in it, tokens, the document, its source, the place in it."""
    import numpy as np

    from datacurate.mixture import pack

    starts, sizes = pack.lists(table["starts"])
    ends = np.append(starts[1:], 0)
    some = np.flatnonzero(sizes)
    ends[np.cumsum(sizes)[some] - 1] = pack.numbers(table["length"])[some]
    row = np.repeat(np.arange(len(sizes)), sizes)
    named = {one: pack.lists(table[f"{one}s"])[0] for one in ("source", "document", "begin")}
    return {"row": row, "start": starts, "size": ends - starts, **named}


def told(found: Iterable[Piece]) -> list[str]:
    """Lines for people."""
    found = list(found)
    more = [f"and {len(found) - SHOWN:,} more pieces; --json has all"] if len(found) > SHOWN else []
    return [*(piece.told() for piece in found[:SHOWN]), *more]


@dataclass(frozen=True)
class InRow:
    """What a row holds of a document. `id` is None where its documents are not found; its place names it then."""

    id: str | None
    source: str
    shard: str
    shard_row: int
    offset: int
    tokens: int
    begins: int


def _told_place(one: Piece | InRow) -> str:
    from datacurate.core.errors import plural

    return f"place {one.offset}: {plural(one.tokens, 'token')} from token {one.begins:,} on"


@dataclass(frozen=True)
class TracedRow:
    """A packed row, and the documents in it."""

    run: str
    split: str
    stage: str
    row: int
    file: str
    file_row: int
    tokens: int
    padding: int
    pieces: list[InRow]
    notes: list[str]
    """Why ids are not known."""

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def as_text(self) -> str:
        """Plain text for people."""
        from datacurate.audit.markup import seen
        from datacurate.core.errors import plural

        where = f"row {self.row} of {self.split} in run {self.run}: {self.stage}, {self.file} row {self.file_row}"
        lines = [where, f"{plural(self.tokens, 'token')}, {plural(self.padding, 'place')} of padding"]
        for one in self.pieces:
            name = one.id if one.id is not None else f"row {one.shard_row} of shard {one.shard}"
            lines.append(f"  {_told_place(one)}, of {name} ({one.source})")
        return "\n".join(seen(line) for line in [*lines, *self.notes])


def trace_row(run: str | Path, row: str) -> TracedRow:
    """The documents in a packed row: `123` of training, or `validation:123`. InputError for a row that is not there."""
    from datacurate.mixture.reading.find import joined, open_index

    finished = open_run(run)
    stage = finished.last("mixture")
    split, _, number = row.rpartition(":")
    if not number.isdecimal() or split not in ("", "train", "validation"):
        raise InputError(
            f"'{row}' names no row. Give its number, as the loader's `rows` tell it, or validation:NUMBER."
        )
    if stage is None:
        raise InputError(f"{finished.folder}: this run has no mixture, so that it has no packed rows.")
    index = open_index(stage.folder, split or "train")  # type: ignore[arg-type]
    rows, name, inside = index.place(int(number))
    path = joined(rows.root, name)
    flat = _pieces_of(_table(path, inside, 1))
    sources = [index.sources[number] for number in flat["source"].tolist()]
    documents = list(zip(flat["document"].tolist(), sources, strict=True))
    found = _documents(stage, [name for name, _ in documents], [one is rows for one in index.stages].index(True))
    ids, notes = _ids(finished, {found[document] for document in documents})
    made = []
    for at, document in enumerate(documents):
        places = (int(flat[name][at]) for name in ("start", "size", "begin"))
        made.append(InRow(ids.get(found[document]), sources[at], *found[document], *places))
    filled = int(flat["size"].sum())
    about = (finished.name, index.split, rows.name, int(number), Path(path).name, inside)
    return TracedRow(*about, filled, _width(path) - filled, made, notes)


def _width(path: str) -> int:
    import pyarrow.parquet as pq

    return pq.read_schema(path).field("input_ids").type.list_size


def _documents(stage: FinishedStage, names: list[int], number: int) -> dict[tuple[int, str], tuple[str, int]]:
    """Shard and row in it of documents by what the rows of a training stage call them, and source.

    Of several with one id the name without a row is of the one that the stage drew most often.
    """
    import numpy as np
    import pyarrow.parquet as pq

    found: dict[tuple[int, str], list[tuple[str, dict[str, Any]]]] = {}
    known = set(names)
    wanted = np.array(sorted(known), np.uint64)
    for shard, path in stage.phase("counted").items():
        table = pq.read_table(path)
        order, row = (np.asarray(table[name]) for name in ("order", "row"))
        own = order ^ (row + np.uint64(1))
        some = np.flatnonzero(np.isin(order, wanted) | np.isin(own, wanted))
        for at, one in zip(some.tolist(), table.take(some).to_pylist(), strict=True):
            for name in known.intersection((int(order[at]), int(own[at]))):
                found.setdefault((name, one["source"]), []).append((shard, one))
    told = {}
    for key, alike in found.items():
        shard, one = _most_drawn(stage, alike, number) if len(alike) > 1 else alike[0]
        told[key] = (shard, one["row"] & (1 << SHARD_BITS) - 1)
    return told


def _most_drawn(
    stage: FinishedStage, found: list[tuple[str, dict[str, Any]]], number: int
) -> tuple[str, dict[str, Any]]:
    from datacurate.core.store import read_parts

    drawn = copies(read_parts(list(stage.phase("allocated").values())), [one for _, one in found])
    times = [each[number][0] + (each[number][1] > 0) for each in drawn]
    return found[times.index(max(times))]


def _ids(run: Finished, places: set[tuple[str, int]]) -> tuple[dict[tuple[str, int], str], list[str]]:
    """The ids of documents by shard and row in it, and why others are not known. Each shard is read once."""
    rows: dict[str, set[int]] = {}
    for shard, row in places:
        rows.setdefault(shard, set()).add(row)
    found: dict[tuple[str, int], str] = {}
    notes, places_of = [], Documents(run)
    for shard, wanted in sorted(rows.items()):
        place, remark = _place(run, places_of, shard)
        try:
            found |= {(shard, row): id for row, id in (place.ids(wanted) if place else {}).items()}
        except (CurateError, OSError) as error:
            remark = f"its documents cannot be read: {error}"
        if remark:
            notes.append(f"ids of shard {shard} are not known: {remark}")
    return found, notes


def _place(run: Finished, documents: Documents, shard: str) -> tuple[Place | None, str]:
    """Where a shard's documents are as they came to the mixture: stored, or in a source that it follows directly."""
    if run.booked and run.booked[-1].name != "read":
        path = run.booked[-1].shards.get(shard)
        gone = f"the documents of {run.booked[-1].label} are not in the store"
        return (Place(shard, path), "") if path is not None and path.exists() else (None, gone)
    return documents.place(len(run.booked), shard)
