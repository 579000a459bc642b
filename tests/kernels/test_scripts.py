"""Scripts, lines and heads against slow twins, over any bytes."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

import numpy as np
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from datacurate.kernels import scripts
from datacurate.kernels.script_data import CODES


def spans(texts: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    return np.frombuffer(b"".join(texts), np.uint8), np.cumsum([0, *map(len, texts)])


def decoded(text: bytes) -> str:
    """With U+FFFD for each byte that is not UTF-8."""
    return re.sub("[\udc80-\udcff]", "\ufffd", text.decode(errors="surrogateescape"))


@cache
def script_of(char: str) -> str:
    return next((code for code in CODES[1:] if regex.match(rf"\p{{Script={code}}}", char)), "Zyyy")


def by_hand(text: bytes) -> tuple[int, set[str]]:
    """Letters, and the codes that are right; ties allow more than one."""
    own = Counter(
        next((c for c in CODES[1:] if regex.match(rf"\p{{Script={c}}}", char)), "Zyyy") for char in decoded(text)
    )
    del own["Zyyy"]
    if not own:
        return 0, {"Zyyy"}
    kana, together = own["Hira"] + own["Kana"], own["Hira"] + own["Kana"] + own["Hani"]
    most = max(own.values())
    if kana and together >= most:
        return own.total(), {"Jpan" if 10 * kana >= together else "Hani"}
    return own.total(), {code for code, count in own.items() if count == most}


letters = st.sampled_from("abcxyz ,1\n.жяأبक漢字ひらカナ한글กัΩאՀაéß")
texts = st.one_of(
    st.binary(max_size=200), st.text(letters, max_size=150).map(str.encode), st.text(max_size=20).map(str.encode)
)


@settings(max_examples=150, deadline=None)
@given(st.lists(texts, max_size=5))
def test_scripts(found):
    data, offsets = spans(found)
    counts, best = scripts.scripts(data, offsets[:-1], offsets[1:])
    for text, count, code in zip(found, counts, best, strict=True):
        total, right = by_hand(text)
        assert count == total and scripts.NAMES[code] in right


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(texts, st.text("a\n", max_size=300).map(str.encode)), max_size=5), st.integers(1, 90))
def test_lines_and_heads(found, most):
    data, offsets = spans(found)
    ends = scripts.heads(data, offsets, most)
    for text, start, end in zip(found, offsets, ends, strict=False):
        assert decoded(text[: end - start])[:most] == decoded(text)[:most] and end - start <= len(text)
    starts, stops, document = scripts.lines(data, offsets, offsets[1:])
    made = [(int(of), data[a:b].tobytes()) for a, b, of in zip(starts, stops, document, strict=True)]
    assert made == [(at, line) for at, text in enumerate(found) for line in text.split(b"\n") if line]


def test_letters_have_scripts():
    """Every letter has one, except the few that Unicode gives to none or to any."""
    table = scripts.table()
    for point in [*range(0x250), 0x3042, 0x30A2, 0x4E00, 0xAC00, 0x10FFFF, 0xE000, 0x20000, 0x1F600]:
        assert CODES[table[point]] == script_of(chr(point))
