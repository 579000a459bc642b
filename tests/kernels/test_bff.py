"""N-grams of lines and the Bloom filter of those that were seen, against slow twins."""

from __future__ import annotations

import time
from hashlib import blake2s

import numpy as np
import oracle
import oracle_uax29
import pyarrow as pa
import pytest
import text_samples
from hypothesis import given, settings
from hypothesis import strategies as st

from datacurate.kernels import bff, bloom

RARE = 1e-9
"""A rate at which no accident happens in a test."""


def runs_of(line: bytes, ngram: int, least: int) -> list[bytes]:
    words = [line[a:b] for a, b in oracle_uax29.units(line) if oracle.decoded(line[a:b]).strip()]
    if least <= len(words) < ngram:
        return [b" ".join(words)]
    return [b" ".join(words[at : at + ngram]) for at in range(len(words) - ngram + 1)]


def hashed(run: bytes) -> int:
    return int.from_bytes(blake2s(run, digest_size=16).digest()[:8], "little")


@settings(deadline=None)
@given(text_samples.documents, st.integers(1, 4), st.integers(1, 4))
def test_grams_are_the_twin_s(rows, ngram, least):
    lines = [line for row in rows for line in row.split(b"\n") if oracle.decoded(line).strip()]
    expected = [(hashed(run), at) for at, line in enumerate(lines) for run in runs_of(line, ngram, least)]
    found = bff.grams(pa.array(rows, pa.binary()), ngram, least)
    assert list(zip(found.hashes.tolist(), found.owners.tolist(), strict=True)) == expected
    parts, counts = bff.counts(pa.array(rows, pa.binary()), ngram, least)
    assert counts.tolist() == [len(runs_of(line, ngram, least)) for line in lines]
    assert [rows[d][a:b] for a, b, d in zip(*(p.tolist() for p in parts), strict=True)] == lines


def test_grams_of_real_documents():
    rows = [row[:2000] for row in text_samples.real_documents()[::25]]
    expected = [hashed(run) for row in rows for line in row.split(b"\n") for run in runs_of(line, 5, 3)]
    assert bff.grams(pa.array(rows, pa.binary()), 5, 3).hashes.tolist() == expected


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 30), max_size=12), max_size=12), st.integers(1, 5))
def test_dealt_runs_name_every_gram(paragraphs, slices):
    hashes = np.array([h for p in paragraphs for h in p], np.uint64)
    owners = np.array([at for at, p in enumerate(paragraphs) for _ in p], np.int64)
    documents = np.arange(len(paragraphs)) // 3
    starts = np.arange(len(paragraphs)) * 10
    out, bounds, runs = bff.deal(hashes, owners, documents, starts, slices)
    for k in range(slices):
        mine = [
            (int(documents[at]), int(starts[at]), h) for at, p in enumerate(paragraphs) for h in p if h % slices == k
        ]
        named = [(int(run) >> 48, int(run) >> 16 & 0xFFFFFFFF) for run in runs[k] for _ in range(int(run) & 0xFFFF)]
        assert [(*place, h) for place, h in zip(named, out[bounds[k] : bounds[k + 1]].tolist(), strict=True)] == mine


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.lists(st.integers(0, 12), max_size=6)), max_size=20), st.randoms())
def test_seen_is_what_stands_before(made, rng):
    """Runs of one owner do not see each other; without accidents of the filter it is a set."""
    order = sorted(range(len(made)), key=lambda run: made[run][0])
    expected, known = [0] * len(made), set()
    for owner in sorted({owner for owner, _ in made}):
        mine = [run for run in order if made[run][0] == owner]
        for run in mine:
            expected[run] = sum(h in known for h in made[run][1])
        known |= {h for run in mine for h in made[run][1]}
    spread = [h * 0x9E3779B97F4A7C15 % 2**64 for _, run in made for h in run]
    lengths = np.array([len(run) for _, run in made], np.int64)
    owners = np.array([owner for owner, _ in made], np.int64)
    filter = bloom.for_rate(len(spread), RARE)
    got = bff.seen(filter, np.array(spread, np.uint64), lengths, owners, np.array(order, np.int64))
    assert got.tolist() == expected


@pytest.mark.parametrize("rate", [0.1, 0.01, 0.001])
def test_the_filter_errs_as_often_as_it_says(rate):
    """A million different n-grams, then a million others: of these it takes the stated share for seen, or less."""
    hashes = np.random.default_rng(7).integers(0, 2**64, 2_000_000, dtype=np.uint64)
    lengths = np.array([1_000_000, 1_000_000])
    bits, probes = bloom.filter_size(1_000_000, rate)
    assert bits / 1e6 == pytest.approx(-np.log2(rate) * 1.4427, rel=0.03) and probes == round(-np.log2(rate))
    filter = bloom.for_rate(1_000_000, rate)
    bloom.add_all(filter, hashes[:1_000_000])
    error = filter.error()
    assert 0.95 * rate < error < 1.05 * rate
    found = bff.seen(filter, hashes, lengths, np.arange(2), np.arange(2))
    assert found[0] == 1_000_000 and 0.85 * error < found[1] / 1e6 < 1.15 * error


@pytest.mark.parametrize("size", [100_000, 1_000_000, 3_000_000])
def test_a_filter_of_given_size_says_how_often_it_errs(size):
    """However full it is, its error is the share of other values that it takes for seen."""
    hashes = np.random.default_rng(size).integers(0, 2**64, 2_000_000, dtype=np.uint64)
    filter = bloom.of_bytes(1_000_000, size)
    assert filter.words.nbytes == size and filter.probes == max(1, round(8 * size / 1e6 * np.log(2)))
    bloom.add_all(filter, hashes[:1_000_000])
    begins, lengths, order = (np.array([value]) for value in (0, 1_000_000, 0))
    wrong = 0
    for at in range(1_000_000, 2_000_000, 10_000):
        full = filter._replace(words=filter.words.copy())
        wrong += len(bloom.again(full, hashes[at : at + 10_000], begins, np.array([10_000]), order))
    wrong /= 1e6
    assert wrong == pytest.approx(filter.error(), rel=0.15, abs=2e-5)
    assert len(bloom.again(filter, hashes[:1_000_000], begins, lengths, order)) == 1_000_000


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 12), max_size=6), max_size=12), st.randoms(use_true_random=False))
def test_again_is_what_stands_before_in_order(runs, rng):
    order = list(range(len(runs)))
    rng.shuffle(order)
    begins = np.cumsum([0, *map(len, runs)])[:-1]
    known: set = set()
    expected = []
    for run in order:
        for at, value in enumerate(runs[run]):
            expected += [begins[run] + at] if value in known else []
            known.add(value)
    values = np.array([value * 0x9E3779B97F4A7C15 % 2**64 for run in runs for value in run], np.uint64)
    filter = bloom.for_rate(len(values), RARE)
    lengths = np.array([len(run) for run in runs], np.int64)
    assert bloom.again(filter, values, begins.astype(np.int64), lengths, np.array(order, np.int64)).tolist() == expected


@pytest.mark.parametrize(
    "part", [b"a", b"a ", b". ", b"\n", b"\xcc\x81", b"\xff", b"a b c d e f g h i j k l m n\n"], ids=ascii
)
def test_hostile_documents_take_linear_time(part):
    row = part * (3_000_000 // len(part))
    array = pa.array([row], pa.large_binary())
    bff.grams(array.slice(0, 0), 13, 13)
    started = time.perf_counter()
    bff.grams(array, 13, 13)
    bff.counts(array, 13, 13)
    assert time.perf_counter() - started < 15
