"""Stages that find parts of documents a second time and cut them out: lines, paragraphs, spans of sentences."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np

from datacurate.core.phase import Size, by, each
from datacurate.core.stage import Outcome, Removed, one_array, with_columns
from datacurate.core.task import SHARD_BITS
from datacurate.core.types import Count, Positive
from datacurate.stages._columns import wrong_type
from datacurate.stages.dedup import _rows
from datacurate.stages.dedup._text_guard import Latest, TextDedup, largest

if TYPE_CHECKING:
    import pyarrow as pa


WEIGHT = 2.0
"""A line takes 150 to 180 bytes of memory: 170 MB for lines of 58 bytes in 16 MB of files, one slice's share."""


_LATEST = Latest()


def spread(stage: PartDedup, size: Size) -> int:
    """How many slices there are."""
    return stage.slices or _rows.spread(size, WEIGHT)


def slice_numbers(stage: PartDedup, size: Size) -> list[tuple[int]]:
    """The keys of the slices."""
    return [(number,) for number in range(spread(stage, size))]


class Found(NamedTuple):
    """Parts of a batch: digests uint64[n, 2], the documents they belong to, and their first and last bytes there."""

    digests: np.ndarray
    documents: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


class PartDedup(TextDedup):
    """Base of stages that cut out of documents what others, or the same, say in the same words.

    A subclass says which parts are compared (`found`, and the phase `hashed` with its `uses`) and what is cut out with
    them (`cuts`). Parts are equal when their 128-bit BLAKE2s digests are. Which of equal ones stays depends on ids
    alone: parts are in the order of their documents' ranks, which are digests of ids, so that no source, host or file
    is favoured and it does not matter how documents are spread over files (as in TFDS's c4_utils, which takes the
    address with the least digest).
    """

    rewrites: ClassVar[bool] = True

    scope: Literal["corpus", "group", "document"] = "corpus"
    """Within what parts are compared: all documents, those with the same `group`, or each document by itself."""
    group: str = "source"
    """Column that tells groups apart for `scope: group`, such as source, dump or language."""
    keep: Literal["first", "none"] = "first"
    """Which of equal parts stays: the first (of the document whose id has the least digest), or none of them."""
    min_left: Count = 1
    """Fewest characters, white space aside, of a document that something was cut out of; with fewer it is dropped."""

    slices: Positive | None = None
    """Tasks that the comparing is spread over, whatever comes out; one takes up to 180 bytes of memory for each of its
    lines. `null`: one for every 16 MB of source files."""

    def reads(self) -> dict[str, bool]:
        """The text, and the column of groups where there are groups."""
        return super().reads() | ({self.group: True} if self.scope == "group" else {})

    def found(self, docs: pa.Table, salts: np.ndarray | None, which: np.ndarray | None) -> Found:
        """The parts to compare. Documents `i` and `j` are compared when `salts[which[i]]` is `salts[which[j]]`."""
        raise NotImplementedError

    def cuts(self, text: Any, at: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """int32[2 * n]: the bytes to cut out for the places `at[i]:at[i + 1]` of document `i`, which are in order."""
        raise NotImplementedError

    @each
    def hashed(self, docs: pa.Table, rows: np.ndarray, size: Size) -> pa.Table:
        """A row per slice: the records of its parts in this batch, and the batch's first row."""
        from datacurate.kernels import firsts

        found = self.found(docs, *self._scopes(docs, rows))
        ranks = np.ascontiguousarray(digests_of(one_array(docs["id"]))[:, 0])
        dealt = firsts.deal(found.digests, ranks, *found[1:], spread(self, size))
        some = [number for number, records in enumerate(dealt.records) if len(records)]
        lists = {name: [column[number] for number in some] for name, column in dealt._asdict().items()}
        return _rows.table(
            slice=(some, "int32"),
            first=(np.full(len(some), rows[0] if len(rows) else 0, np.uint64), "uint64"),
            **{name: (_rows.as_lists(*flat(column)), "hashes") for name, column in lists.items()},
        )

    def _scopes(self, docs: pa.Table, rows: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Digests of what keeps documents apart, and which of them every document has."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if self.scope == "corpus":
            return None, None
        if self.scope == "document":
            return digests_of(pa.array(np.asarray(rows, np.uint64)).cast(pa.string())), np.arange(len(rows))
        column = one_array(docs[self.group])
        try:
            names = column.cast(pa.large_string())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise wrong_type(self.name(), self.group, "names or numbers of groups", column.type) from error
        coded = one_array(pc.dictionary_encode(names, null_encoding="encode"))
        return digests_of(coded.dictionary), coded.indices.to_numpy()

    @by("slice", keys=slice_numbers, uses=("keep", "slices"), shardwise=True)
    def repeats(self, hashed: pa.Table) -> pa.Table:
        """Every part that goes: document, first and last byte, and the document in which it stands first."""
        from datacurate.kernels import firsts

        values, bounds = _rows.lists(hashed, "records")
        blocks = [values[a:b] for a, b in pairwise(bounds)]
        found = firsts.gathered(blocks, _rows.lists(hashed, "ranks")[0], _rows.lists(hashed, "long")[0])
        row = found.document + np.repeat(_rows.numpy(hashed, "first"), np.diff(bounds) // firsts.FIELDS)
        leader, alone = firsts.firsts(found.high, found.low, found.rank, row, found.start)
        goes = ~alone if self.keep == "none" else leader != np.arange(len(leader))
        row, survivor, start = row[goes], row[leader[goes]], found.start[goes]
        return _rows.table(
            shard=(row >> np.uint64(SHARD_BITS), "int32"),
            row=(row, "uint64"),
            start=(start, "int64"),
            end=(start + found.length[goes], "int64"),
            survivor=(survivor, "uint64"),
        )

    @each(uses=())
    def samples(self, docs: pa.Table, rows: np.ndarray, repeats: pa.Table) -> pa.Table:
        """The parts that take most of what goes, for the guard's message."""
        return largest(docs, *self._going(docs, rows, repeats))

    @each
    def apply(self, docs: pa.Table, rows: np.ndarray, repeats: pa.Table) -> Outcome:
        """The documents without the parts that go, and without those of which too little is left."""
        import pyarrow as pa

        from datacurate.kernels import edit, spans

        at, starts, ends = self._going(docs, rows, repeats)
        touched = np.flatnonzero(np.diff(at))
        if not len(touched):
            return Outcome(docs)
        text = one_array(docs["text"])
        at, starts, ends = spans.merged(at, starts, ends)
        cuts = pa.LargeListArray.from_arrays(pa.array(2 * at), pa.array(self.cuts(text, at, starts, ends)))
        text = edit.cut(text, cuts)
        keep, removed = _judged(self.left(text.take(touched)), touched, docs.num_rows)
        return Outcome(with_columns(docs, {"text": text}).filter(keep), removed)

    def _going(self, docs: pa.Table, rows: np.ndarray, repeats: pa.Table) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`(at, starts, ends)`: the parts `at[i]:at[i + 1]` of document `i` that go, in order; found once for two."""
        return _LATEST.of((docs, repeats), lambda: _of_batch(repeats, rows))

    def left(self, text: Any) -> dict[str, tuple[np.ndarray, int]]:
        """By rule what is left of documents that something was cut out of, and the least that must be."""
        from datacurate.kernels import lines
        from datacurate.kernels.arrow import bytes_and_offsets

        return {"too_little_left": (lines.characters(*bytes_and_offsets(text), self.min_left), self.min_left)}

    def warm(self) -> None:
        """Compile the kernels, on a document that says everything twice."""
        import pyarrow as pa

        text = "One. Two. Three.\n\nOne. Two. Three.\n\nOne. Two. Three."
        docs = pa.table({"id": ["a"], "text": [text], "source": ["a"], self.group: ["a"]})
        rows = np.zeros(1, np.uint64)
        repeats = self.repeats(self.hashed(docs, rows, Size(0, 1)))
        self.samples(docs, rows, repeats)
        self.apply(docs, rows, repeats)


def digests_of(column: Any) -> np.ndarray:
    """uint64[n, 2]: the digests of strings."""
    from datacurate.kernels import blake2s
    from datacurate.kernels.arrow import bytes_and_offsets

    data, offsets = bytes_and_offsets(column)
    return blake2s.digests(data, offsets[:-1], offsets[1:])


def flat(arrays: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Arrays end to end, and where each begins and the last ends."""
    return np.concatenate([*arrays, np.empty(0, np.uint64)]), np.cumsum([0, *map(len, arrays)])


def _judged(left: dict[str, tuple[np.ndarray, int]], touched: np.ndarray, count: int) -> tuple[Any, list[Removed]]:
    """Which of `count` documents are kept, and the others, each under the first rule that it fails."""
    import pyarrow as pa

    rules, (values, bounds) = list(left), zip(*left.values(), strict=True)
    short = np.stack([value < bound for value, bound in left.values()])
    gone = np.flatnonzero(short.any(axis=0))
    rule = short[:, gone].argmax(axis=0)
    keep = np.ones(count, bool)
    keep[touched[gone]] = False
    failed = [[rules[k] for k in np.flatnonzero(short[:, one])] for one in gone]
    value, bound = np.stack(values)[rule, gone], np.array(bounds)[rule]
    return pa.array(keep), [Removed(touched[gone], "dropped", [rules[k] for k in rule], failed, value, bound)]


def _of_batch(repeats: pa.Table, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`(at, starts, ends)`: the parts `at[i]:at[i + 1]` of row `i` of the batch, in order."""
    rows = np.asarray(rows, dtype=np.uint64)
    mine = _rows.between(repeats, rows[0], rows[-1]) if len(rows) else repeats.slice(0, 0)
    row, starts, ends = (_rows.numpy(mine, name) for name in ("row", "start", "end"))
    document = np.searchsorted(rows, row)
    order = np.argsort(document << 32 | starts)
    at = np.searchsorted(document[order], np.arange(len(rows) + 1))
    return at, starts[order], ends[order]
