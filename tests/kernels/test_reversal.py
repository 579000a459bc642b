"""Reversed texts against Python's lists of words."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datacurate.kernels import reversal, uax29
from datacurate.kernels.arrow import bytes_and_offsets

TEXT = st.text(max_size=40) | st.lists(
    st.sampled_from(["Ann", "of", "the", "J", ". ", " ", "-", "'", " & ", "Éva", "11", ", ", "\n", "中文", "\u00a0"]),
    max_size=12,
).map("".join)  # fmt: skip


def spans(text: str) -> list[tuple[int, int]]:
    found = uax29.words(*bytes_and_offsets(pa.array([text])))
    return list(zip(found.starts.tolist(), found.ends.tolist(), strict=True))


def slow_names(text: str) -> list[tuple[int, int]]:
    """Words, and runs of words that begin with capitals as one."""
    raw, words, made, k = text.encode(), spans(text), [], 0

    def word(n: int) -> str:
        return raw[slice(*words[n])].decode()

    while k < len(words):
        last, at, links = k, k, 0
        while (c := word(k)[0]).isupper() or c.istitle():
            if at + 1 == len(words):
                break
            gap = raw[words[at][1] : words[at + 1][0]].decode(errors="replace")
            initial = words[at][1] - words[at][0] == 1
            if gap not in (" ", "-", "'", " & ") and not (initial and gap in (".", ". ")):
                break
            at += 1
            first = word(at)[0]
            if first.isupper() or first.istitle() or (first in "0123456789" and not links):
                last, links = at, 0
            elif links < reversal.MOST_LINKS and word(at) in reversal.LINKS:
                links += 1
            else:
                break
        made.append((words[k][0], words[last][1]))
        k = last + 1
    return made


def slow_reverse(text: str, blocks: list[tuple[int, int]]) -> str:
    """Blocks, and runs of white space or other characters between them, in the opposite order."""
    raw, units, at = text.encode(), [], 0
    for begin, end in [*blocks, (len(raw), len(raw))]:
        units += re.findall(r"\s+|\S+", raw[at:begin].decode())
        units.append(raw[begin:end].decode())
        at = end
    return "".join(reversed(units))


def blocks_of(found, document: int) -> list[tuple[int, int]]:
    low, high = found.offsets[document], found.offsets[document + 1]
    return list(zip(found.starts[low:high].tolist(), found.ends[low:high].tolist(), strict=True))


@settings(deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=4))
@example(
    ["The University of California at Berkeley", "J. R. R. Tolkien & Sons's", "Bank of the of West", "Apollo 11 of 12"]
)
def test_words_and_names(texts):
    array = pa.array(texts)
    for made, slow in ((reversal.words(array), spans), (reversal.names(array), slow_names)):
        for i, text in enumerate(texts):
            assert blocks_of(made, i) == slow(text)
        some = np.arange(len(texts)) % 2 == 0
        turned = reversal.reverse(array, some, made).to_pylist()
        assert turned == [slow_reverse(t, slow(t)) if s else t for t, s in zip(texts, some, strict=True)]


@settings(deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=4), st.integers(1, 4), st.integers(0, 99))
def test_segments_are_runs_of_words(texts, longest, seed):
    found = reversal.segments(pa.array(texts), longest, np.full(len(texts), seed, np.uint64))
    for i, text in enumerate(texts):
        words, at = spans(text), 0
        for begin, end in blocks_of(found, i):
            inside = [w for w in words if begin <= w[0] and w[1] <= end]
            assert 1 <= len(inside) <= longest and inside == words[at : at + len(inside)]
            assert (begin, end) == (inside[0][0], inside[-1][1])
            at += len(inside)
        assert at == len(words)


def test_lengths_of_segments_are_equally_likely():
    words = pa.array([" ".join(["w"] * 50)] * 2_000)
    found = reversal.segments(words, 5, np.arange(2_000, dtype=np.uint64))
    sizes = [(e - b + 2) // 2 for i in range(2_000) for b, e in blocks_of(found, i)[:-1]]
    assert len(sizes) > 25_000
    assert all(abs(sizes.count(n) / len(sizes) - 0.2) < 0.015 for n in range(1, 6))


def slow_listed(text: str, names: list[str]) -> list[tuple[int, int]]:
    raw, words, made, k = text.encode(), spans(text), [], 0
    said = [raw[a:b] for a, b in words]
    lists = [[n.encode()[a:b] for a, b in spans(n)][: reversal.MOST_WORDS] for n in names]
    while k < len(words):
        size = max([len(one) for one in lists if one and said[k : k + len(one)] == one], default=1)
        made.append((words[k][0], words[k + size - 1][1]))
        k += size
    return made


@settings(deadline=None)
@given(st.lists(st.tuples(TEXT, st.lists(TEXT, max_size=3)), min_size=1, max_size=4))
@example([("the king of Bern, x", ["king of", "king of Bern", "of Bern", ""]), ("Ann Bern", ["Ann Bern x"])])
def test_listed_names_stay_whole(given):
    names = [(name, i) for i, (_, some) in enumerate(given) for name in some]
    text = pa.array([text for text, _ in given])
    owners = np.array([i for _, i in names], np.int64)
    found = reversal.listed(text, pa.array([name for name, _ in names], pa.string()), owners)
    for i, (one, some) in enumerate(given):
        assert blocks_of(found, i) == slow_listed(one, some)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=30), min_size=1, max_size=3))
def test_any_bytes_are_kept(raw):
    array = pa.array(raw, pa.binary())
    for blocks in (reversal.words(array), reversal.names(array)):
        out = np.array(reversal.reverse(array, np.ones(len(raw), bool), blocks).cast(pa.binary()).to_pylist(), object)
        assert [sorted(a) for a in out] == [sorted(a) for a in raw]


@pytest.mark.parametrize(
    "text", ["a" * 10**7, "\n" * 10**7, "A " * 5_000_000, "\u0301" * 3_000_000, "J." * 3_000_000, "A of the " * 10**6]
)
def test_time_is_linear(text):
    import time

    array = pa.array([text])
    start = time.process_time()
    for blocks in (reversal.names(array), reversal.segments(array, 25, np.zeros(1, np.uint64))):
        assert len(reversal.reverse(array, np.ones(1, bool), blocks)[0].as_py()) == len(text)
    assert time.process_time() - start < 5


def test_nulls_slices_and_large_strings():
    array = pa.array(["no", "a b", None, "", "c d e"]).slice(1)
    for kind in (array, array.cast(pa.large_string())):
        made = reversal.reverse(kind, np.ones(4, bool), reversal.words(kind))
        assert made.to_pylist() == ["b a", None, "", "e d c"] and made.type == kind.type
