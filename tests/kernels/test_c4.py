"""C4's line rules against the slow twin, over arbitrary bytes and text made of what the rules look for."""

import time

import numpy as np
import oracle
import oracle_c4
import pyarrow as pa
import pytest
import text_samples
from hypothesis import example, given, settings
from hypothesis import strategies as st

from datacurate.kernels import c4, c4_lines, edit, text
from datacurate.kernels.c4 import Rules

DATATROVE = Rules(True, 3, True, 1000, True, True, True)
FRAGMENTS = [
    "lorem ipsum", "Lorem[1] IPSUM", "javascript", "Java[12]Script", "javascrİpt", "terms of use", "Privacy Policy",
    "use coo\u212aies", "USES COOKIES", "use of cookie", "cookie policy", "[", "]", "[1]", "[]", "[edit]", "[१२]",
    "[²]", "[citation needed]", "[[3]", "{", ".", "..", "...", "!", "?", '"', "'", "。", "।", "…", "-", "--", "_",
    " ", " ", " ", "  ", "\t", "\x1f", "\xa0", "\u3000", "\n", "\n", "\r\n", "\r", "\x0b", "\x1d", "\x85", "\u2028",
    "word", "two words", "a", "A", "7", "é", "\u0131", "東京", "한", "\u0301", "etc.", "U.S.", "e.g.", "J.", "3.5",
    "don't", "Mr.", "http://a.b/c.", "x" * 9, "é" * 9, "\\alpha", "\ufffd", "\x00", "x.Y", "(a.)",
]  # fmt: skip

pieces = st.lists(st.sampled_from(FRAGMENTS), max_size=30).map(lambda parts: "".join(parts).encode())
spaced = st.lists(st.sampled_from(FRAGMENTS), max_size=40).map(lambda parts: " ".join(parts).encode())
documents = st.lists(st.one_of(pieces, spaced, text_samples.anything, text_samples.mixed_bytes), max_size=5)
rules = st.builds(
    Rules,
    punctuated=st.booleans(),
    min_words=st.integers(0, 5),
    count_citations=st.booleans(),
    max_word_length=st.sampled_from([0, 1, 8, 9, 1000]),
    citations=st.booleans(),
    javascript=st.booleans(),
    policy=st.booleans(),
)


def check(rows, how, end_marks):
    array = pa.array(rows, pa.binary())
    found = c4.clean(array, how, end_marks)
    plain = edit.cut(array, found.cuts).cast(pa.binary())
    edited = c4.with_newlines(array, found.cuts).cast(pa.binary())
    for i, row in enumerate(rows):
        wanted, signals = oracle_c4.clean(oracle.decoded(row or b""), end_marks, how)
        mine = {name: int(values[i]) for name, values in found.signals.items()}
        odd, saved = mine.pop("odd_breaks"), mine.pop("break_bytes")
        assert mine == {name: signals.get(name, 0) for name in mine}, row
        assert edited[i].as_py() == (None if row is None else oracle.encoded(wanted)), row
        assert odd or plain[i] == edited[i], row
        assert saved == len(plain[i].as_py() or b"") - len(edited[i].as_py() or b""), row


@given(documents, rules, st.sampled_from([".?!\"'", '.?!"', "é。।", ""]))
@example([*text_samples.HARD, b"A b c.\rD e f.\n", b"[1] [2] [3]\na b c\n[4] [5] [6]"], DATATROVE, ".")
@example(
    ["[1]\u2028[2]\u2028a\u2028b\x85[3]\u2028c\r[4]\u2028\x85[5]".encode()],
    Rules(False, 0, True, 0, True, True, True),
    ".",
)
@example([b"\x00\r\x1f\n\x00"], Rules(False, 0, True, 0, True, True, True), ".")
@example([b"[1] [2] [3]\n  a b. [4]\n[4] [5] [6] "], Rules(False, 0, True, 0, True, True, True), ".")
@settings(max_examples=600, deadline=None)
def test_lines_and_texts_equal_the_oracle(rows, how, end_marks):
    check(rows, how, end_marks)


def test_real_text_equals_the_oracle():
    rows = list(text_samples.real_documents())
    if not rows:
        pytest.skip("no data folder beside the checkout")
    for how in (DATATROVE, Rules(False, 3, False, 20, True, True, True)):
        check(rows, how, ".?!\"'")


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=30), st.randoms())
@settings(max_examples=300, deadline=None)
def test_sentences_of_given_tokens(parts, random):
    """Lines come back whole, without their citations, and tokens that somebody else cut give their sentences."""
    document = "".join(parts)
    found = c4.clean(pa.array([document]), Rules(False, 0, True, 0, True, False, False), "", keep_lines=True)
    lines = found.lines.to_pylist()
    assert lines == [oracle_c4.CITATION.sub("", line.strip()) for line in document.splitlines()]
    assert found.documents.tolist() == [0] * len(lines) and not found.signals["sentences"].any()
    spans = [
        [span[:2] for span in oracle.segment(line.encode()) if random.random() < 0.9 or span[2] == oracle.MARK]
        for line in lines
    ]
    flat = np.array([span for of_one in spans for span in of_one], np.int32).reshape(-1, 2)
    words = text.Words(flat[:, 0], flat[:, 1], np.cumsum([0, *map(len, spans)], dtype=np.int64))
    wanted = [oracle_c4.sentences(line, of_one) for line, of_one in zip(lines, spans, strict=True)]
    assert c4.line_sentences_of(found.lines, words).tolist() == wanted


@given(st.lists(st.one_of(st.none(), pieces), max_size=6))
@settings(max_examples=50, deadline=None)
def test_layout_does_not_matter(rows):
    wanted = c4.clean(pa.array([row or b"" for row in rows], pa.binary()), DATATROVE, ".")
    for name, array in text_samples.layouts(rows).items():
        found = c4.clean(array, DATATROVE, ".")
        assert found.cuts.equals(wanted.cuts), name
        assert all(np.array_equal(values, wanted.signals[signal]) for signal, values in found.signals.items()), name


def test_digits_are_python_s():
    assert c4_lines.digits().tolist() == [chr(point).isdecimal() for point in range(0x110000)]


def test_null_stays_null():
    nothing = pa.array([[], [], []], pa.list_(pa.int32()))
    assert c4.with_newlines(pa.array(["a\rb", None, "\u2029"]), nothing).to_pylist() == ["a\nb", None, "\n"]


HALVES = st.sampled_from([b"\xc2", b"\x85", b"\xe2", b"\x80", b"\xa8", b"[1]", b"a b c.", b"\n", b"\r", b"\xc2\x85"])


@given(st.lists(st.lists(HALVES, max_size=8).map(b"".join), max_size=4))
@example([b"a b c\xc2", b"\x85d e f.\r"])
@example([b"a\xc2[1]\x85 b c d", b"e\rf"])
@settings(max_examples=300, deadline=None)
def test_bytes_that_meet_make_no_line_break(rows):
    """Invalid UTF-8 at the end of a document and the beginning of the next, or on both sides of a citation."""
    check(rows, Rules(False, 0, True, 0, True, True, True), ".")


@given(st.lists(st.lists(HALVES, max_size=8).map(b"".join), min_size=1, max_size=4))
@settings(max_examples=50, deadline=None)
def test_a_document_does_not_depend_on_its_neighbours(rows):
    """The stage hands on the same text of a document alone and among others."""
    from datacurate.stages.filters.c4 import C4

    stage = C4(end_marks=None, min_words_per_line=0, min_sentences=None)

    def handed(some):
        texts = pa.array(some, pa.binary()).view(pa.string())
        measured = pa.table(stage.measure(texts))
        return [one.as_buffer().to_pybytes() for one in stage.handed(pa.table({"text": texts}), measured)["text"]]

    assert handed(rows) == [text for row in rows for text in handed([row])]


HOSTILE = {
    "one line": "x" * 10_000_000,
    "one sentence": "a b. " * 2_000_000,
    "empty lines": "\n" * 1_000_000,
    "breaks": "\u2028" * 1_000_000,
    "lines": "A b c.\r" * 1_000_000,
    "brackets": "[" * 5_000_000 + "1" * 5_000_000,
    "citations": "[1]" * 2_000_000 + ".",
    "marks": "." * 1_000_000 + " ." * 1_000_000 + "! ? " * 1_000_000,
    "combining marks": "\u0301" * 3_000_000,
    "controls": "\x1c\x00\x1f" * 1_000_000,
    "no spaces": "一。" * 1_000_000,
    "words at the limit": ("é" * 900 + " ") * 5_000,
    "spaces": " " * 5_000_000 + "\xa0" * 1_000_000 + ".",
    "beginnings": "javascrip lorem ipsu terms of us use cookie " * 200_000 + ".",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_time_is_linear_on_hostile_input(name):
    c4.warm()
    array = pa.array([HOSTILE[name]])
    started = time.process_time()
    for how in (DATATROVE, Rules(False, 0, False, 1000, True, True, True)):
        found = c4.clean(array, how, ".")
        c4.with_newlines(array, found.cuts)
    assert time.process_time() - started < 6
