"""Lines and paragraphs, their forms and their cuts, against slow twins."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacurate.kernels import edit, firsts, line_forms, lines
from datacurate.kernels.arrow import bytes_and_offsets
from tests.kernels import oracle_lines, text_samples

UNITS = [("line", False), ("line", True), ("paragraph", False)]
lineated = st.lists(
    st.sampled_from(["a", "b", "É", "", " ", "\u00a0", "\r", "\n", "a b", "x\x07", "\u2028", "- ", "\xb2"]), max_size=14
).map(lambda parts: "\n".join(parts).encode())
documents = st.lists(st.one_of(lineated, text_samples.anything, text_samples.mixed_bytes), max_size=6)


def found(rows: list[bytes], unit: str, blank: bool) -> list[list[tuple[int, int]]]:
    data, offsets = bytes_and_offsets(pa.array(rows, pa.binary()))
    got = lines.parts(data, offsets, unit, blank)
    spans = zip(*(part.tolist() for part in got), strict=True)
    made: list[list[tuple[int, int]]] = [[] for _ in rows]
    for start, end, document in spans:
        made[document].append((start - int(offsets[document]), end - int(offsets[document])))
    return made


@settings(deadline=None)
@given(documents)
@pytest.mark.parametrize(("unit", "blank"), UNITS)
def test_parts_are_the_twin_s(unit, blank, rows):
    assert found(rows, unit, blank) == [oracle_lines.parts(row, unit, blank) for row in rows]


@pytest.mark.parametrize(("unit", "blank"), UNITS)
def test_parts_of_real_and_of_awkward_documents(unit, blank):
    rows = [*text_samples.HARD, *(row[:3000] for row in text_samples.real_documents()[::10])]
    assert found(rows, unit, blank) == [oracle_lines.parts(row, unit, blank) for row in rows]


def formed(parts: list[bytes], how: str) -> list[bytes]:
    data, offsets = bytes_and_offsets(pa.array([b"before", *parts], pa.binary()).slice(1))
    form, first, last = line_forms.forms(data, offsets[:-1], offsets[1:], how)
    return [form[a:b].tobytes() for a, b in zip(first, last, strict=True)]


@settings(deadline=None)
@given(documents)
@pytest.mark.parametrize("how", line_forms.FORMS)
def test_forms_are_the_twin_s(how, rows):
    assert formed(rows, how) == [oracle_lines.form(row, how) for row in rows]


@pytest.mark.parametrize("how", line_forms.FORMS)
def test_forms_of_every_character(how):
    rows = [chr(point).encode() for point in range(0x110000) if not 0xD800 <= point <= 0xDFFF]
    assert formed(rows, how) == [oracle_lines.form(row, how) for row in rows]


@pytest.mark.parametrize(
    ("how", "one", "other"),
    [
        ("lower", " ΟΔΟΣ ", "οδος"),
        ("ccnet", "Call 555-123 \x07now！", "call 000-999 now"),
        ("letters", "Café, 1 Ürün?", "cafe\u0301   2 URUN"),
        ("letters", "שָׁלוֹם", "שלום"),
    ],
)
def test_forms_bring_together(how, one, other):
    a, b = formed([one.encode(), other.encode()], how)
    assert a == b != b""


def test_measure_counts_characters_and_words():
    rows = ["", " \n", "one two\u00a0three", "é", "😀 \x1c x"]
    data, offsets = bytes_and_offsets(pa.array(rows))
    characters, words = line_forms.measure(data, offsets[:-1], offsets[1:])
    assert characters.tolist() == [len(row) for row in rows] and words.tolist() == [len(row.split()) for row in rows]
    for most in (0, 2, 99):
        left = [min(most, len("".join(row.split()))) for row in rows]
        assert lines.characters(data, offsets, most).tolist() == left


def cut(rows: list[bytes], unit: str, gone: list[list[tuple[int, int]]]) -> list[bytes]:
    text = pa.array(rows, pa.binary())
    at = np.cumsum([0, *map(len, gone)])
    flat = np.array([span for spans in gone for span in spans], np.int64).reshape(-1, 2)
    made = lines.cuts(*bytes_and_offsets(text), unit, at, flat[:, 0], flat[:, 1])
    lists = pa.LargeListArray.from_arrays(pa.array(2 * at), pa.array(made))
    got = edit.cut(text, lists)
    return [] if not rows else got.cast(pa.binary()).to_pylist()


@settings(deadline=None)
@given(documents, st.randoms(use_true_random=False), st.booleans())
def test_what_is_left_is_the_other_lines_joined(rows, rng, blank):
    gone = [[span for span in spans if rng.random() < 0.5] for spans in found(rows, "line", blank)]
    expected = [oracle_lines.without_lines(row, spans) for row, spans in zip(rows, gone, strict=True)]
    assert cut(rows, "line", gone) == expected


@settings(deadline=None)
@given(documents, st.randoms(use_true_random=False))
def test_what_is_left_is_the_other_paragraphs(rows, rng):
    spans = found(rows, "paragraph", False)
    gone = [[span for span in own if rng.random() < 0.5] for own in spans]
    for row, own, cut_out, left in zip(rows, spans, gone, cut(rows, "paragraph", gone), strict=True):
        kept = [row[a:b] for a, b in own if (a, b) not in cut_out]
        assert [left[a:b] for a, b in oracle_lines.parts(left, "paragraph")] == kept
        assert left == row or len(left) < len(row)


@pytest.mark.parametrize(
    ("text", "gone", "left"),
    [
        ("a\n\nb\n\nc\n", "b", "a\n\nc\n"),
        ("a\n\n\nb\n", "b", "a\n"),
        ("a\n\nb\n\nc", "bc", "a"),
        ("\n\na\n\n  b", "a", "\n\n  b"),
    ],
)
def test_blank_lines_go_with_their_paragraph(text, gone, left):
    spans = [(a, b) for a, b in oracle_lines.parts(text.encode(), "paragraph") if text[a:b].strip() in gone]
    assert cut([text.encode()], "paragraph", [spans]) == [left.encode()]


@settings(deadline=None)
@given(st.lists(st.tuples(*(st.integers(0, 2) for _ in range(5))), max_size=60))
def test_firsts_are_the_least(records):
    columns = np.array(records, np.uint64).reshape(-1, 5).T
    leader, alone = firsts.firsts(*columns)
    for i, (high, low, *_) in enumerate(records):
        same = [j for j, other in enumerate(records) if other[:2] == (high, low)]
        assert leader[i] == min(same, key=lambda j: (*records[j][2:], j)) and alone[i] == (len(same) == 1)


parts_of_batch = st.tuples(*(st.integers(0, 9) for _ in range(4)), st.sampled_from([0, 5, 0xFFFE, 0xFFFF, 1 << 20]))


@settings(deadline=None)
@given(st.lists(st.lists(parts_of_batch, max_size=20), max_size=3), st.sampled_from([firsts.FIELDS, firsts.SHORT]))
def test_records_are_dealt_and_read_in_their_order(batches, fields):
    """Slice by slice what came in: first copies of a batch as records, with their copies, each where it stands."""
    ranks = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3], np.uint64) * np.uint64(7)
    made: list[dict] = []
    expected: list[list] = []
    for number, parts in enumerate(batches):
        parts = sorted({part[:4]: part for part in parts}.values(), key=lambda part: part[2:])
        high, low, document, start, size = np.array(parts, np.int64).reshape(-1, 5).T
        digests = np.stack([high, low], axis=1).astype(np.uint64)
        made.append(firsts.deal(digests, ranks, document, start, start + size, 3, fields)._asdict())
        ordered = sorted(range(len(parts)), key=lambda i: (ranks[parts[i][2]], parts[i][2], parts[i][3]))
        leader = [next(j for j in ordered if parts[j][:2] == parts[i][:2]) for i in range(len(parts))]
        row = [part[2] + 100 * number for part in parts]
        expected.append([(a, b, int(ranks[d]), row[i], at, n, leader[i]) for i, (a, b, d, at, n) in enumerate(parts)])
    packed = [firsts.packed(firsts.Dealt(**batch), 100 * number) for number, batch in enumerate(made)]
    for k in range(3):
        one = {name: _end_to_end([batch[name] for batch in made], k) for name in firsts.Dealt._fields}
        first = np.arange(len(batches), dtype=np.uint64) * np.uint64(100)
        there = [
            values[bounds[n] : bounds[n + 1]] for some, (values, bounds) in packed for n in np.flatnonzero(some == k)
        ]
        again = firsts.unpacked((np.concatenate([np.empty(0, np.uint64), *there]), np.cumsum([0, *map(len, there)])))
        for name in firsts.Dealt._fields:
            assert getattr(again.lists, name)[0].tolist() == one[name][0].tolist()
            assert np.diff(getattr(again.lists, name)[1]).sum() == len(one[name][0])
        assert again.first.tolist() == [100 * at for at, (some, _) in enumerate(packed) if k in some]
        found = firsts.records(one["records"], first, one["ranks"][0], one["long"][0], fields)
        mine = [[(i, part) for i, part in enumerate(parts) if part[0] % 3 == k] for parts in expected]
        heads = [part[:6] for parts in mine for i, part in parts if part[6] == i]
        got = list(zip(*(column.tolist() for column in found), strict=True))
        assert [
            row if fields == firsts.FIELDS else (row[0], head[1], *row[2:])
            for row, head in zip(got, heads, strict=True)
        ] == heads
        copies = firsts.records(one["copies"], first, one["ranks"][0][:0], one["long_copies"][0], 1)
        order = [i for parts in mine for i, part in parts if part[6] == i]
        wanted = [part for parts in mine for head, top in parts if top[6] == head
                  for i, part in parts if part[6] == head != i]  # fmt: skip
        assert list(zip(copies.row.tolist(), copies.start.tolist(), copies.length.tolist(), strict=True)) == [
            part[3:6] for part in wanted
        ]
        values, _ = one["several"]
        counts = [
            sum(part[6] == head for _, part in parts) - 1 for parts in mine for head, top in parts if top[6] == head
        ]
        places = [place for parts in mine for place, _ in enumerate([1 for head, top in parts if top[6] == head])]
        assert [(int(v) >> 32, int(v) & 0xFFFFFFFF) for v in values] == [
            pair for pair in zip(places, counts, strict=True) if pair[1]
        ]
        assert len(order) == len(got)
        if fields == firsts.SHORT:
            runs = firsts.runs(one["records"], first, one["ranks"][0])
            assert runs.hashes.tolist() == [row[0] for row in got]
            spread = [
                (rank, row) for rank, row, n in zip(runs.ranks, runs.rows, runs.lengths, strict=True) for _ in range(n)
            ]
            assert spread == [row[2:4] for row in got]


def test_a_line_on_every_page_is_one_record():
    """Its slice holds 8 bytes of each of its copies, and one record of the first by rank."""
    ranks = np.arange(1000, dtype=np.uint64)[::-1].copy()
    digests, zeros = np.full((1000, 2), 7, np.uint64), np.zeros(1000, np.int64)
    made = firsts.deal(digests, ranks, np.arange(1000), zeros, zeros + 4, 4)
    values, bounds = made.records
    assert bounds.tolist() == [0, 0, 0, 0, 3] and values.tolist() == [7, 7, 999 << 48 | 4]
    assert np.diff(made.copies[1]).tolist() == [0, 0, 0, 999] and made.several[0].tolist() == [999]
    assert made.ranks[0].tolist() == [0]


def _end_to_end(lists: list[tuple], k: int) -> tuple:
    """The lists of slice `k` of several batches, as one pair of values and bounds."""
    mine = [values[bounds[k] : bounds[k + 1]] for values, bounds in lists]
    return np.concatenate([np.empty(0, np.uint64), *mine]), np.cumsum([0, *map(len, mine)])


@pytest.mark.parametrize("part", [b"a", b"\n", b" \n", b"a\n", b"\xff", b"\xcc\x81", "東\n".encode()], ids=ascii)
def test_hostile_documents_take_linear_time(part):
    row = part * (4_000_000 // len(part))
    data, offsets = bytes_and_offsets(pa.array([row], pa.large_binary()))
    lines.parts(data[:0], offsets[:1], "line"), formed([b"a"], "letters")
    started = time.perf_counter()
    for unit, blank in UNITS:
        got = lines.parts(data, offsets, unit, blank)
        line_forms.forms(data, got.starts, got.ends, "letters")
        at = np.array([0, len(got.starts)])
        lines.cuts(data, offsets, unit, at, got.starts, got.ends)
    assert time.perf_counter() - started < 10
