"""What `substring` knows of other datasets: their anchors, their texts, and which of our windows stand there.

An index holds all texts, so that it needs no others and can be extended. Which of them matter is known only when ours
are: `met` keeps the anchors that both have, `theirs` asks for the blocks of these that digests do not settle, `said`
takes them out of the texts, and `known` compares, piece by piece.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2s
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from datacurate.core.errors import InputError
from datacurate.core.stage import one_array
from datacurate.stages.dedup import _index, _rows, _substring

if TYPE_CHECKING:
    import pyarrow as pa

    from datacurate.core.store import Parts
    from datacurate.kernels.winnow_known import Anchors, Blocks, Copies
    from datacurate.kernels.winnow_match import Classes, Members

TEXTS = 64
"""What an index lays texts out by; a run reads those that have a block which it asks for."""
FIELDS = 8
_ANCHOR, _HIGH, _LOW, _ORDER, _AT, _PLACE, _FIRST, _SECOND = range(FIELDS)
"""Of an anchor in another dataset: the fields of `kernels.winnow_records`, then the digest of its batch."""
HELD = 8 << 20
"""Bytes of records, of requests or of contexts that are looked at together."""
_prints, _orders = _rows.Latest(), _rows.Latest()


def pieces(slices: int) -> int:
    """How many tasks texts of other datasets are spread over."""
    return min(slices, TEXTS)


def orders(docs: pa.Table, dataset: str, last: bool) -> np.ndarray:
    """Which documents of other datasets come first, wherever they lie."""
    import pyarrow as pa

    from datacurate.kernels import firsts

    def found() -> np.ndarray:
        names = pa.repeat(pa.scalar(dataset, pa.large_string()), docs.num_rows)
        return firsts.ranks(_index.named(docs["id"], names), docs["text"])

    return _orders.of((docs,), found, last)


def print_of(docs: pa.Table, last: bool) -> tuple[np.uint64, np.uint64]:
    """A digest of the texts of a batch: one that is equal has the same text at every place."""
    from datacurate.kernels import blake2s as kernel
    from datacurate.kernels.arrow import bytes_and_offsets

    def found() -> tuple[np.uint64, np.uint64]:
        data, offsets = bytes_and_offsets(one_array(docs["text"]))
        each = kernel.digests(data, offsets[:-1], offsets[1:])
        one, two = np.frombuffer(blake2s(each.tobytes(), digest_size=16).digest(), np.uint64)
        return one, two

    return _prints.of((docs,), found, last)


def index(docs: pa.Table, dataset: str, least: int, tokens: bool) -> pa.Table:
    """A row per slice of the index: the anchors of a batch that belong to it, and the digest of the batch."""
    from datacurate.kernels import winnow, winnow_records

    found = winnow.anchors(one_array(docs["text"]), least, tokens)
    records = winnow_records.packed(found, orders(docs, dataset, last=False))
    slices = _index.slice_of(found[:, winnow.ANCHOR])
    laid, bounds = winnow_records.deal(records, slices, _index.SLICES)
    some = np.flatnonzero(np.diff(bounds))
    offsets = records.shape[1] * np.append(bounds[some], bounds[-1])
    high, low = print_of(docs, last=False)
    return _rows.table(
        slice=(some, "int32"),
        high=(np.full(len(some), high, np.uint64), "uint64"),
        low=(np.full(len(some), low, np.uint64), "uint64"),
        records=(_rows.as_lists(laid, offsets), "hashes"),
    )


def texts(docs: pa.Table) -> pa.Table:
    """The texts of a batch, by its digest and their places in it."""
    high, low = print_of(docs, last=True)
    count = docs.num_rows
    return _rows.table(
        piece=(np.full(count, low % np.uint64(TEXTS)), "int32"),
        high=(np.full(count, high, np.uint64), "uint64"),
        low=(np.full(count, low, np.uint64), "uint64"),
        number=(np.arange(count), "uint64"),
        text=(docs["text"], "large_string"),
    )


def others(docs: pa.Table, dataset: str) -> pa.Table:
    """Names of documents of another dataset, by their order."""
    order = orders(docs, dataset, last=True)
    return _rows.table(
        named=(_index.slice_of(order), "int32"),
        order=(order, "uint64"),
        id=(docs["id"], "large_string"),
        dataset=(np.repeat(dataset, docs.num_rows), "large_string"),
    )


def met(anchors: pa.Table, index: Parts, number: int) -> Iterator[pa.Table]:
    """The records of other datasets whose anchor one of ours has; of equal blocks mostly one."""
    from datacurate.kernels import winnow_known, winnow_records

    records, slices = _substring.held(anchors)
    yield _met(number, [])
    if not len(records):
        return
    own = winnow_known.set_of(records[:: winnow_records.FIELDS])
    step = int(np.gcd(slices, _index.SLICES))
    kept = np.zeros((0, FIELDS), np.uint64)
    for piece in index.only([(key,) for key in range(number % step, _index.SLICES, step)]):
        kept = np.concatenate([kept, _meeting(piece, own)])
        kept = _different(kept) if kept.nbytes > HELD else kept
        if kept.nbytes > HELD // 2:
            yield _met(number, [kept])
            kept = kept[:0]
    yield _met(number, [_different(kept)])


def _different(records: np.ndarray) -> np.ndarray:
    """Of records with equal blocks the first."""
    from datacurate.kernels import firsts

    high, low, order, place = (np.ascontiguousarray(records[:, k]) for k in (_HIGH, _LOW, _ORDER, _PLACE))
    leader, _ = firsts.firsts(high, low, order, place, np.zeros(len(records), np.uint64))
    return records[leader == np.arange(len(leader))]


def _met(number: int, kept: list[np.ndarray]) -> pa.Table:
    ends = np.cumsum([0, *(records.size for records in kept)])
    flat = np.concatenate([*(records.reshape(-1) for records in kept), np.zeros(0, np.uint64)])
    return _rows.table(slice=([number] * len(kept), "int32"), records=(_rows.as_lists(flat, ends), "hashes"))


def _meeting(piece: pa.Table, own: Anchors) -> np.ndarray:
    """The records of a piece of an index that meet ours, with the digests of their batches."""
    from datacurate.kernels import winnow_known, winnow_records

    records, ends = _rows.lists(piece, "records")
    some = winnow_known.meeting(records, own)
    row = np.searchsorted(ends[1:] // winnow_records.FIELDS, some, side="right")
    prints = (_rows.numpy(piece, name)[row][:, None] for name in ("high", "low"))
    return np.hstack([records.reshape(-1, winnow_records.FIELDS)[some], *prints])


def _records(met: Iterable[pa.Table]) -> Iterator[np.ndarray]:
    """The records of `met`, piece by piece."""
    for piece in met:
        records, ends = _rows.lists(piece, "records")
        for low, high in pairwise(ends.tolist()):
            yield records[low:high].reshape(-1, FIELDS)


class Facing(NamedTuple):
    """Our blocks whose anchor other datasets have: every group's anchor, in the order of `sorter`; the first record of
    every class; and for those that stand there as a whole the order of the first document and the place in it."""

    classes: Classes
    members: Members
    anchors: np.ndarray
    sorter: np.ndarray
    heads: np.ndarray
    copies: Copies

    def groups(self, anchors: np.ndarray) -> np.ndarray:
        """The groups of some anchors, all of which we have."""
        return self.sorter[np.searchsorted(self.anchors, anchors, sorter=self.sorter)]

    def open(self) -> np.ndarray:
        """The classes of which no copy stands there as a whole."""
        from datacurate.kernels.winnow_known import NONE

        return np.flatnonzero(self.copies.there == NONE)


def facing(anchors: pa.Table, met: Parts) -> Facing:
    """What of ours has to do with other datasets, and what digests say of it."""
    from datacurate.kernels import winnow_known, winnow_records

    records, bases, _ = _substring.with_bases(anchors)
    shared = np.zeros(0, np.uint64)
    for some in _records(met):
        shared = winnow_known.distinct(np.concatenate([shared, some[:, _ANCHOR]]))
    which = winnow_known.meeting(records, winnow_known.set_of(shared))
    mine = records.reshape(-1, winnow_records.FIELDS)[which]
    classes, members, _, heads = winnow_records.grouped(mine.reshape(-1), bases[which], 1)
    first = mine[heads]
    whole = winnow_known.Whole(first[:, _HIGH].copy(), first[:, _LOW].copy())
    for some in _records(met):
        high, low, order = (some[:, k].copy() for k in (_HIGH, _LOW, _ORDER))
        whole.meet(high, low, order, some[:, _PLACE] >> np.uint64(32))
    own = first[np.flatnonzero(np.diff(classes.groups, prepend=-1)), _ANCHOR]
    return Facing(classes, members, own, np.argsort(own), which[heads], whole.copies)


def numbered(near: Facing, found: _substring.Grouped) -> np.ndarray:
    """The number of the context of every class that is open, -1 of others; those of `found` keep theirs."""
    count = int((found.numbers >= 0).sum())
    numbers, open_ = np.full(len(near.heads), -1), near.open()
    by = np.argsort(found.heads)
    at = np.searchsorted(found.heads, near.heads[open_], sorter=by)
    at = by[np.minimum(at, len(by) - 1)] if len(by) else np.zeros(len(open_), np.int64)
    same = found.heads[at] == near.heads[open_] if len(by) else np.zeros(len(open_), bool)
    own = np.full(len(open_), -1)
    own[same] = found.numbers[at[same]]
    own[own < 0] = count + np.arange((own < 0).sum())
    numbers[open_] = own
    return numbers


def theirs(anchors: pa.Table, met: Parts, number: int) -> Iterator[pa.Table]:
    """The blocks of other datasets that must be compared with ours, by the piece of the texts that has them."""
    near = facing(anchors, met)
    slices = _substring.held(anchors)[1]
    wanted = np.zeros(len(near.anchors), bool)
    wanted[near.classes.groups[near.open()]] = True
    yield _asked(np.zeros((0, FIELDS), np.uint64), np.zeros(0, np.int64), number, slices)
    for some in _records(met):
        group = near.groups(some[:, _ANCHOR])
        yield _asked(some[wanted[group]], group[wanted[group]], number, slices)


def _asked(records: np.ndarray, groups: np.ndarray, number: int, slices: int) -> pa.Table:
    piece = records[:, _SECOND] % np.uint64(TEXTS) % np.uint64(pieces(slices))
    return _rows.table(
        piece=(piece, "int32"),
        slice=(np.full(len(records), number), "int32"),
        group=(groups, "int32"),
        order=(records[:, _ORDER], "uint64"),
        place=(records[:, _PLACE], "uint64"),
        at=(records[:, _AT], "uint64"),
        high=(records[:, _FIRST], "uint64"),
        low=(records[:, _SECOND], "uint64"),
    )


def gathered(tables: Iterable[pa.Table], most: int = HELD) -> Iterator[pa.Table]:
    """Tables joined until they have so many bytes."""
    import pyarrow as pa

    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(one.nbytes for one in held) >= most:
            yield pa.concat_tables(held).combine_chunks()
            held = []
    if sum(one.num_rows for one in held):
        yield pa.concat_tables(held).combine_chunks()


def said(theirs: Iterable[pa.Table], texts: Parts, least: int, tokens: bool) -> Iterator[pa.Table]:
    """What stands in the blocks that are asked for. Requests are gone through HELD bytes at a time, texts each time."""
    yield _said(None, [])
    for requests in gathered(theirs):
        document, place = (_rows.numpy(requests, name) >> np.uint64(32) for name in ("at", "place"))
        high, low = (_rows.numpy(requests, name) for name in ("high", "low"))
        mixed = high + document  # documents of one batch are told apart at once
        order = np.lexsort((place, document, low, high, mixed))
        requests = requests.take(order)
        columns = [column[order] for column in (mixed, high, low, document)]
        new = np.any([np.diff(column, prepend=column[:1] + np.uint64(1)) != 0 for column in columns], axis=0)
        bounds = np.append(np.flatnonzero(new), len(order))
        distinct = [column[bounds[:-1]] for column in columns]
        missing = np.ones(len(distinct[0]), bool)
        keys = [(int(key),) for key in np.unique(low % np.uint64(TEXTS))]
        for part in texts.only(keys):
            there = [_rows.numpy(part, name) for name in ("high", "low", "number")]
            places, hits = _index.positions(distinct, [there[0] + there[2], *there])
            places, once = np.unique(places, return_index=True)
            some = missing[places]
            missing[places] = False
            places, hits = places[some], hits[once][some]
            yield from _of_texts(requests, bounds, places, one_array(part["text"]).take(hits), least, tokens)
        if missing.any():
            raise InputError("substring: against: an index lacks texts of its own anchors. Make it again.")


def _of_texts(
    requests: pa.Table, bounds: np.ndarray, places: np.ndarray, text: pa.Array, least: int, tokens: bool
) -> Iterator[pa.Table]:
    """The blocks that are asked for of some documents, which are numbered `places` among those asked for."""
    from datacurate.kernels import winnow
    from datacurate.kernels.winnow_tokens import Wanted

    counts = np.diff(bounds)[places]
    rows = np.repeat(bounds[places] - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
    document = np.repeat(np.arange(len(places)), counts)
    mine = requests.take(rows)
    place, at = (_rows.numpy(mine, name) for name in ("place", "at"))
    start, windows = (place >> np.uint64(32)).astype(np.int64), (place & np.uint64(0xFFFF)).astype(np.int64)
    byte = (at & np.uint64(0xFFFFFFFF)).astype(np.int64)
    if len(rows):
        yield _said(mine, winnow.contexts(text, Wanted(document, start, windows + least - 1, start, byte), tokens))


def _said(requests: pa.Table | None, contexts: pa.Array | list) -> pa.Table:
    columns = {"slice": "int32", "group": "int32", "order": "uint64", "place": "uint64"}
    given = {name: ([] if requests is None else requests[name], kind) for name, kind in columns.items()}
    return _rows.table(**given, context=(contexts, "large_binary"))


def known(
    anchors: pa.Table, met: Parts, contexts: pa.Table, said: Iterable[pa.Table], length: int, tokens: bool
) -> np.ndarray:
    """The symbols of ours that stand in other datasets, see `winnow_match.spans`."""
    from datacurate.kernels import winnow_known

    near = facing(anchors, met)
    found, _ = _substring.grouped(anchors)
    numbers = numbered(near, found)
    counts = np.where(numbers >= 0, near.classes.windows, 1)
    flats = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    copies = winnow_known.Copies.none(int(flats[-1]))
    whole = np.flatnonzero(numbers < 0)
    copies.improve(flats[whole], near.copies.orders[whole], near.copies.there[whole])
    by = np.argsort(_rows.numpy(contexts, "number"))
    context = one_array(contexts["context"].take(by))  # numbered from 0 on, without a gap
    for some in gathered(said, 2 * HELD):
        theirs = _blocks(some)
        here = np.flatnonzero((numbers >= 0) & np.isin(near.classes.groups, theirs.groups))
        classes = (near.classes.groups[here], near.classes.windows[here], near.classes.leads[here])
        ours = winnow_known.Blocks(*classes, context.take(numbers[here]))
        start = _rows.numpy(some, "place") >> np.uint64(32)
        order = _rows.numpy(some, "order")
        windows, orders_, there = winnow_known.compare(ours, theirs, order, start.astype(np.int64), length, tokens)
        begins = np.cumsum(counts[here]) - counts[here]
        owner = np.searchsorted(begins, windows, side="right") - 1
        copies.improve(flats[here][owner] + windows - begins[owner], orders_, there)
    return winnow_known.spans(near.classes, near.members, flats, copies, length)


def _blocks(said: pa.Table) -> Blocks:
    from datacurate.kernels.winnow_known import Blocks

    place = _rows.numpy(said, "place")
    lead, windows = ((place >> np.uint64(16)) & np.uint64(0xFFFF), place & np.uint64(0xFFFF))
    groups = _rows.numpy(said, "group").astype(np.int64)
    return Blocks(groups, windows.astype(np.int64), lead.astype(np.int64), one_array(said["context"]))


def named(joined: pa.Table, own: pa.Array, others: Parts) -> pa.Array:
    """The ids in `own`, and where a piece stands in another dataset the name of the document there."""
    import pyarrow as pa
    import pyarrow.compute as pc

    there = np.flatnonzero(_rows.numpy(joined, "elsewhere"))
    places, names = _index.known(_rows.table(order=(joined["survivor"].take(there), "uint64")), ("order",), others)
    if len(places) < len(there):
        raise InputError("substring: against: an index lacks names of its own documents. Make it again.")
    which = np.full(joined.num_rows, -1)
    which[there[places]] = np.arange(len(places))
    found = one_array(names).cast(pa.large_string()).take(pa.array(which, mask=which < 0))
    return pc.coalesce(found, own)
