"""Anchors, pieces and bytes of repeated spans, against slow twins."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import partial
from hashlib import blake2s
from itertools import pairwise
from pathlib import Path

import numpy as np
import oracle_substring as oracle
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from text_samples import HARD, documents, layouts

from datacurate.kernels import text as words
from datacurate.kernels import winnow, winnow_match, winnow_records, winnow_spans, winnow_tokens
from datacurate.kernels.firsts import ranks

RUNS = st.lists(st.tuples(st.sampled_from([b"a", b"b ", b"ab", b"\n", "é".encode()]), st.integers(1, 40)), max_size=5)
runs = RUNS.map(lambda parts: b"".join(part * times for part, times in parts))


def rows_of(found, doc):
    mine = found[found[:, winnow.DOCUMENT] == doc]
    names = (winnow.ANCHOR, winnow.HIGH, winnow.LOW, winnow.START, winnow.LEAD, winnow.WINDOWS)
    return [tuple(row) for row in mine[:, names].tolist()]


def told(rows):
    """The twin's rows, with the digest of the block."""
    made = []
    for anchor, block, *rest in rows:
        said = np.frombuffer(blake2s(block, digest_size=16).digest(), np.uint64)
        made.append((anchor, *said.tolist(), *rest))
    return made


@settings(max_examples=200, deadline=None)
@given(st.lists(runs | documents.map(b" ".join), max_size=4), st.integers(2, 12), st.booleans())
def test_anchors_are_the_twins(texts, least, tokens):
    found = winnow.anchors(pa.array(texts, pa.binary()), least, tokens)
    assert (np.diff(found[:, winnow.DOCUMENT].astype(np.int64)) >= 0).all()
    for doc, raw in enumerate(texts):
        blocks, values = [bytes([byte]) for byte in raw], [winnow.BYTES[byte] for byte in raw]
        if tokens:
            made = winnow.symbols(np.frombuffer(raw, np.uint8), np.array([0, len(raw)]), True)
            blocks = [made.data[a:b].tobytes() for a, b in pairwise(made.bounds)]
            values = made.hashes
        twin = oracle.winnowed([int(value) for value in values], blocks, least, winnow.kgram(least))
        assert rows_of(found, doc) == told(twin)


@settings(deadline=None)
@given(documents)
def test_tokens_are_written_with_a_space_each(texts):
    array = pa.array(texts, pa.binary())
    data, offsets = winnow.bytes_and_offsets(array)
    made = winnow.symbols(data, offsets, True)
    found = words.words(array)
    first = np.repeat(offsets[:-1], np.diff(found.offsets))
    tokens = [bytes(data[a:b]) for a, b in zip(first + found.starts, first + found.ends, strict=True)]
    assert [made.data[a:b].tobytes() for a, b in pairwise(made.bounds)] == [token + b" " for token in tokens]
    assert not any(b" " in token for token in tokens)
    assert np.array_equal(made.offsets, found.offsets)
    known = dict(zip(tokens, made.hashes.tolist(), strict=True))
    assert [known[token] for token in tokens] == made.hashes.tolist(), "equal tokens, equal hashes, wherever they stand"


@pytest.mark.parametrize("tokens", [False, True])
def test_layouts_and_pieces(tokens, monkeypatch):
    rows = [*HARD, None, b"one two three four five six seven " * 9]
    arrays = layouts(rows)
    plain = winnow.anchors(pa.array(rows, pa.binary()), 5, tokens)
    assert len(plain) > 50
    for name, array in arrays.items():
        assert np.array_equal(winnow.anchors(array, 5, tokens), plain), name
    monkeypatch.setattr(winnow, "PIECE", 100)
    assert np.array_equal(winnow.anchors(array, 5, tokens), plain)
    columns = (winnow.DOCUMENT, winnow.START, winnow.WINDOWS, winnow.BYTE)
    docs, starts, counts, begins = (plain[:, column].astype(np.int64) for column in columns)
    wanted = winnow.Wanted(docs, starts, counts + 4, starts, begins)
    said = winnow.contexts(pa.array(rows, pa.binary()), wanted, tokens).to_pylist()
    digests = [np.frombuffer(blake2s(one, digest_size=16).digest(), np.uint64) for one in said]
    assert np.array_equal(np.array(digests), plain[:, [winnow.HIGH, winnow.LOW]])


@pytest.mark.parametrize("part", [b"x", b"ab", b"line\n", b"0123456789 "])
def test_repetition_at_once_makes_few_anchors(part):
    text = pa.array([part * (2_000_000 // len(part))], pa.binary())
    for least in (50, 100):
        assert len(winnow.anchors(text, least, False)) < 2_000_000 // least * 2 + 4 * least
        assert len(winnow.anchors(text, least, True)) < 1_000_000 // least * 2 + 4 * least


@st.composite
def spans(draw):
    found = []
    for _ in range(draw(st.integers(0, 25))):
        row, start, length = draw(st.integers(0, 2)), draw(st.integers(0, 60)), draw(st.integers(1, 20))
        survivor, shift = draw(st.integers(0, 2)), draw(st.sampled_from([0, 100, 105]))
        block = draw(st.integers(0, start)) | draw(st.integers(0, 99)) << 32
        found.append((row, start, start + length, survivor, start + shift, block))
    return sorted(set(found))


def packed(spans):
    """Spans as `winnow_match` writes them."""
    made = []
    for row, start, end, survivor, there, block in spans:
        run = start << 32 | (end - start) << 16 | start - (block & 0xFFFFFFFF)
        made.append((row, run, survivor, there << 32 | block >> 32))
    return np.array(made, np.uint64).reshape(-1, winnow_match.SPAN)


@settings(max_examples=300, deadline=None)
@given(spans(), st.randoms())
def test_pieces_cover_what_spans_cover(given_, random):
    symbols = {(row, at) for row, start, end, *_ in given_ for at in range(start, end)}
    copies = {
        (row, at, who, there + at - start) for row, start, end, who, there, _ in given_ for at in range(start, end)
    }
    holding = {(row, at, block) for row, start, end, *_, block in given_ for at in range(start, end)}
    pieces = winnow_spans.cover(packed(given_)).tolist()
    covered = [(row, at) for row, start, end, *_ in pieces for at in range(start, end)]
    assert len(covered) == len(set(covered)) and set(covered) == symbols
    assert covered == sorted(covered)
    for row, start, end, who, there, head, tail in pieces:
        assert all((row, at, who, there + at - start) in copies for at in range(start, end))
        assert (row, start, head) in holding and (row, end - 1, tail) in holding
    mixed = random.sample(given_, len(given_))
    assert [piece[:5] for piece in winnow_spans.cover(packed(mixed)).tolist()] == [piece[:5] for piece in pieces]


def test_pieces_of_many_rows():
    """Rows are covered in buckets."""
    spans = [(row, at, at + 30, 7, at, at) for row in range(3_000) for at in (0, 20, row % 90)]
    pieces = winnow_spans.cover(packed(spans))
    assert len(spans) > 2 * winnow_spans.BUCKET
    for some, _ in zip(np.split(pieces, np.flatnonzero(np.diff(pieces[:, 0])) + 1), range(3_000), strict=True):
        (row,) = {int(one) for one in some[:, 0]}
        symbols = [at for _, start, end, *_ in some.tolist() for at in range(start, end)]
        assert symbols == sorted({*range(50), *range(row % 90, row % 90 + 30)})


@st.composite
def texts_and_pieces(draw):
    text = "".join(draw(st.lists(st.sampled_from(["a", "bc", "é", "東", " ", "  ", "\n", "\n\n", "."]), max_size=30)))
    raw, tokens = text.encode(), draw(st.booleans())
    count = len(words.words(pa.array([text])).starts) if tokens else len(raw)
    bounds = sorted(draw(st.sets(st.integers(0, count), max_size=8)))
    pieces = [pair for pair in pairwise(bounds) if draw(st.booleans())]
    return raw, tokens, pieces


@settings(max_examples=500, deadline=None)
@given(st.lists(texts_and_pieces(), min_size=1, max_size=3), st.booleans(), st.booleans(), st.randoms())
def test_bytes_of_pieces(made, lines, gaps, random):
    tokens = made[0][1]
    made = [one for one in made if one[1] == tokens]
    text = pa.array([raw for raw, *_ in made], pa.binary())
    at = np.cumsum([0, *(len(pieces) for *_, pieces in made)])
    flat = np.array([pair for *_, pieces in made for pair in pieces], np.int64).reshape(-1, 2)
    heads, tails = blocks_of(made, tokens, random)
    given_ = winnow_spans.Pieces(at, flat[:, 0].copy(), flat[:, 1].copy(), heads, tails)
    got = winnow_spans.to_bytes(text, given_, tokens, lines, gaps)
    cut, marked = [], winnow_spans.mask(text, at, got[:, 0].copy(), got[:, 1].copy(), "<>").to_pylist()
    for doc, (raw, _, pieces) in enumerate(made):
        found = words.words(text[doc : doc + 1]) if tokens else None
        places = list(zip(found.starts.tolist(), found.ends.tolist(), strict=True)) if tokens else None
        wanted = oracle.cut_bytes(raw, joined(pieces), places, lines, gaps)
        mine = [tuple(pair) for pair in got[at[doc] : at[doc + 1]].tolist()]
        assert joined([pair for pair in mine if pair[0] < pair[1]]) == wanted
        assert all(a <= b for a, b in mine) and all(one[1] <= two[0] for one, two in pairwise(mine) if one[0] < one[1])
        raw.decode() if not tokens else None
        cut.append(replaced(raw, wanted, b"<>"))
        assert replaced(raw, wanted, b"").decode() is not None, "no character is cut in two"
        assert all(part.decode() is not None for part in (raw[a:b] for a, b in mine))
    assert marked == cut


def blocks_of(made, tokens, random):
    """For the first and the last symbol of every piece a symbol at or before it, and the byte at which it begins."""
    blocks = ([], [])
    for raw, _, pieces in made:
        begins = words.words(pa.array([raw], pa.binary())).starts if tokens else np.arange(len(raw))
        for start, end in pieces:
            for which, symbol in enumerate((start, end - 1)):
                known = random.randint(max(0, symbol - 5), symbol)
                blocks[which].append(int(begins[known]) << 32 | known)
    return tuple(np.array(one, np.uint64) for one in blocks)


def joined(pairs):
    made = []
    for start, end in pairs:
        if made and made[-1][1] == start:
            made[-1] = (made[-1][0], end)
        else:
            made.append((start, end))
    return made


def replaced(raw, pairs, mark):
    out, place = b"", 0
    for start, end in pairs:
        out, place = out + raw[place:start] + mark, end
    return out + raw[place:]


def classes_of(contexts, least):
    """Classes of one group, whose anchor is the first symbol of the last window, with a member each.

    Every window of a block holds its anchor, so there are at most `least`.
    """
    counts = np.array([len(context) - least + 1 for context in contexts])
    zero = np.zeros(len(contexts), np.int64)
    return winnow_match.Classes(zero, counts, counts - 1, np.arange(len(contexts) + 1))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.text("ab", min_size=4, max_size=7), min_size=2, max_size=12), st.sampled_from([0, 1, 7]), st.booleans()
)
def test_windows_that_meet_in_the_hash_are_told_apart(contexts, mask, tokens):
    """Equal hashes of windows that differ, which only malice makes, change nothing. Nor does comparing without any."""
    least, raw = 4, [context.encode() for context in contexts]
    said = [b"".join(bytes([byte]) + b" " for byte in one) for one in raw] if tokens else raw
    data, offsets = np.frombuffer(b"".join(said), np.uint8), np.cumsum([0, *map(len, said)])
    classes = classes_of(contexts, least)
    given_ = (data, offsets, np.ones(len(raw), bool), classes, least, tokens)
    firsts, flats, owners = winnow_match.first_windows(*given_)
    known, wanted = {}, []
    for one, context in enumerate(contexts):
        for at in range(classes.windows[one]):
            # windows are equal when the anchor is as far behind their beginning, too
            wanted.append(known.setdefault((context[at : at + least], int(classes.leads[one]) - at), len(wanted)))
    assert firsts.tolist() == wanted
    for few in (0, 100):
        assert winnow_match.first_windows(*given_, few)[0].tolist() == wanted
        assert winnow_match.first_windows(*given_, few, mask=mask)[0].tolist() == wanted
    assert flats[-1] == len(wanted)
    assert owners.tolist() == np.repeat(np.arange(len(contexts)), np.diff(flats)).tolist()


PARTS = st.sampled_from(
    [
        "a",
        "It's",
        "e.g.",
        "3,000",
        "U.S.",
        "\u00a0",
        "\u3000",
        "\u200b",
        "ก",
        "ไทย",
        "東京",
        "\ufeff",
        "é",
        "ж",
        "...",
        "-",
    ]
)
BLANKS = st.sampled_from(["", " ", "\n", "  ", "\t", " \u00a0 ", " " * 300])
TEXTS = st.lists(st.tuples(PARTS, BLANKS), max_size=60).map(lambda parts: "".join(map("".join, parts)).encode())


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS | TEXTS.map(lambda raw: raw * 20) | st.binary(max_size=60), min_size=1, max_size=3), st.data())
def test_tokens_near_a_place(texts, data):
    """Tokens that are found from any one at or before them, or the one after the first, are those of the whole text."""
    wanted, expected = [], []
    for doc, raw in enumerate(texts):
        found = words.words(pa.array([raw], pa.binary()))
        total = len(found.starts)
        for first in sorted(data.draw(st.lists(st.integers(0, total - 1), max_size=6))) if total else []:
            known = min(data.draw(st.integers(max(0, first - 9), first + 1)), total - 1)
            count = data.draw(st.integers(1, 4))
            wanted.append((doc, first, count, known, int(found.starts[known])))
            ends = [array[first : first + count].tolist() for array in (found.starts, found.ends)]
            expected.append(list(zip(*ends, strict=True)))
    given_ = winnow_tokens.Wanted(*np.array(wanted, np.int64).reshape(-1, 5).T)
    found = winnow_tokens.near(*winnow.bytes_and_offsets(pa.array(texts, pa.binary())), given_)
    for at, count, tokens in zip(found.at, found.counts, expected, strict=True):
        mine = (array[at : at + count].tolist() for array in (found.starts, found.ends))
        assert list(zip(*mine, strict=True)) == tokens


def test_few_tokens_of_a_long_text_are_cut():
    """What is cut is near the place, however long the text is."""
    text = pa.array(["word and so on " * 100_000])
    found = words.words(text)
    given_ = (np.zeros(2, np.int64), np.array([200_000, 399_998]), np.full(2, 3), np.array([199_990, 399_999]))
    made = winnow_tokens.near(
        *winnow.bytes_and_offsets(text), winnow_tokens.Wanted(*given_, found.starts[given_[3]].astype(np.int64))
    )
    assert made.at.max() < 40 and made.counts.tolist() == [3, 2]


records = st.lists(
    st.tuples(*(st.integers(0, most) for most in (20, 1, 1, 3)), st.integers(0, 2**40), st.integers(0, 2**40)),
    max_size=150,
)


@settings(max_examples=300, deadline=None)
@given(records, st.sampled_from([1, 30]))
def test_classes_are_the_twins(rows, times):
    made = np.array(rows * times, np.uint64).reshape(-1, winnow_records.FIELDS)
    made[:, 0] = winnow.BYTES[made[:, 0].astype(np.int64)]
    bases = np.arange(len(made), dtype=np.uint64) << np.uint64(33)
    classes, members, numbers, heads = winnow_records.grouped(made.reshape(-1), bases)
    got = {}
    for c in range(len(classes.groups)):
        some = slice(classes.members[c], classes.members[c + 1])
        mine = [array[some].tolist() for array in members]
        about = (int(classes.windows[c]), int(classes.leads[c]), int(numbers[c]) >= 0)
        got.setdefault(int(classes.groups[c]), []).append((about, list(zip(*mine, strict=True))))
    wanted = oracle.classes(made.tolist(), bases.tolist())
    assert sorted(got.values(), key=repr) == sorted(wanted, key=repr)
    blocks = {tuple(row[:3]) for row in made.tolist()}
    assert len(heads) == len({tuple(row) for row in made[heads, :3].tolist()}) <= len(blocks)
    assert np.array_equal(members.orders[classes.members[:-1]], made[heads, 3])
    *_, everything = winnow_records.grouped(made.reshape(-1), bases, 1)
    assert {tuple(row) for row in made[everything, :3].tolist()} == blocks
    assert sorted(numbers[numbers >= 0].tolist()) == list(range((numbers >= 0).sum()))


def test_many_equal_blocks_are_sorted_in_little_time():
    made = np.zeros((300_000, winnow_records.FIELDS), np.uint64)
    made[:, 3] = np.arange(len(made))[::-1]
    start = time.process_time()
    _, members, *_ = winnow_records.grouped(made.reshape(-1), np.zeros(len(made), np.uint64))
    assert time.process_time() - start < 10
    assert members.orders.tolist() == list(range(len(made)))


def test_dealing_keeps_the_order():
    rows = np.arange(60, dtype=np.uint64).reshape(-1, 3)
    out, bounds = winnow_records.deal(rows, np.arange(20) * 7 % 3, 4)
    assert bounds.tolist() == [0, 7, 14, 20, 20]
    assert [row[0] // 3 for row in out.tolist()] == sorted(range(20), key=lambda i: i * 7 % 3)


def test_orders_say_nothing_of_places():
    ids, texts = pa.array(["a", "b", "a", "a"]), pa.array(["x", "x", "x", None])
    orders = ranks(ids, texts)
    assert orders[0] == orders[2] and len(set(orders.tolist())) == 3
    assert np.array_equal(ranks(ids.slice(1), texts.slice(1)), orders[1:])


@pytest.mark.skipif("NUMBA_BOUNDSCHECK" in os.environ, reason="is the child")
def test_with_bounds_checking(tmp_path):
    root = Path(__file__).resolve().parents[2]
    env = os.environ | {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", __file__]
    subprocess.run(command, check=True, env=env, cwd=root)


def test_a_small_mask_is_what_makes_hashes_meet():
    """Guards the test above: with `mask` the first attempt fails, and digests are used."""
    seen = []
    digested = winnow_match._digested
    data = np.frombuffer(b"abcdeabcxe", np.uint8)
    classes = classes_of(["abcde", "abcxe"], 4)
    run = partial(winnow_match.first_windows, data, np.array([0, 5, 10]), np.ones(2, bool), classes, 4, False, 1)
    try:
        winnow_match._digested = lambda *given_: seen.append(1) or digested(*given_)
        assert run().__len__() and not seen
        assert np.array_equal(run(mask=0)[0], run()[0]) and seen == [1]
    finally:
        winnow_match._digested = digested
