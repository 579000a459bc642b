from __future__ import annotations

import numpy as np
import pytest
from packed_text import END, write_packed

from datacurate.core.errors import InputError
from datacurate.training.data import IGNORED, Sequences, rows_of, sequence_length


def small(tmp_path):
    """Rows of 8: documents 1 2 3 END | 4 END | 5 6 7 8 9 END; number 0 is validation, and so is none else."""
    held = np.array([99, END], np.int32)
    docs = [held, *(np.array([*d, END], np.int32) for d in ([1, 2, 3], [4], [5, 6, 7, 8, 9]))]
    return write_packed(tmp_path, docs, 8, parts=1)


def test_labels_stop_at_documents_and_padding(tmp_path):
    batch = Sequences(small(tmp_path), 0).batch(0, 2)
    x = IGNORED
    assert batch.ids.tolist() == [[1, 2, 3, END, 4, END, 5, 6], [7, 8, 9, END, 0, 0, 0, 0]]
    assert batch.labels.tolist() == [[2, 3, END, x, END, x, 6, x], [8, 9, END, x, x, x, x, x]]
    assert batch.documents.tolist() == [[1, 1, 1, 1, 2, 2, 3, 3], [1] * 8]
    assert batch.sources[0, :7].tolist() == [0, 0, 0, 1, 1, 1, 1]


def test_labels_may_cross_documents(tmp_path):
    batch = Sequences(small(tmp_path), 0, mask_documents=False).batch(0, 2)
    x = IGNORED
    assert batch.labels.tolist() == [[2, 3, END, 4, END, 5, 6, x], [8, 9, END, x, x, x, x, x]]


def test_splits_are_apart(tmp_path):
    paths = small(tmp_path)
    assert [rows_of(paths[0], s) for s in (0, 1)] == [2, 1]
    assert Sequences(paths, 1).batch(0, 1).ids[0, :2].tolist() == [99, END]
    assert sequence_length(paths) == 8


def test_every_pass_holds_every_row_once_in_its_own_order(packed):
    data = Sequences(packed, 0, seed=3)
    passes = [[data.place(e * len(data) + i) for i in range(len(data))] for e in range(3)]
    every = sorted(passes[0])
    assert len(set(every)) == len(data)
    assert all(sorted(p) == every and p != every for p in passes)
    assert passes[1] != passes[0] and passes[2] != passes[1]


def test_a_batch_does_not_depend_on_what_was_read_before(packed):
    one = Sequences(packed, 0)
    last = len(one) // 7 + 1
    straight = [one.batch(step, 7) for step in range(last + 1)][-1]
    assert np.array_equal(Sequences(packed, 0).batch(last, 7).ids, straight.ids)


def test_evaluation_batches_cover_the_rows_once(packed):
    data = Sequences(packed, 1)
    sizes = [len(b.ids) for b in data.batches(5, 10**6)]
    assert sum(sizes) == len(data) and set(sizes[:-1]) == {5}
    assert sum(len(b.ids) for b in data.batches(5, 7)) == 7


def test_no_rows_is_an_error(tmp_path, documents):
    paths = write_packed(tmp_path, documents[1:12], 64, parts=1)
    with pytest.raises(InputError, match="Give the mixture more tokens"):
        Sequences(write_packed(tmp_path, documents[:1], 64, parts=1), 0).batch(0, 1)
    assert len(paths) == 1
