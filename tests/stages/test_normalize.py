"""What `normalize` mends, counts and leaves alone; its look for lines to be mended misses none."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import ftfy
import numpy as np
import pyarrow as pa
import pytest
from ftfy import badness, chardata, fixes
from hypothesis import given, settings
from hypothesis import strategies as st

from datacurate.kernels import repair_edit, repair_scan, repair_tables
from datacurate.kernels.arrow import bytes_and_offsets
from datacurate.stages import _mojibake
from datacurate.stages._repairs import _tables, repaired
from datacurate.stages.normalize import _EDITED, REPAIRS, Normalize
from tests.kernels.oracle_repair import edited

ALL = Normalize(ligatures=True, widths=True, runs=True)
SUSPECTS = sorted(
    {char for chars in badness.MOJIBAKE_CATEGORIES.values() for char in chars} | set(map(chr, range(0x7F, 0x180)))
)
ODD = "\u00a0\u202f\u2003\u3000\u2028\u0085\r\n\t \x0b\x0c\x00\x07\x1b\u200b\u200c\u200d\u00ad\ufeff\u200e\u202e\u2066"
LETTERS = "abcXYZ .,;&#<>1\u0301\u0327éàïкмΩß漢ひｱ\uff21ﬁم\u064bیकम\u094d한\u1100\u1161ខᠠ👨👩🏽✈️ﷺÅ\u212b"
any_char = st.characters(codec="utf-8")
char = st.one_of(
    st.sampled_from(SUSPECTS), st.sampled_from(ODD), st.sampled_from(LETTERS), st.characters(codec="utf-8")
)
chars = st.text(char, max_size=60)


def spoilt(text: str, encodings: list[str]) -> str:
    """The text read in wrong encodings, one after the other."""
    for encoding in encodings:
        try:
            text = text.encode().decode(encoding)
        except UnicodeError:
            break
    return text


wrong = st.lists(st.sampled_from(chardata.CHARMAP_ENCODINGS), min_size=1, max_size=2)
mojibake = st.builds(spoilt, chars, wrong)
escapes = st.sampled_from(
    ["&amp;", "&nbsp;", "&lt;b&gt;", "&#233;", "&#xe9;", "&EACUTE;", "&", "&x;", "&#10;", "\x1b[31m", "\x1b[?25l",
     "\x1b]0;", "\x1bP", "\x1b_", "\x1b\\", "\x07", "\x1b]" + "é" * 2046, "\x1bX" + "x" * 4092]
)  # fmt: skip
texts = st.lists(st.one_of(chars, mojibake, escapes, st.just("a plain ASCII sentence, " * 4)), max_size=5).map("".join)


def needs(lines: list[str]) -> list[int]:
    """What the kernel says of lines, each of which is a document."""
    data, offsets = bytes_and_offsets(pa.array(lines, pa.string()))
    _, starts, _, found = repair_scan.scan(
        data, offsets, Normalize(ligatures=True, widths=True)._wanted().asked(), _tables()
    )
    of = np.searchsorted(offsets, starts, side="right") - 1
    made = np.zeros(len(lines), np.int64)
    np.bitwise_or.at(made, of, found)
    return made.tolist()


@settings(max_examples=1500, deadline=None)
@given(st.lists(texts.map(lambda text: text.replace("\n", "")).filter(bool), min_size=1, max_size=4))
def test_no_line_is_missed(lines):
    """A line that a library would change is one that the kernel found."""
    config = ftfy.TextFixerConfig(explain=False)
    for line, need in zip(lines, needs(lines), strict=True):
        assert need & repair_scan.MOJIBAKE or ftfy.fix_encoding(line, config) == line
        assert need & repair_scan.MOJIBAKE or not badness.is_bad(line) or line.isascii()
        assert need & repair_scan.NFC or unicodedata.is_normalized("NFC", line)
        assert need & repair_scan.ENTITY or fixes.unescape_html(line) == line
        assert need & repair_scan.LIGATURES or fixes.fix_latin_ligatures(line) == line
        assert need & repair_scan.WIDTH or fixes.fix_character_width(line) == line


def test_pairs_are_read_from_ftfy():
    """The expression is read as it is, not given up on: nearly all pairs of characters are none of its pairs."""
    firsts, _ = _mojibake.pairs()
    assert firsts[:128].sum() == 0, "every alternative has a character beyond ASCII in front"
    assert (firsts[:-1] != 0).sum() < 600 and bin(int(firsts[-1])).count("1") == 1
    plain = "Größe, naïve café – “quoted” … 25 °C, привет, Ελλάδα, ¿qué? «oui»"
    assert needs([plain]) == [0]
    for alternative in ("Ã©", "â€™", "Ð¿Ñ€", "вЂ", "√±", "\x85"):
        assert needs([alternative])[0] & repair_scan.MOJIBAKE, alternative


def test_an_expression_of_another_form_makes_every_line_a_candidate(monkeypatch):
    import re

    _mojibake.pairs.cache_clear()
    monkeypatch.setattr(badness, "BADNESS_RE", re.compile("(?:ab)+c?"))
    try:
        firsts, seconds = _mojibake.pairs()
        assert firsts.all() and seconds.all()
    finally:
        _mojibake.pairs.cache_clear()


@settings(max_examples=400, deadline=None)
@given(st.lists(texts, min_size=1, max_size=4), st.sets(st.sampled_from(_EDITED)), st.integers(0, 3))
def test_edits_are_those_of_the_twin(found, names, most):
    stage = Normalize(**{name: name in names for name in _EDITED}, max_blank_lines=most)
    made, counts = repair_edit.edit(
        pa.array(found, pa.string()), np.ones(len(found), bool), stage._wanted().asked(), repair_tables.kinds()
    )
    for at, text in enumerate(found):
        expected, done = edited(text, names, most + 1)
        assert made[at].as_py() == expected
        assert dict(zip(repair_edit.COUNTED, counts[at].tolist(), strict=True)) == done


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.none(), texts), max_size=4))
def test_twice_is_once(found):
    for stage in (Normalize(), ALL):
        once, counts = repaired(pa.array(found, pa.string()), stage._wanted())
        again, none = repaired(once, stage._wanted())
        assert again.equals(once) and not any(values.any() for values in none.values())
        for at, text in enumerate(found):
            changed = once[at].as_py() != text
            assert not changed or any(values[at] for values in counts.values()), "what changed is counted"


@settings(max_examples=200, deadline=None)
@given(st.lists(texts, min_size=1, max_size=4))
def test_scan_misses_no_edit(found):
    """A document that the editing kernel would change is one that was found."""
    stage = Normalize(mojibake=False, entities=False, composed=False)
    made, _ = repaired(pa.array(found, pa.string()), stage._wanted())
    asked = stage._wanted().asked()
    forced, _ = repair_edit.edit(pa.array(found, pa.string()), np.ones(len(found), bool), asked, repair_tables.kinds())
    assert made.equals(forced)


def mended(text, **options):
    return repaired(pa.array([text], pa.string()), Normalize(**options)._wanted())[0][0].as_py()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("schÃ¶n und groÃŸ", "schön und groß"),
        ("It\u00e2\u0080\u0099s", "It\u2019s"),
        ("ÐŸÑ€Ð¸Ð²ÐµÑ‚", "Привет"),  # noqa: RUF001
        ("Tom &amp; Jerry&nbsp;&eacute;", "Tom & Jerry é"),
        ("a &amp;lt; b", "a < b"),
        ("&amp;" + "amp;#38;" * 50_000 + "lt;", "<"),
        ("<p>Tom &amp; Jerry</p>", "<p>Tom &amp; Jerry</p>"),
        ("1 < 2 &amp; 3", "1 < 2 & 3"),
        ("cafe\u0301", "café"),
        ("a\r\nb\rc\u2028d\x0ce", "a\nb\nc\nd\ne"),
        ("a\u00a0b\u2003c", "a b c"),
        ("\u3000\u3000第一章", "\u3000\u3000第一章"),
        ("a  \n\t\n\n\n\n\nb", "a\n\n\nb"),
        ("x\x00y\x07z\x1b[1;31mred\x1b[0m", "xyzred"),
        ("soft\u00adhy\u200bphen\ufeff", "softhyphen"),
        ("a\x1b[?25lb\x1b[38:2::1:2:3mc\x1b[0 qd", "abcd"),
        ("\x1b]0;user@host: ~/größe\x07$ ls", "$ ls"),
        ("\x1b]8;;https://a.example/\x1b\\link\x1b]8;;\x1b\\ text", "link text"),
        ("a\x1bPq#0;2;0\n#1~~@@\x1b\\b\x1b_Gf=100;AAAA\x1b\\c", "abc"),
        ("a\x1b^pm\x1b\\b\x1bXsos\x1b\\c\x1bkscreen\x1b\\d", "abcd"),
        ("\x1b]" + "x" * 4093 + "\x07y", "y"),
        ("\x1b]" + "x" * 4094 + "\x07y", "]" + "x" * 4094 + "y"),
        ("\x1b]no end\nA text.", "]no end\nA text."),
        ("\x1b]cut\x1b]0;t\x07A", "]cutA"),
        ("\x1b]a\x00b\x07c \x1bPd\x07e\x1b\\", "]abc Pde\\"),
        ("\x1b", ""),
        ("\u202eevil\u202c \u200fא", "evil א"),
    ],
)
def test_examples(text, expected):
    assert mended(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "می\u200cخواهم و کتاب\u200cها",  # noqa: RUF001
        "क्\u200dष र्\u200dय श्री\u200c",
        "ശ്രീ\u200d ന്\u200d",
        "👨\u200d👩\u200d👧 👩🏽\u200d🚀 ❤️\u200d🔥 🏳️\u200d🌈",
        "ខ្មែរ\u200bភាសា",
        "ᠮᠣᠩᠭᠣᠯ\u202fᠤᠨ",
        "مُ\u200cح",
        "def f(x):\n    if x:\n\treturn  x   # two  spaces\n\n\nclass A:\n    pass\n",
        "| a  | b   |\n|----|-----|\n",
        "ﬁne \uff21 \uff11 x² ½ ™",
        "naïve – “quoted” ‘single’ … Ærøskøbing, Þór, čeština, ĉu, El Niño’s",
    ],
)
def test_what_stays(text):
    assert mended(text) == text


def test_options_are_off_switches():
    text = "schÃ¶n &amp; e\u0301\r\n\u00a0x \n\n\n\n\n\x07\u00ad\u200e."
    off = dict.fromkeys(("mojibake", "entities", "composed", *_EDITED), False)
    assert mended(text, **off, max_blank_lines=None) == text
    assert mended("ﬁ \uff21\u3000ｱ  b", ligatures=True, widths=True, runs=True) == "fi A ア b"


def test_python_sources_survive():
    """Of all code that is here only the file changes whose help shows mojibake."""
    files = sorted(Path(__file__).resolve().parents[2].glob("datacurate/**/*.py"))
    found = pa.array([file.read_text() for file in files])
    made, _ = repaired(found, Normalize(entities=False)._wanted())
    changed = [file.name for file, new, old in zip(files, made, found, strict=True) if new != old]
    assert changed == ["normalize.py"]


def test_counts_and_documents():
    texts_ = ["schÃ¶n\r\n&amp; \x07", None, "clean", "", "a\u00a0b\u00a0c"]
    docs = pa.table({"id": list("abcde"), "text": pa.array(texts_, pa.string())})
    stage = Normalize()
    measured = stage.measured(docs)
    rows = {name: measured[name].to_pylist() for name in REPAIRS}
    assert {name: sum(values) for name, values in rows.items() if any(values)} == {
        "mojibake": 1, "entities": 1, "line_breaks": 1, "trailing": 1, "controls": 1, "spaces": 2,
    }  # fmt: skip
    made = stage.decided(docs, measured).rest(docs)
    assert made["text"].to_pylist() == ["schön\n&\n".rstrip("\n"), None, "clean", "", "a b c"]
    sizes = [len((text or "").encode()) for text in made["text"].to_pylist()]
    assert measured["saved_bytes"].to_pylist() == [
        len((text or "").encode()) - size for text, size in zip(texts_, sizes, strict=True)
    ]


def test_too_much_mojibake():
    docs = pa.table({"id": ["a", "b"], "text": ["schÃ¶n\nschÃ¶n", "schÃ¶n"]})
    stage = Normalize(max_mojibake=1)
    outcome = stage.decided(docs, stage.measured(docs))
    assert outcome.docs["text"].to_pylist() == ["schön"]
    assert (outcome.removed[0].rule, outcome.removed[0].value.tolist()) == (["mojibake"], [2.0])


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_slices(kind):
    array = pa.array(["x", "schÃ¶n", None, "a\u00a0", "b"], kind).slice(1, 3)
    docs = pa.table({"id": list("abc"), "text": array})
    stage = Normalize()
    assert stage.decided(docs, stage.measured(docs)).rest(docs)["text"].to_pylist() == ["schön", None, "a"]


def test_bytes_that_are_no_utf8_stay():
    raw = pa.array([b"\xff\xfe sch\xc3\x83\xc2\xb6n \x80\xa0", b"ok\xc3"], pa.binary())
    bad = pa.Array.from_buffers(pa.string(), 2, raw.buffers())
    made, _ = repaired(bad, Normalize()._wanted())
    assert b"\xff\xfe" in made.cast(pa.binary())[0].as_py() and made.cast(pa.binary())[1].as_py() == b"ok\xc3"


def test_control_strings_are_counted_once():
    text = "\x1b]0;title\x07A\x1b[1mb\x1b[0m\x1bPq~\x1b\\\x00"
    made, counts = repaired(pa.array([text]), Normalize()._wanted())
    assert made[0].as_py() == "Ab"
    assert {name: values.tolist() for name, values in counts.items() if values.any()} == {"controls": [5]}


def test_equal_lines_are_mended_once(monkeypatch):
    """1 MB of one short line took 19 s."""
    asked = []
    fix = ftfy.fix_encoding
    monkeypatch.setattr(ftfy, "fix_encoding", lambda text, config: asked.append(text) or fix(text, config))
    text = pa.array(["Ã© once \n" * 50_000, "Ã© once \n" * 9, "x" * 600 + " Ã©\n"])
    made, counts = repaired(text, Normalize()._wanted())
    assert made[0].as_py() == "é once\n" * 50_000
    assert counts["mojibake"].tolist() == [50_000, 9, 1]
    assert len(asked) < 9


HOSTILE = [
    "\x1b]" * 2_000_000,
    ("\x1b]" + "x" * 5000) * 1000,
    "".join(f"Ã© {k} \n" for k in range(20_000)),
    "x" * 10_000_000,
    "\u0301" * 3_000_000,
    "\n" * 5_000_000,
    " \n" * 2_000_000,
    "&" * 5_000_000,
    "\u200d" * 2_000_000,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_take_linear_time(text):
    assert repaired(pa.array([text]), Normalize()._wanted())[0][0].is_valid
