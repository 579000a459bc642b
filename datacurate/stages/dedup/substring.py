"""Spans of text that stand in more than one place, word for word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from datacurate.core.phase import Size, by, each
from datacurate.core.stage import Outcome, Removed, one_array, with_columns
from datacurate.core.types import Count, Positive
from datacurate.stages.dedup import _rows, _substring
from datacurate.stages.dedup import _substring_against as _against
from datacurate.stages.dedup._part_against import Against
from datacurate.stages.dedup._text_guard import TextDedup, largest

if TYPE_CHECKING:
    import pyarrow as pa

    from datacurate.core.store import Parts

SYMBOLS = ("unit", "min_length")
"""The fields that anchors depend on."""
PLACES = ("unit", "whole_lines", "mode")
"""The fields that say which bytes go with the symbols that are repeats."""


def spread(stage: Substring, size: Size) -> int:
    """How many slices there are, of anchors, of documents and of names."""
    return stage.slices or _rows.spread(size, _substring.WEIGHT[stage.unit])


def slice_numbers(stage: Substring, size: Size) -> list[tuple[int]]:
    """The keys of the slices."""
    return [(number,) for number in range(spread(stage, size))]


def piece_numbers(stage: Substring, size: Size) -> list[tuple[int]]:
    """The keys of the tasks that texts of other datasets are spread over."""
    return [(number,) for number in range(_against.pieces(spread(stage, size)))]


class Substring(Against, TextDedup):
    """Take out spans that an earlier document, or an earlier place of the document, has too.

    Every run of `min_length` tokens (or bytes) that stands earlier already is removed, exactly: no more, no less. The
    order of documents is that of a hash of their ids, whatever shards they are in. Within one document the earlier
    place must end before the later one begins. No suffix array is built: fingerprints chosen by winnowing (Schleimer,
    Wilkerson and Aiken 2003) say where equal runs can be, 128-bit digests and comparing bytes whether they are.
    Removing repeated spans of 50 tokens is from Lee et al. 2021 (arXiv:2107.06499), section 4.1.
    """

    version: ClassVar[int] = 5
    rewrites: ClassVar[bool] = True

    min_length: Annotated[int, Field(ge=2, le=10_000)] = 50
    """Tokens or bytes in a row that must be the same. Lee et al. use 50 tokens of BPE, text-dedup 100 bytes."""

    unit: Literal["tokens", "bytes"] = "tokens"
    """What is counted and compared. Tokens are words, numbers, marks and ideographs as the filters count them; white
    space between them does not matter. Bytes are compared as they stand; no character is ever cut in two."""

    mode: Literal["keep_first", "remove_all", "mask"] = "keep_first"
    """keep_first leaves the first copy of a span. remove_all takes out that one, too, as Lee et al.'s code does. mask
    puts `mark` in the place of what keep_first would remove."""

    mark: str = "[…]"
    """What `mask` puts in the place of a span."""

    whole_lines: bool = False
    """Whether only whole lines are taken out: spans shrink to the lines that lie in them."""

    min_left: Count = 20
    """Least characters that must be left of a document that something was taken out of; with fewer it is dropped.
    20 are what RefinedWeb asks for where it cuts spans out (Penedo et al. 2023, arXiv:2306.01116, ExactSubstr-Cut)."""

    slices: Positive | None = None
    """Tasks that the comparing is spread over, whatever comes out. `null`: one for every 8 MB of source files at most,
    or 4 MB if bytes are compared; one took 60 MB of memory, or 200 MB."""

    @each(uses=(*SYMBOLS, "slices"))
    def anchors(self, docs: pa.Table, rows: np.ndarray, size: Size) -> pa.Table:
        """A row per slice: the anchors of this batch's windows that belong to it, with the digests of their blocks."""
        from datacurate.kernels import winnow, winnow_records

        text, slices = one_array(docs["text"]), spread(self, size)
        found = winnow.anchors(text, self.min_length, self.unit == "tokens")
        records = winnow_records.packed(found, _substring.orders(docs, last=False))
        first = rows[0] if len(rows) else 0
        return _substring.dealt("slice", records, found[:, winnow.ANCHOR] % np.uint64(slices), slices, first)

    @each(uses=("unit", "slices"))
    def names(self, docs: pa.Table, size: Size) -> pa.Table:
        """The ids of all documents, by their order."""
        order = _substring.orders(docs, last=True)
        return _rows.table(
            named=(order % np.uint64(spread(self, size)), "int32"),
            order=(order, "uint64"),
            id=(docs["id"], "large_string"),
        )

    @each(over="against", uses=SYMBOLS)
    def index(self, docs: pa.Table, dataset: str) -> pa.Table:
        """A row per slice of the index: the anchors of another dataset's windows."""
        return _against.index(docs, dataset, self.min_length, self.unit == "tokens")

    @each(over="against", uses=())
    def texts(self, docs: pa.Table) -> pa.Table:
        """The texts of another dataset, of which the blocks are read that must be compared."""
        return _against.texts(docs)

    @each(over="against", uses=())
    def others(self, docs: pa.Table, dataset: str) -> pa.Table:
        """The ids of another dataset's documents, by their order."""
        return _against.others(docs, dataset)

    @by("slice", keys=slice_numbers, uses=("unit", "slices"), streams=("index",))
    def met(self, anchors: pa.Table, index: Parts, slice: int) -> Iterator[pa.Table]:
        """The anchors of other datasets that are ours, too."""
        yield from _against.met(anchors, index, slice)

    @by("slice", keys=slice_numbers, uses=("unit", "slices"), shardwise=True, streams=("met",))
    def contested(self, anchors: pa.Table, slice: int, met: Parts | None = None) -> pa.Table:
        """Of blocks that share an anchor and differ, where each kind occurs first: these must be compared. Then those
        that share one with blocks of other datasets, none of which is the same."""
        import pyarrow as pa

        found, _ = _substring.grouped(anchors)
        wanted = np.flatnonzero(found.numbers >= 0)
        table = _rows.table(**_substring.asked(slice, *found[:3], wanted))
        if met is None:
            return table
        near = _against.facing(anchors, met)
        numbers = _against.numbered(near, found)
        more = np.flatnonzero(numbers >= len(wanted))
        return pa.concat_tables([table, _rows.table(**_substring.asked(slice, *near[:2], numbers, more))])

    @each(uses=SYMBOLS)
    def contexts(self, docs: pa.Table, rows: np.ndarray, contested: pa.Table) -> pa.Table:
        """The text of contested blocks."""
        from datacurate.kernels import winnow
        from datacurate.kernels.winnow_tokens import Wanted

        index, columns = _substring.mine(rows, contested, "slice", "number", "start", "windows", "byte")
        slice, number, *numbers = (column.to_numpy() for column in columns)
        start, windows, byte = (column.astype(np.int64) for column in numbers)
        some, doc = np.unique(index, return_inverse=True)
        text = one_array(docs["text"].take(some))
        wanted = Wanted(doc, start, windows + self.min_length - 1, start, byte)
        said = winnow.contexts(text, wanted, self.unit == "tokens")
        return _rows.table(slice=(slice, "int32"), number=(number, "int32"), context=(said, "large_binary"))

    @by("slice", keys=slice_numbers, uses=("unit", "slices"), streams=("met",))
    def theirs(self, anchors: pa.Table, met: Parts, slice: int) -> Iterator[pa.Table]:
        """The blocks of other datasets that must be compared with ours."""
        yield from _against.theirs(anchors, met, slice)

    @by("piece", keys=piece_numbers, uses=SYMBOLS, streams=("theirs", "texts"))
    def said(self, theirs: Parts, texts: Parts) -> Iterator[pa.Table]:
        """The text of these blocks."""
        yield from _against.said(theirs, texts, self.min_length, self.unit == "tokens")

    @by("slice", keys=slice_numbers, uses=(*SYMBOLS, "slices"), streams=("met", "said"))
    def known(self, anchors: pa.Table, met: Parts, contexts: pa.Table, said: Parts) -> pa.Table:
        """The symbols that stand in other datasets, from every anchor."""
        made = _against.known(anchors, met, contexts, said, self.min_length, self.unit == "tokens")
        slices = _substring.held(anchors)[1]
        return _substring.dealt("part", made, _substring.part_of(made[:, 0], slices), slices)

    @by("slice", keys=slice_numbers, uses=(*SYMBOLS, "slices", "mode"))
    def spans(self, anchors: pa.Table, contexts: pa.Table) -> pa.Table:
        """The symbols that repeats cover, from every anchor."""
        from datacurate.kernels import winnow_match
        from datacurate.kernels.arrow import bytes_and_offsets

        found, slices = _substring.grouped(anchors)
        wanted = found.numbers >= 0
        order = np.argsort(_rows.numpy(contexts, "number"))[: wanted.sum()]
        data, offsets = bytes_and_offsets(contexts["context"].take(order))
        ends = np.zeros(len(wanted), np.int64)
        ends[wanted] = np.diff(offsets)
        offsets = np.concatenate([[0], np.cumsum(ends)]) + offsets[0]
        shape = (data, offsets, wanted, found.classes, self.min_length, self.unit == "tokens")
        firsts = winnow_match.first_windows(*shape)
        everything = self.mode == "remove_all"
        made = winnow_match.spans(firsts, found.classes, found.members, self.min_length, everything)
        return _substring.dealt("part", made, _substring.part_of(made[:, 0], slices), slices)

    @by("part", keys=slice_numbers, uses=("unit", "slices"))
    def joined(self, spans: pa.Table, known: pa.Table | None = None) -> pa.Table:
        """The repeats of every document, joined to as few pieces as there can be."""
        from datacurate.kernels import winnow_match, winnow_spans

        records, slices = _substring.held(spans)
        more: dict[str, Any] = {}
        if known is not None:
            elsewhere, others = _substring.held(known)
            records, slices = np.concatenate([records, elsewhere]), max(slices, others)
        columns = winnow_spans.cover(records.reshape(-1, winnow_match.SPAN)).T
        if known is not None:
            more["elsewhere"] = (columns[winnow_spans.THERE] >= winnow_match.ELSEWHERE, "bool_")
        return _rows.table(
            named=(columns[winnow_spans.SURVIVOR] % np.uint64(slices), "int32"),
            row=(columns[winnow_spans.ROW], "uint64"),
            start=(columns[winnow_spans.START], "int32"),
            end=(columns[winnow_spans.END], "int32"),
            survivor=(columns[winnow_spans.SURVIVOR], "uint64"),
            head=(columns[winnow_spans.HEAD], "uint64"),
            tail=(columns[winnow_spans.TAIL], "uint64"),
            **more,
        )

    @by("named", keys=slice_numbers, uses=("unit", "slices"), shardwise=True, streams=("others",))
    def cuts(self, joined: pa.Table, names: pa.Table, others: Parts | None = None) -> pa.Table:
        """The same with the id of the document that the piece stands in, too."""
        known = None if others is None else _rows.numpy(joined, "elsewhere")
        survivors = _substring.ids(names, _rows.numpy(joined, "survivor"), known)
        if others is not None:
            survivors = _against.named(joined, survivors, others)
        return _rows.table(
            shard=(_substring.shard_of(_rows.numpy(joined, "row")), "int32"),
            row=(joined["row"], "uint64"),
            start=(joined["start"], "int32"),
            end=(joined["end"], "int32"),
            survivor=(survivors, "large_string"),
            head=(joined["head"], "uint64"),
            tail=(joined["tail"], "uint64"),
        )

    def _how(self) -> tuple[bool, bool, bool]:
        return self.unit == "tokens", self.whole_lines, self.mode != "mask"

    @each(uses=PLACES)
    def removed(self, docs: pa.Table, rows: np.ndarray, cuts: pa.Table) -> pa.Table:
        """The evidence: bytes of texts that are taken out, and the id of a document that has them, too."""
        found = _substring.places(docs, rows, cuts, self._how(), last=False)
        return _rows.table(
            row=(np.asarray(rows, np.uint64)[found.docs], "uint64"),
            start=(found.starts, "int32"),
            end=(found.ends, "int32"),
            survivor=(found.survivors, "large_string"),
        )

    @each(uses=PLACES)
    def samples(self, docs: pa.Table, rows: np.ndarray, cuts: pa.Table) -> pa.Table:
        """The spans that take most of what goes, for the guard's message."""
        found = _substring.places(docs, rows, cuts, self._how(), last=False)
        at = np.searchsorted(found.docs, np.arange(docs.num_rows + 1)).astype(np.int64)
        return largest(docs, at, found.starts, found.ends)

    @each
    def apply(self, docs: pa.Table, rows: np.ndarray, cuts: pa.Table) -> Outcome:
        """The documents without the spans."""
        from datacurate.kernels.text import characters

        found = _substring.places(docs, rows, cuts, self._how(), last=True)
        touched = np.unique(found.docs)
        if not len(touched):
            return Outcome(docs)
        text = one_array(docs["text"])
        rest = _substring.without(text, found)
        left = characters(rest.take(touched))
        went = _substring.masked(text, found, self.mark) if self.mode == "mask" else rest
        docs = with_columns(docs, {"text": went})
        few = left < self.min_left
        if not few.any():
            return Outcome(docs)
        keep = np.ones(docs.num_rows, bool)
        keep[touched[few]] = False
        gone = Removed(
            index=touched[few],
            fate="dropped",
            rule="too_little_left",
            value=left[few],
            bound=np.full(few.sum(), self.min_left),
            survivor=_substring.most_of(touched[few], found),
        )
        return Outcome(docs.filter(keep), [gone])

    def warm(self) -> None:
        """Compile the kernels."""
        from datacurate.kernels import winnow, winnow_known, winnow_match, winnow_records, winnow_spans

        winnow_known.warm()
        winnow_records.warm()
        winnow.warm(self.unit == "tokens")
        winnow_match.warm()
        winnow_spans.warm(self.unit == "tokens")
