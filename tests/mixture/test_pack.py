from __future__ import annotations

from itertools import pairwise

import numpy as np
import oracle_packing as oracle
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacurate.mixture import draw, pack, receipts
from datacurate.mixture.layout import lay_out

documents = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 3)), max_size=12)
PACKINGS = ("concatenate", "best_fit", "document")


def counted(table: pa.Table) -> list[dict]:
    """What rows hold by source, as the receipt counts it."""
    return receipts.written(table, 0, np.zeros(0, np.int32)).to_pylist()


ways = st.sampled_from([(p, c) for p in PACKINGS for c in (False, True) if p == "document" or not c])


def laid_out(documents) -> pack.Stretches:
    sizes = np.array([d[0] for d in documents], np.int64)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    names = np.array([2**63 + i for i in range(len(documents))], np.uint64)
    sources = np.array([d[1] for d in documents], np.int32)
    return pack.whole(np.arange(1, offsets[-1] + 1, dtype=np.int32), offsets, sources, names)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 40), max_size=30), st.integers(1, 17), ways)
def test_layouts_equal_their_twins(sizes, capacity, way):
    made = lay_out(np.array(sizes, np.int64), capacity, *way)
    pieces = list(zip(made.document.tolist(), made.begin.tolist(), made.size.tolist(), strict=True))
    rows = [pieces[a:b] for a, b in zip(made.offsets[:-1], made.offsets[1:], strict=True)]
    assert rows == oracle.lay_out(sizes, capacity, *way)
    assert made.length.tolist() == [sum(p[2] for p in row) for row in rows]
    assert made.start.tolist() == [sum(p[2] for p in row[:i]) for row in rows for i in range(len(row))]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=30), st.integers(1, 17), ways)
def test_no_token_is_lost_or_doubled_but_what_is_cropped(sizes, capacity, way):
    made = lay_out(np.array(sizes, np.int64), capacity, *way)
    laid = [
        (d, place)
        for d, begin, size in zip(made.document, made.begin, made.size, strict=True)
        for place in range(begin, begin + size)
    ]
    assert len(laid) == len(set(laid)) and (made.size > 0).all()
    assert (made.length <= capacity).all() and (made.length > 0).all()
    cropped = made.cropped(np.array(sizes, np.int64))
    assert len(laid) + cropped.sum() == sum(sizes)
    assert cropped.tolist() == [max(0, n - capacity) if way[1] else 0 for n in sizes]
    if way[0] == "concatenate":
        assert (made.length[:-1] == capacity).all()


@given(documents, st.integers(1, 9))
def test_packing_end_to_end_keeps_every_token_in_order(documents, length):
    given_ = laid_out(documents)
    flat, offsets = given_.flat, given_.offsets
    rows = pack.pack(given_, length)
    assert rows.input_ids.reshape(-1)[: len(flat)].tolist() == flat.tolist()
    assert rows.length[:-1].tolist() == [length] * (rows.count - 1)
    assert rows.length.sum() == len(flat)
    starts = [rows.starts[a:b].tolist() for a, b in zip(rows.offsets[:-1], rows.offsets[1:], strict=True)]
    expected = [[p for p in range(length) if p == 0 or r * length + p in offsets[:-1]] for r in range(rows.count)]
    assert starts == [[p for p in row if p < rows.length[i]] for i, row in enumerate(expected)]


@given(documents, st.integers(1, 9), ways)
def test_each_piece_holds_the_tokens_that_it_says(documents, length, way):
    given_ = laid_out(documents)
    rows = pack.pack(given_, length, *way)
    row = np.repeat(np.arange(rows.count), np.diff(rows.offsets))
    for i, r in enumerate(row):
        end = rows.starts[i + 1] if i + 1 < len(row) and row[i + 1] == r else rows.length[r]
        tokens = rows.input_ids[r, rows.starts[i] : end]
        document = int(rows.documents[i] - np.uint64(2**63))
        begin = given_.offsets[document] + rows.begins[i]
        assert tokens.tolist() == given_.flat[begin : begin + len(tokens)].tolist()
        assert rows.sources[i] == given_.sources[document]
    assert not any(rows.input_ids[r, n:].any() for r, n in enumerate(rows.length))


@given(documents, st.integers(1, 9), ways, st.integers(0, 3))
def test_unpacking_gives_the_pieces_back(documents, length, way, skip):
    given_ = laid_out(documents)
    rows = pack.pack(given_, length, *way)
    table = pack.as_table(rows, 1, np.zeros(rows.count)).slice(skip)
    back = pack.unpack(table)
    first = rows.offsets[min(skip, rows.count)]
    kept = [rows.input_ids[r, :n] for r, n in enumerate(rows.length)][skip:]
    assert back.flat.tolist() == np.concatenate([np.zeros(0, int), *kept]).tolist()
    for name in ("sources", "documents", "begins"):
        assert getattr(back, name).tolist() == getattr(rows, name)[first:].tolist()
    again = pack.pack(back, length, *way)
    assert way[0] != "concatenate" or again.input_ids.tolist() == rows.input_ids[skip:].tolist()


@given(documents, st.integers(1, 9), ways)
def test_counts_are_those_of_a_walk_over_rows(documents, length, way):
    given_ = laid_out(documents)
    rows = pack.pack(given_, length, *way)
    table = pack.as_table(rows, 1, np.zeros(rows.count))
    found = counted(table)
    expected: dict[int, list[int]] = {}
    for row in table.to_pylist():
        for start, end, source in zip(row["starts"], [*row["starts"][1:], row["length"]], row["sources"], strict=True):
            expected.setdefault(source, [0, 0, 0])[0] += end - start
        expected[row["sources"][-1]][1] += row["cropped"]
        expected[row["sources"][-1]][2] += length - row["length"]
    assert {r["source"]: [r["tokens"], r["cropped"], r["padded"]] for r in found} == expected
    assert [r["split"] for r in found] == [1] * len(expected)
    tokens, cropped, padded = (sum(r[name] for r in found) for name in ("tokens", "cropped", "padded"))
    assert tokens + cropped == int(np.diff(given_.offsets).sum())
    assert tokens + padded == rows.count * length


@settings(max_examples=300, deadline=None)
@given(documents, st.integers(1, 9), ways, st.integers(0, 2**30), st.integers(0, 3))
def test_what_no_loss_is_taken_of_is_told_by_places_and_comes_back(documents, length, way, bits, skip):
    given_ = laid_out(documents)
    marked = np.array([bool(bits >> i % 30 & 1) for i in range(len(given_.flat))], bool)
    given_.flat[marked] = ~given_.flat[marked]
    rows = pack.pack(given_, length, *way)
    table = pack.as_table(rows, 0, np.zeros(rows.count)).slice(skip)
    for row, tokens in zip(table.to_pylist(), rows.input_ids[skip:].tolist(), strict=True):
        pairs = list(zip(row["unscored"][::2], row["unscored"][1::2], strict=True))
        places = [place for begin, end in pairs for place in range(begin, end)]
        assert places == [i for i, t in enumerate(tokens) if t < 0]
        assert all(a[1] < b[0] for a, b in pairwise(pairs)), "runs are joined"
        assert row["input_ids"] == [~t if t < 0 else t for t in tokens]
    back = pack.unpack(table)
    assert back.flat.tolist() == [t for r, n in enumerate(rows.length) if r >= skip for t in rows.input_ids[r, :n]]
    assert pack.ids_of(back.flat).tolist() == [~t if t < 0 else t for t in back.flat.tolist()]
    expected: dict[int, int] = {}
    for at, source in enumerate(back.sources.tolist()):
        piece = back.flat[back.offsets[at] : back.offsets[at + 1]]
        expected[source] = expected.get(source, 0) + sum(t < 0 for t in piece.tolist())
    assert {r["source"]: r["unscored"] for r in counted(table)} == expected


tokens = st.lists(
    st.sampled_from([0, 1, 65535, 65536, 2**31 - 1, ~0, ~65535, -(2**31)]) | st.integers(0, 99), max_size=5
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(tokens, max_size=4), max_size=4), st.integers(0, 3), st.integers(0, 9))
def test_tokens_as_bytes_come_back(batches, start, size):
    """Of several batches, in chunks and sliced, some of two bytes and some of four."""
    made = []
    for documents_ in batches:
        offsets = np.cumsum([0, *map(len, documents_)])
        made.append(pack.as_bytes(np.array([t for d in documents_ for t in d], np.int32), offsets))
    documents_ = [d for batch in batches for d in batch][start : start + size]
    sizes, flat = np.array([len(d) for d in documents_], np.int64), [t for d in documents_ for t in d]
    column = pa.chunked_array(made, pack.TOKENS).slice(start, size)
    for form in (column, column.combine_chunks()):
        found = pack.of_bytes(form, sizes)
        assert found.tolist() == flat and found.dtype == np.int32 and found.flags.aligned


def test_small_ids_take_two_bytes():
    narrow, wide = (pack.as_bytes(np.array(ids, np.int32), np.array([0, 2])) for ids in ([1, 65535], [1, 65536]))
    assert [len(column[0].as_py()) for column in (narrow, wide)] == [4, 8]


@pytest.mark.parametrize("packing", PACKINGS)
def test_the_schema_is_the_documented_one_also_without_rows(packing):
    nothing = pack.whole(np.zeros(0, np.int32), np.zeros(1, np.int64), np.zeros(0, np.int32))
    empty = pack.as_table(pack.pack(nothing, 8, packing), 1, np.zeros(0))
    assert empty.num_rows == 0
    assert empty.schema == pack.packed_schema(8)
    assert empty.schema.field("input_ids").type == pa.list_(pa.int32(), 8)
    assert pack.pack(pack.unpack(empty), 8, packing).count == 0
    assert counted(empty) == []


@given(st.lists(st.integers(0, 2**64 - 1), unique=True, min_size=1), st.integers(0, 2**63))
def test_positions_differ_by_document_epoch_and_seed(order, seed):
    order = np.array(order, np.uint64)
    made = [draw.positions(order, np.full(len(order), e), s) for e in (0, 1) for s in (seed, seed + 1)]
    assert len(np.unique(np.concatenate(made))) == 4 * len(order)


def test_buckets_are_ranges_of_the_position():
    position = np.array([0, 2**62 - 1, 2**62, 2**64 - 1], np.uint64)
    assert draw.bucket_of(position, 4).tolist() == [0, 0, 1, 3]
    assert draw.bucket_of(position, 1).tolist() == [0, 0, 0, 0]
