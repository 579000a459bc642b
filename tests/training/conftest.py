"""Packed files of real text, made once per session."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from packed_text import END, VOCABULARY, index_of, real_text, receipt_of, write_packed
from tokenizers import Tokenizer, models, pre_tokenizers, trainers


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """Two threads on cores that others use too can be several times slower than one."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def documents() -> list[np.ndarray]:
    """Token ids of about 600 documents, each closed by END."""
    text = real_text()
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(text.split("\n"), trainer)
    pieces = text.split("\n\n")
    joined = ["\n\n".join(pieces[i : i + 5]) for i in range(0, len(pieces), 5)]
    return [np.array([*e.ids, END], np.int32) for e in tokenizer.encode_batch(joined)]


@pytest.fixture(scope="session")
def packed(documents, tmp_path_factory) -> list[Path]:
    return write_packed(tmp_path_factory.mktemp("packed"), documents, 64)


@pytest.fixture(scope="session")
def shuffled(documents, tmp_path_factory) -> list[Path]:
    """The same tokens in random order: nothing to learn beyond how often each occurs."""
    flat = np.random.default_rng(0).permutation(np.concatenate(documents))
    scattered = np.split(flat, np.cumsum([len(d) for d in documents])[:-1])
    return write_packed(tmp_path_factory.mktemp("shuffled"), scattered, 64)


@pytest.fixture(scope="session")
def receipt(packed) -> pa.Table:
    return receipt_of(packed)


@pytest.fixture(scope="session")
def index(packed) -> pa.Table:
    return index_of(packed)
