from __future__ import annotations

import numpy as np
import pytest
from mixture_folders import write_store
from packed_text import END, sequences, write_packed

from datacurate import PackedDataset
from datacurate.core.errors import InputError
from datacurate.mixture.reading.find import open_index
from datacurate.training.data import IGNORED, Sequences


def small(tmp_path):
    """Rows of 8: documents 1 2 3 END | 4 END | 5 6 7 8 9 END; number 0 is validation, and so is none else."""
    held = np.array([99, END], np.int32)
    docs = [held, *(np.array([*d, END], np.int32) for d in ([1, 2, 3], [4], [5, 6, 7, 8, 9]))]
    return write_packed(tmp_path, docs, 8, parts=1)


def test_labels_stop_at_documents_and_padding(tmp_path):
    batch = sequences(small(tmp_path), seed=None).batch(0, 2)
    x = IGNORED
    assert batch.ids.tolist() == [[1, 2, 3, END, 4, END, 5, 6], [7, 8, 9, END, 0, 0, 0, 0]]
    assert batch.labels.tolist() == [[2, 3, END, x, END, x, 6, x], [8, 9, END, x, x, x, x, x]]
    assert batch.documents.tolist() == [[1, 1, 1, 1, 2, 2, 3, 3], [1] * 4 + [0] * 4]
    assert batch.own.tolist() == [[0, 0, 0, 0, 1, 1, 1, 1], [1] * 4 + [-1] * 4]
    assert batch.sources[0, :7].tolist() == [0, 0, 0, 1, 1, 1, 1]


def test_labels_may_cross_documents(tmp_path):
    batch = sequences(small(tmp_path), seed=None, mask_documents=False).batch(0, 2)
    x = IGNORED
    assert batch.labels.tolist() == [[2, 3, END, 4, END, 5, 6, x], [8, 9, END, x, x, x, x, x]]


def test_splits_are_apart(tmp_path):
    paths = small(tmp_path)
    assert [len(sequences(paths, s)) for s in (0, 1)] == [2, 1]
    assert sequences(paths, 1).batch(0, 1).ids[0, :2].tolist() == [99, END]
    assert sequences(paths).sequence_length == 8


def test_every_pass_holds_every_row_once_in_its_own_order(packed):
    data = sequences(packed, 0, seed=3)
    steps = data.steps(16)
    passes = [
        [tuple(row) for step in range(e * steps, (e + 1) * steps) for row in data.batch(step, 16).ids.tolist()]
        for e in range(3)
    ]
    every = sorted(passes[0])
    assert len(every) == len(data)
    assert all(sorted(p) == every and p != every for p in passes)
    assert passes[1] != passes[0] and passes[2] != passes[1]


def test_the_order_is_that_of_the_loader(packed):
    data = sequences(packed, 0, seed=5)
    other = PackedDataset(packed[0].parent, batch_size=16, seed=5)
    for step, item in enumerate(other):
        assert np.array_equal(data.batch(step, 16).ids, item["input_ids"][item["rows"] >= 0])
    assert step + 1 == data.steps(16)


def test_no_batch_holds_rows_of_two_stages(tmp_path):
    folder = write_store(tmp_path / "store", [(8, [5]), (16, [4])])
    data = Sequences(open_index(folder))
    shapes = [data.batch(step, 2).ids.shape for step in range(2 * data.steps(2))]
    assert shapes == [(2, 8), (2, 8), (1, 8), (2, 16), (2, 16)] * 2 and data.sequence_length == 16
    assert [b.ids.shape for b in data.batches(2, 6)] == [(2, 8), (2, 8), (1, 8), (1, 16)]


def test_a_batch_does_not_depend_on_what_was_read_before(packed):
    one = sequences(packed, 0)
    last = len(one) // 7 + 1
    straight = [one.batch(step, 7) for step in range(last + 1)][-1]
    assert np.array_equal(sequences(packed, 0).batch(last, 7).ids, straight.ids)


def test_evaluation_batches_cover_the_rows_once(packed):
    data = sequences(packed, 1)
    sizes = [len(b.ids) for b in data.batches(5, 10**6)]
    assert sum(sizes) == len(data) and set(sizes[:-1]) == {5}
    assert sum(len(b.ids) for b in data.batches(5, 7)) == 7


def test_no_rows_is_an_error(tmp_path, documents):
    paths = write_packed(tmp_path, documents[1:12], 64, parts=1)
    with pytest.raises(InputError, match="Give the mixture more tokens"):
        sequences(write_packed(tmp_path, documents[:1], 64, parts=1), 0).batch(0, 1)
    assert len(paths) == 1
