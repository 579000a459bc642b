"""Texts on which tokenizer libraries are compared, and characters on which they differ by their age alone."""

from __future__ import annotations

import json
import sys
import unicodedata
from functools import cache

import numpy as np

USUAL = [
    "",
    " ",
    "The quick brown fox. It's 1,234.56!\n\n\tdef f(x):\n        return x  \r\n",
    "naïve café, weiß, Ελληνικά, русский, עברית, العربية, हिन्दी, 中文字符, 日本語, 한국어",
    "\u00a0\u200b\ufeff\u0000e\u0301 \U0001f469\u200d\U0001f4bb \U0001f1eb\U0001f1f7 aaaaaaaaaaaaaaaaaa",
    "<s> \u2581a  b\u3000\uff11\uff12 \ufb01 I\u0130'\u017f don't DON'T 12345678\u0660\u0967\n \n  \n x \u0085\u2028y ",
]
BLOCK = 128
"""Of so many code points in a row the first of each category is compared."""


def texts(definition: str) -> list[str]:
    """The usual ones, characters of all kinds in places where tokenizers cut, and the tokenizer's own added tokens."""
    return [*USUAL, *_characters(), *_added(definition)]


def _added(definition: str) -> list[str]:
    """Each added token alone, between words, twice, and within a word, which `single_word` and stripping look at."""
    added = [token["content"] for token in json.loads(definition).get("added_tokens") or []]
    return [f"{t}|a {t} b|{t} {t}|{t}{t}|H{t}|{t}H|1{t}2| {t}  {t.upper()} {t.lower()}\n{t}\n" for t in added[:1000]]


@cache
def _characters() -> list[str]:
    found: dict[tuple[int, str], str] = {}
    for code in range(sys.maxunicode + 1):
        c = chr(code)
        found.setdefault((code // BLOCK, unicodedata.category(c)), c)
    kept = [c for (_, category), c in found.items() if category not in ("Cn", "Cs", "Co")]
    return [f"{c}'l a{c}b {c}{c}1{c}  {c}\n{c} .{c}'S" for c in kept]


def unassigned(texts: list[str]) -> list[int]:
    """The texts that hold a character which this Python's version of Unicode (14 for 3.11) does not know.

    cl100k's pattern asks for letters, and newer libraries know more of these: 4,657 code points are cut differently.
    """
    if not _any_unassigned("".join(text for text in texts if not text.isascii())):
        return []
    return [i for i, text in enumerate(texts) if not text.isascii() and _any_unassigned(text)]


def _any_unassigned(text: str) -> bool:
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    return bool(table_of_unassigned()[codes].any())


@cache
def table_of_unassigned() -> np.ndarray:
    """Whether each code point is unassigned."""
    return np.array([unicodedata.category(chr(code)) == "Cn" for code in range(sys.maxunicode + 1)])
