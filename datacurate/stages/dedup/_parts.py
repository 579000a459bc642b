"""Stages that find parts of documents a second time and cut them out: lines, paragraphs, spans of sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from datacurate.core.phase import Size, by, each
from datacurate.core.stage import Outcome, Removed, one_array, with_columns
from datacurate.core.types import Count, Positive
from datacurate.stages._columns import wrong_type
from datacurate.stages.dedup import _part_tables, _rows
from datacurate.stages.dedup._part_against import Against
from datacurate.stages.dedup._text_guard import TextDedup, largest

if TYPE_CHECKING:
    import pyarrow as pa

    from datacurate.core.store import Parts


WEIGHT = 1.0
"""A line takes 80 bytes of memory, beside some 120 MB: 300 MB for lines of 58 bytes in 32 MB of files, for a slice."""
BLOOM_WEIGHT = 0.25
"""With a Bloom filter it takes 17 bytes: 260 MB for lines in 128 MB of files."""
_LATEST = _rows.Latest()


def spread(stage: PartDedup, size: Size) -> int:
    """How many slices there are."""
    return stage.slices or _rows.spread(size, WEIGHT if stage.bloom is None else BLOOM_WEIGHT)


def slice_numbers(stage: PartDedup, size: Size) -> list[tuple[int]]:
    """The keys of the slices."""
    return [(number,) for number in range(spread(stage, size))]


class Found(NamedTuple):
    """Parts of a batch: digests uint64[n, 2], the documents they belong to, and their first and last bytes there."""

    digests: np.ndarray
    documents: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


class PartDedup(Against, TextDedup):
    """Base of stages that cut out of documents what others, or the same, say in the same words.

    A subclass says which parts are compared (`found`, and the phase `hashed` with its `uses`) and what is cut out with
    them (`cuts`). Parts are equal when their 128-bit BLAKE2s digests are. Which of equal ones stays depends on ids
    alone: parts are in the order of their documents' ranks, which are digests of ids (and hashes of texts, where ids
    repeat), so that no source, host or file is favoured and it does not matter how documents are spread over files (as
    in TFDS's c4_utils, which takes the address with the least digest).
    """

    version: ClassVar[int] = 6
    rewrites: ClassVar[bool] = True

    scope: Literal["corpus", "group", "document"] = "corpus"
    """Within what parts are compared: all documents, those with the same `group`, or each document by itself."""
    group: str = "source"
    """Column that tells groups apart for `scope: group`, such as source, dump or language."""
    keep: Literal["first", "none"] = "first"
    """Which of equal parts stays: the first (of the document whose id has the least digest), or none of them."""
    min_left: Count = 1
    """Fewest characters, white space aside, of a document that something was cut out of; with fewer it is dropped."""

    bloom: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Share of new parts that may be taken for seen ones: a Bloom filter of this error says what was seen before, and
    takes a quarter of the memory and two thirds of the disk that digests take. What goes is the same for any workers
    and any files. `null`: parts are compared exactly."""
    slices: Positive | None = None
    """Tasks that the comparing is spread over, whatever comes out; one takes 80 bytes of memory for each of its lines,
    with `bloom` 17. `null`: one for every 32 MB of source files, with `bloom` 128 MB."""

    @model_validator(mode="after")
    def _options_fit(self) -> PartDedup:
        if self.bloom is not None and self.keep == "none":
            raise ValueError(
                "bloom: a filter does not know the first copy of a part again; take keep: first, or no bloom"
            )
        if self.against and self.scope == "document":
            raise ValueError("against: with scope: document nothing is compared with other documents; leave one out")
        return self

    def reads_over(self) -> tuple[str, ...]:
        """The text, and the column of groups where there are groups."""
        return tuple(self.reads())

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
        ranks = firsts.ranks(docs["id"], docs["text"])
        first = rows[0] if len(rows) else 0
        return _part_tables.dealt(found, ranks, first, spread(self, size), self.bloom is not None)

    @each(over="against")
    def index(self, docs: pa.Table, dataset: str) -> pa.Table:
        """The digests of the parts of another dataset, with the id of a document that each stands in."""
        found = self.found(docs, *self._scopes(docs, None))
        return _part_tables.index(docs, found.digests, found.documents, dataset)

    def _scopes(self, docs: pa.Table, rows: np.ndarray | None) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Digests of what keeps documents apart, and which of them every document has."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if self.scope == "corpus":
            return None, None
        if self.scope == "document":
            return digests_of(pa.array(np.asarray(rows, np.uint64)).cast(pa.string())), np.arange(docs.num_rows)
        column = one_array(docs[self.group])
        try:
            names = column.cast(pa.large_string())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise wrong_type(self.name(), self.group, "names or numbers of groups", column.type) from error
        coded = one_array(pc.dictionary_encode(names, null_encoding="encode"))
        return digests_of(coded.dictionary), coded.indices.to_numpy()

    @by("slice", keys=slice_numbers, uses=("keep", "slices", "bloom"), shardwise=True, streams=("hashed", "index"))
    def repeats(self, hashed: Parts, slice: int, index: Parts | None = None) -> Iterator[pa.Table]:
        """Every part that goes: document, first and last byte, and the document in which it stands first."""
        yield _part_tables.nothing(self.bloom is not None, index is not None)
        if self.bloom is None:
            yield from _part_tables.exact(hashed, index, self.keep)
        else:
            yield from _part_tables.bloomed(hashed, index, slice, self.bloom)

    @each(uses=())
    def samples(self, docs: pa.Table, rows: np.ndarray, repeats: pa.Table) -> pa.Table:
        """The parts that take most of what goes, for the guard's message."""
        return largest(docs, *self._going(docs, rows, repeats, last=False))

    @each
    def apply(self, docs: pa.Table, rows: np.ndarray, repeats: pa.Table) -> Outcome:
        """The documents without the parts that go, and without those of which too little is left."""
        import pyarrow as pa

        from datacurate.kernels import edit, spans

        at, starts, ends = self._going(docs, rows, repeats, last=True)
        touched = np.flatnonzero(np.diff(at))
        if not len(touched):
            return Outcome(docs)
        text = one_array(docs["text"])
        at, starts, ends = spans.merged(at, starts, ends)
        cuts = pa.LargeListArray.from_arrays(pa.array(2 * at), pa.array(self.cuts(text, at, starts, ends)))
        text = edit.cut(text, cuts)
        keep, removed = _judged(self.left(text, touched), touched, docs.num_rows)
        return Outcome(with_columns(docs, {"text": text}).filter(keep), removed)

    def _going(self, docs: pa.Table, rows: np.ndarray, repeats: pa.Table, last: bool) -> tuple[np.ndarray, ...]:
        """`(at, starts, ends)`: the parts `at[i]:at[i + 1]` of document `i` that go, in order; found once for two."""
        return _LATEST.of((docs, repeats), lambda: _of_batch(repeats, rows), last)

    def left(self, text: Any, touched: np.ndarray) -> dict[str, tuple[np.ndarray, int]]:
        """By rule what is left of the documents that something was cut out of, and the least that must be."""
        from datacurate.kernels import lines
        from datacurate.kernels.arrow import bytes_and_offsets

        characters = lines.characters(*bytes_and_offsets(text), self.min_left)
        return {"too_little_left": (characters[touched], self.min_left)}

    def warm(self) -> None:
        """Compile the kernels, on a document that says everything twice."""
        import pyarrow as pa

        text = "One. Two. Three.\n\nOne. Two. Three.\n\nOne. Two. Three."
        docs = pa.table({"id": ["a"], "text": [text], "source": ["a"], self.group: ["a"]})
        rows = np.zeros(1, np.uint64)
        hashed = self.hashed(docs, rows, Size(0, 1))
        repeats = pa.concat_tables(self.repeats([hashed], 0))
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
    row = _rows.numpy(mine, "row")
    starts, ends = (_rows.numpy(mine, name).astype(np.int64) for name in ("start", "end"))
    document = np.searchsorted(rows, row)
    order = np.argsort(document << 32 | starts)
    at = np.searchsorted(document[order], np.arange(len(rows) + 1))
    return at, starts[order], ends[order]
