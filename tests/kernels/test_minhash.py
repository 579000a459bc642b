"""minhash, shingles, casefold and content against their slow twins."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from itertools import pairwise

import numpy as np
import oracle_minhash as oracle
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacurate.kernels import casefold, content, minhash, shingle_units, shingles

PLANES = st.characters(exclude_categories=("Cs",))
NASTY = (
    "aA zZ_9\u00a0\t\n\u3000éİ\u017fǅΣςß\u0301"
    "日本カナ゙ไทยລາວខ្មែမြန်\U00020000\U0001e900\U0001d49c\u2028.\x00\x1c\x85한국Ⱥ"
)
TEXT = st.one_of(
    st.text(PLANES, max_size=40),
    st.text(st.sampled_from(NASTY), max_size=60),
    st.lists(st.sampled_from(["the", "The", "cat", "a", "日本", "7", "\n"]), max_size=30).map(" ".join),
)
BYTES = st.one_of(
    st.binary(max_size=60),
    TEXT.map(str.encode),
    st.tuples(TEXT, st.integers(0, 60)).map(lambda pair: pair[0].encode()[: pair[1]]),
)
DOCS = st.lists(st.one_of(st.none(), BYTES), max_size=6)


def layouts(docs):
    """The same documents as arrays of every layout."""
    whole = pa.array(docs, pa.binary())
    padded = pa.array([b"xx yy", *docs, b"zz"], pa.large_binary())
    half = len(docs) // 2
    return [
        whole,
        padded.slice(1, len(docs)),
        pa.chunked_array([whole[:half], whole[half:]], pa.binary()),
        whole.dictionary_encode(),
    ]


def test_tables_know_every_character():
    ascii, pages, entries = casefold.tables()
    kinds = ["other", "word", "alone", "space"]
    for code in [c for c in range(0x110000) if not 0x20000 <= c < 0x3FFFE]:
        character = chr(code)
        entry = int(entries[pages[code >> 8], code & 255])
        if not 0xD800 <= code < 0xE000:
            assert code + (entry >> 2) == ord(oracle.lower(character)), hex(code)
        assert kinds[entry & 3] == oracle.kind(character), hex(code)
    for code in range(128):
        is_word = oracle.kind(chr(code)) == "word"
        assert ascii[code] == (ord(oracle.lower(chr(code))) if is_word else 0)


def test_tables_load_fast():
    program = (
        "import time, numpy; from datacurate.kernels import casefold; t = time.perf_counter();"
        "casefold.tables(); print(time.perf_counter() - t)"
    )
    seconds = min(float(subprocess.check_output([sys.executable, "-c", program])) for _ in range(3))
    assert seconds < 2


NUMBERED = st.text(
    st.sampled_from("1\uff11\u0663\u066b,.\u2396a B\u0301\u3000\u2014\u03a3\u03c2\uac01\uff9e\u212b"), max_size=40
).map(str.encode)
KINDS = st.sampled_from(shingle_units.KINDS)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(st.none(), BYTES, NUMBERED), max_size=6), st.integers(1, 6), KINDS)
def test_shingle_sets(docs, ngram, kind):
    expected = [sorted(set(oracle.shingles(oracle.as_bytes(doc), ngram, kind))) for doc in docs]
    for array in layouts(docs):
        values, offsets = shingles.shingle_sets(array, ngram, kind)
        found = [values[a:b].tolist() for a, b in pairwise(offsets)]
        assert found == expected
        chosen = np.arange(len(docs))[::2]
        values, offsets = shingles.shingle_sets(array, ngram, kind, chosen)
        assert [values[a:b].tolist() for a, b in pairwise(offsets)] == expected[::2]


@settings(max_examples=150, deadline=None)
@given(DOCS, st.integers(1, 6), st.integers(1, 5), st.integers(1, 4), st.integers(0, 2**63), KINDS)
def test_sketch(docs, ngram, bands, rows, seed, kind):
    expected = [oracle.sketch(oracle.as_bytes(doc), ngram, bands, rows, seed, kind) for doc in docs]
    for array in layouts(docs):
        hashes, counts = minhash.sketch(array, ngram, bands, rows, seed, kind)
        assert hashes.shape == (len(docs), bands)
        assert hashes.tolist() == [pair[0] for pair in expected]
        assert counts.tolist() == [pair[1] for pair in expected]
        chosen = np.arange(len(docs))[::-1]
        again = minhash.sketch_sets(*shingles.shingle_sets(array, ngram, kind), chosen, bands, rows, seed)
        assert (again[::-1] == hashes).all()


@pytest.mark.parametrize("length", [1, 7, 8, 9, 16, 63, 64, 65, 129])
@pytest.mark.parametrize("fill", ["a", "é", "日", "A1_"])
def test_words_across_blocks(length, fill):
    """Words and gaps of every length at every place of a mask of 64 bytes; capitals and U+212A are small letters."""
    docs = [
        (" " * lead + fill * length + gap + "kelvin x" + fill)[: lead + 300] for lead in range(70) for gap in ("-", "’")
    ]
    texts = pa.array([*docs, "\u212aelvin", "Kelvin", "kelvin"])
    values, offsets = shingles.shingle_sets(texts, 1)
    expected = [sorted(set(oracle.shingles(text.encode(), 1))) for text in texts.to_pylist()]
    assert [values[a:b].tolist() for a, b in pairwise(offsets)] == expected
    assert len({tuple(values[a:b].tolist()) for a, b in pairwise(offsets[-4:])}) == 1


def test_texts_without_ascii_letters_have_no_identifiers():
    """Else all Chinese texts would be the same run of empty pieces."""
    _, counts = minhash.sketch(pa.array(["北京欢迎你北京", "上海上海上海", "a = b(c) ; d"]), 5, 2, 2, 1, "identifiers")
    assert counts[:2].tolist() == [0, 0] and counts[2] > 0


def test_a_long_document_among_short_ones():
    text = " ".join(f"w{i % 997}" for i in range(20_000))
    docs = ["", "a b c d e", text, "x"]
    hashes, counts = minhash.sketch(pa.array(docs), 5, 14, 8, 1)
    assert [oracle.sketch(doc.encode(), 5, 14, 8, 1) for doc in docs] == [
        (row.tolist(), count) for row, count in zip(hashes, counts, strict=True)
    ]


def test_agreement_of_minima_estimates_jaccard():
    rng = np.random.default_rng(3)
    for share in (0.2, 0.5, 0.8, 0.95):
        own = int(300 * (1 - share) / (1 + share))
        common = [f"c{i}" for i in range(300 - own)]
        pairs = [" ".join(common + [f"{side}{trial}x{i}" for i in range(own)]) for trial in range(20) for side in "ab"]
        similarity = len(common) / (len(common) + 2 * own)
        hashes, _ = minhash.sketch(pa.array(pairs), 1, 400, 1, int(rng.integers(1 << 40)))
        agreed = (hashes[0::2] == hashes[1::2]).mean()
        # all trials share the common words, so their errors are correlated: the bound is that of 400 draws
        assert abs(agreed - similarity) < 4 * np.sqrt(similarity * (1 - similarity) / 400)


@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)))
@settings(deadline=None)
def test_jaccard(left, right):
    a, b = (np.array(sorted(s), dtype=np.uint64) for s in (left, right))
    assert minhash.jaccard(a, b) == oracle.jaccard(left, right)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 12)), max_size=25), st.sampled_from([np.uint32, np.int64]))
def test_groups(pairs, kind):
    left, right = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
    parents, linked = np.arange(13, dtype=kind), np.zeros(13, bool)
    minhash.join(parents, left, right)
    minhash.settle(parents, linked)
    sets = oracle.groups([*range(len(pairs))] * 2, [*left.tolist(), *right.tolist()])
    expected = {node: group for node, group in sets.items() if len(group) > 1}
    assert np.flatnonzero(linked).tolist() == sorted(expected)
    assert all(parents[node] == min(group) for node, group in expected.items())


@st.composite
def constellations(draw):
    count, width = draw(st.integers(0, 12)), draw(st.integers(1, 3))
    sets = [draw(st.sets(st.integers(0, 6), min_size=1, max_size=6)) for _ in range(count)]
    buckets = [[band * 10 + draw(st.integers(0, 3)) for band in range(width)] for _ in range(count)]
    buckets = [buckets[sets.index(one)] for one in sets]  # equal sets have equal buckets, as bands are
    return sets, buckets, draw(st.permutations(range(count))), width


@settings(max_examples=300, deadline=None)
@given(constellations(), st.sampled_from([0.0, 0.3, 0.5, 0.7, 1.0]), st.booleans())
def test_stars(case, verify, contained):
    sets, buckets, order, width = case
    offsets = np.cumsum([0] + [len(s) for s in sets])
    flat = np.array([value for s in sets for value in sorted(s)], dtype=np.uint64)
    survivors, similarities = minhash.stars(
        np.array(order, dtype=np.int64),
        np.array([buckets[one] for one in order], dtype=np.uint64).reshape(-1, width),
        flat,
        offsets,
        verify,
        contained,
    )
    expected = oracle.stars(order, buckets, sets, verify, oracle.contained if contained else oracle.jaccard)
    assert set(np.flatnonzero(survivors >= 0).tolist()) == set(expected)
    for one, (choices, best) in expected.items():
        assert survivors[one] in choices
        assert similarities[one] == best


def test_bands_bring_pairs_together_as_often_as_stated():
    """1 - (1 - s^8)^14, of pairs with similarity s: 0.92 at 0.8. Short and long documents, 2,000 pairs each."""
    rng = np.random.default_rng(5)
    for share, size in ((0.6, 240), (0.7, 40), (0.7, 240), (0.8, 30), (0.8, 240), (0.9, 120)):
        common = round(2 * size * share / (1 + share))
        pairs = []
        for _ in range(2000):
            drawn = [f"w{number}" for number in rng.integers(0, 1 << 60, 2 * size - common)]
            pairs += [" ".join(drawn[:size]), " ".join(drawn[size - common :])]
        similarity = common / (2 * size - common)
        hashes, _ = minhash.sketch(pa.array(pairs), 1, 14, 8, int(rng.integers(1 << 40)))
        met = (hashes[0::2] == hashes[1::2]).any(axis=1).mean()
        stated = 1 - (1 - similarity**8) ** 14
        assert abs(met - stated) < 4 * np.sqrt(stated * (1 - stated) / 2000), (similarity, size, met, stated)


def identical(count):
    text = pa.array(["the quick brown fox jumps over the lazy dog again"] * count)
    hashes, _ = minhash.sketch(text, 5, 14, 8, 1)
    values, offsets = shingles.shingle_sets(text, 5)
    start = time.perf_counter()
    survivors, similarities = minhash.stars(np.arange(count), hashes, values, offsets, 0.7)
    assert (survivors[1:] == 0).all() and survivors[0] == -1
    assert (similarities[1:] == 1.0).all()
    return time.perf_counter() - start


def test_identical_documents_cost_linear_time():
    identical(10)
    assert identical(100_000) < 5


@pytest.mark.parametrize(("newer", "found"), [(minhash.CANDIDATES - 1, 0), (minhash.CANDIDATES, -1)])
def test_a_crowded_bucket_is_bounded(newer, found):
    """What is like the oldest survivor of a bucket finds it only while few enough newer ones stand before it."""
    sets = [[2 * at, 2 * at + 1] for at in range(newer + 1)] + [[0]]
    flat, offsets = np.concatenate(sets).astype(np.uint64), np.cumsum([0, *map(len, sets)])
    buckets = np.zeros((len(sets), 1), dtype=np.uint64)
    survivors, _ = minhash.stars(np.arange(len(sets)), buckets, flat, offsets, 0.5)
    assert survivors.tolist() == [-1] * (newer + 1) + [found]


@pytest.mark.parametrize("verify", [0.5, 1.0])
def test_equal_sets_find_each_other_in_any_crowd(verify):
    """Copies of all documents of a bucket, after them; and at 0.5 copies of what was merged into the oldest."""
    count = 4 * minhash.CANDIDATES
    sets = [[3 * at, 3 * at + 1] for at in range(count)]
    sets = [sets[0], [0], *sets[1:], *sets, [0]]
    flat, offsets = np.concatenate(sets).astype(np.uint64), np.cumsum([0, *map(len, sets)])
    buckets = np.zeros((len(sets), 1), dtype=np.uint64)
    survivors, similarities = minhash.stars(np.arange(len(sets)), buckets, flat, offsets, verify)
    half = [-1, 0 if verify == 0.5 else -1, *[-1] * (count - 1)]
    assert survivors.tolist() == [*half, 0, *range(2, count + 1), 0 if verify == 0.5 else 1]
    assert (similarities[count + 1 : -1] == 1.0).all() and similarities[-1] == verify


def test_sets_of_one_print_are_compared_themselves(monkeypatch):
    """Nothing is removed for a hash: were all prints equal, only equal sets would still merge."""
    monkeypatch.setattr(minhash, "prints", lambda hashes, offsets, chosen: np.zeros(len(chosen), np.uint64))
    flat, buckets = np.array([1, 2, 1, 3], np.uint64), np.zeros((4, 1), np.uint64)
    survivors, _ = minhash.stars(np.arange(4), buckets, flat, np.arange(5), 1.0)
    assert survivors.tolist() == [-1, -1, 0, -1]


@settings(max_examples=300, deadline=None)
@given(DOCS, st.booleans())
def test_digests(docs, ignore_case):
    expected = [oracle.normalised(oracle.as_bytes(doc), ignore_case) for doc in docs]
    for array in layouts(docs):
        data, bounds = content.normalised(array, ignore_case)
        assert [data[a:b].tobytes() for a, b in pairwise(bounds)] == expected
        digests, lengths = content.digests(array, ignore_case)
        assert lengths.tolist() == [len(text) for text in expected]
        assert [row.tobytes() for row in digests] == [hashlib.blake2b(t, digest_size=16).digest() for t in expected]
        quick, lengths = content.quick_digests(array, ignore_case)
        assert lengths.tolist() == [len(text) for text in expected]
        assert [row.tobytes() for row in quick] == [hashlib.blake2s(t, digest_size=16).digest() for t in expected]


BLOCKS = [
    "a" * 63 + " ",
    " " + "a" * 63,
    "A b" * 30,
    "a" * 62 + "  ",
    "a\n" * 40,
    "é" + "x" * 70,
    "\x1c" + "B" * 90,
    "z" * 31,
]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.sampled_from(BLOCKS), max_size=8).map("".join), max_size=4), st.booleans())
def test_normalised_by_blocks_of_64_bytes(docs, ignore_case):
    data, bounds = content.normalised(pa.array(docs, pa.string()), ignore_case)
    expected = [oracle.normalised(doc.encode(), ignore_case) for doc in docs]
    assert [data[a:b].tobytes() for a, b in pairwise(bounds)] == expected


def test_lower_case_may_be_longer():
    data, _ = content.normalised(pa.array(["Ⱥ" * 100]), True)
    assert data.tobytes().decode() == "ⱥ" * 100


@pytest.mark.skipif("NUMBA_BOUNDSCHECK" in os.environ, reason="is the child")
def test_with_bounds_checking(tmp_path):
    child = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    only = "shingle_sets or test_sketch or blocks or test_stars or digests or test_groups or long or longer"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-k", only]
    done = subprocess.run(command, env=child, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
