"""dolma's C4 taggers: the kernel against the slow twin, which the parity test compares with dolma itself."""

import time

import oracle
import oracle_dolma_c4 as twin
import pyarrow as pa
import pytest
import text_samples
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datacurate.kernels import dolma_c4

ENTRIES = ["a", "ab", "abc", "a b", "ab  c", "x y z", "é", "é a", "a é", "東", "i", "si\u0307", "λόγος", "k", "Upper",
           "b-c", "\U0001f595", " c d ", "", "a\tb c", "nine letters", "1 a b", "ς"]  # fmt: skip
FRAGMENTS = [*(entry for entry in ENTRIES if entry), "A", "AB", "İ", "K", "É", "ΛΌΓΟΣ", "UPPER", " ", " ", "\n", "\n",
             ".", "?", "!", '"', "{", "}", "javascript", "JavaScript", "java script", "lorem ipsum", "Lorem  Ipsum",
             "LOREM IPSUM", "lorem\nipsum", "\u3000", "\xa0", "\x85", "\u2028", "\t", "\r", "\x1c",
             "a word of it"]  # fmt: skip

texts = st.lists(st.sampled_from(FRAGMENTS), max_size=30).map(lambda parts: "".join(parts).encode())
broken = st.tuples(texts, st.binary(max_size=4), texts).map(b"".join)
rows_of = st.lists(st.one_of(texts, broken, text_samples.anything, text_samples.mixed_bytes), max_size=5)
lists = st.lists(st.sampled_from(ENTRIES), max_size=8)


def check(rows, entries):
    found = dolma_c4.measure(pa.array(rows, pa.binary()), dolma_c4.listed(entries))
    for at, row in enumerate(rows):
        wanted = twin.measure(oracle.decoded(row), entries)
        assert {name: int(values[at]) for name, values in found.items()} == wanted, row


@given(rows_of, lists)
@example([b"", b"\n", b"a", b"a b", b"ba b", b"a bc", "İ\n i İ".encode()], ["a b", "a", "i"])
@example([b"xa bx", b" a b", b"a\nb", b"a  b", b"ab  cd"], ["a b", "ab  c"])
@example([b"javascript", b"ajavascript javascript.", b".JAVASCRIPT\x85", b"JaVaScRiPt\xc2\xa0lorem Ipsum"], [])
@settings(max_examples=1000, deadline=None)
def test_every_signal_is_the_twin_s(rows, entries):
    check(rows, entries)


@given(st.integers(0, 200), st.sampled_from(ENTRIES), st.sampled_from(["", " ", "\n", "x", "\xa0"]))
@settings(max_examples=300, deadline=None)
def test_words_are_found_at_every_place(before, entry, after):
    """Of blocks of 64 bytes, at the beginning and at the end of a text."""
    rows = [f"{filling * before}{entry}{after}".encode() for filling in (" ", "z", "\u3000")]
    check([*rows, f"{'z' * before} {entry}{after}".encode()], ENTRIES)


def test_hard_and_real_documents():
    check([*text_samples.HARD, *text_samples.real_documents(300)], ["sex", "the", "of the", "une", "на", "的 "])


@pytest.mark.parametrize("name", list(text_samples.layouts([b""])))
def test_layouts(name):
    rows = [b"A line.\na b", None, b"", b"javascript { lorem ipsum"]
    entries = dolma_c4.listed(["a b"])
    found = dolma_c4.measure(text_samples.layouts(rows)[name], entries)
    assert [values.tolist() for values in found.values()] == [
        [twin.measure((row or b"").decode(), ["a b"])[signal] for row in rows] for signal in found
    ]


HOSTILE = {
    "one line": "a" * 10_000_000,
    "lines": "\n" * 1_000_000,
    "spaces": " " * 10_000_000,
    "nearly": "alabama hot pocke " * 500_000,
    "scripts": "javascrip" * 1_000_000,
    "joined": "javascript" * 1_000_000,
    "lorem": "lorem ipsu" * 1_000_000,
    "marks": "\u0301" * 3_000_000,
    "wide": "\u3000" * 3_000_000,
    "dotted": "İ" * 3_000_000,
    "sigmas": ("Σ" + "\u0301" * 3_000) * 500,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_time_is_linear_on_hostile_input(name):
    dolma_c4.warm()
    entries = dolma_c4.listed(["a" * 40 + "b", "alabama hot pocket", "hot pocket", "x", "ab"])
    started = time.process_time()
    dolma_c4.measure(pa.array([HOSTILE[name]]), entries)
    assert time.process_time() - started < 2
