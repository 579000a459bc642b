from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from datacurate.mixture import draw, pack

documents = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 3)), max_size=12)


def laid_out(documents):
    sizes = np.array([d[0] for d in documents], np.int64)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return np.arange(1, offsets[-1] + 1, dtype=np.int32), offsets, np.array([d[1] for d in documents], np.int32)


@given(documents, st.integers(1, 9))
def test_packing_keeps_every_token_in_order(documents, length):
    flat, offsets, sources = laid_out(documents)
    rows = pack.pack(flat, offsets, sources, length)
    assert rows.input_ids.reshape(-1)[: len(flat)].tolist() == flat.tolist()
    assert rows.length[:-1].tolist() == [length] * (rows.count - 1)
    assert rows.length.sum() == len(flat)
    starts = [rows.starts[a:b].tolist() for a, b in zip(rows.offsets[:-1], rows.offsets[1:], strict=True)]
    expected = [[p for p in range(length) if p == 0 or r * length + p in offsets[:-1]] for r in range(rows.count)]
    assert starts == [[p for p in row if p < rows.length[i]] for i, row in enumerate(expected)]
    of_token = np.repeat(sources, np.diff(offsets))
    first = np.repeat(np.arange(rows.count), np.diff(rows.offsets)) * length + rows.starts
    assert rows.sources.tolist() == of_token[first].tolist()


@given(documents, st.integers(1, 9), st.integers(0, 3))
def test_unpacking_gives_the_tokens_and_their_sources_back(documents, length, skip):
    flat, offsets, sources = laid_out(documents)
    rows = pack.pack(flat, offsets, sources, length)
    table = pack.as_table(rows, 0, np.zeros(rows.count)).slice(skip)
    back, cuts, found = pack.unpack(table)
    assert back.tolist() == flat[skip * length :].tolist()
    assert np.repeat(found, np.diff(cuts)).tolist() == np.repeat(sources, np.diff(offsets))[skip * length :].tolist()
    split, source, tokens = pack.counts(table)
    expected = np.bincount(np.repeat(sources, np.diff(offsets))[skip * length :], minlength=4)
    assert dict(zip(source, tokens, strict=True)) == {s: n for s, n in enumerate(expected) if n}
    assert not split.any()


def test_the_schema_is_the_documented_one_also_without_rows():
    empty = pack.as_table(pack.pack(np.zeros(0, np.int32), np.zeros(1, np.int64), np.zeros(0), 8), 1, np.zeros(0))
    assert empty.num_rows == 0
    assert empty.schema == pack.packed_schema(8)
    assert empty.schema.field("input_ids").type == pa.list_(pa.int32(), 8)


@given(st.lists(st.integers(0, 2**64 - 1), unique=True, min_size=1), st.integers(0, 2**63))
def test_positions_differ_by_document_epoch_and_seed(order, seed):
    order = np.array(order, np.uint64)
    made = [draw.positions(order, np.full(len(order), e), s) for e in (0, 1) for s in (seed, seed + 1)]
    assert len(np.unique(np.concatenate(made))) == 4 * len(order)


def test_buckets_are_ranges_of_the_position():
    position = np.array([0, 2**62 - 1, 2**62, 2**64 - 1], np.uint64)
    assert draw.bucket_of(position, 4).tolist() == [0, 0, 1, 3]
    assert draw.bucket_of(position, 1).tolist() == [0, 0, 0, 0]
