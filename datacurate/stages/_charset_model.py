"""Which of the old encodings makes the likeliest text of some bytes: a model of characters that follow each other.

Every candidate decodes a sample of the page. For each language that is written in the encoding, the text's likelihood
is the product of how likely each character is after the one before it (alphabets), or anywhere (Chinese, Japanese and
Korean), pairs of ASCII left out. The likeliest text wins. The tables are made by scripts/train_charset.py.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

MODEL = Path(__file__).resolve().parent.parent / "data/charset/model.npz"
SAMPLE_BYTES = 4096
"""So much of a page is looked at."""
HEAD_BYTES = 512
RULED_OUT = 100.0
"""Encodings that are so much less likely (natural logarithm) in the first bytes of the sample are left out then."""
BLOCK = 32768
SPACED = bytes(32 if code < 48 or 58 <= code < 64 else code for code in range(256))
"""ASCII that is never part of a character of several bytes, as spaces."""
LATIN = "en de fr es it pt nl sv da nb fi is ca sq"
CENTRAL = "pl cs sk hu hr sl ro bs"
CYRILLIC = "ru bg uk sr mk be"
CANDIDATES: dict[str, tuple[str, float]] = {
    "cp1252": (LATIN, 5),
    "cp1251": (CYRILLIC, -2),
    "gb18030": ("zh", 0),
    "shift_jis": ("ja", 0),
    "euc_jp": ("ja", -1),
    "euc_kr": ("ko", 0),
    "big5": ("zh", 0),
    "cp1250": (CENTRAL, 0),
    "iso8859_2": (CENTRAL, -1),
    "cp1254": ("tr", -1),
    "cp1253": ("el", -4),
    "iso8859_7": ("el", -4.5),
    "cp1255": ("he", -1),
    "cp1256": ("ar fa", -1),
    "iso8859_6": ("ar", -4),
    "cp1257": ("lt lv et", -2),
    "iso8859_13": ("lt lv et", -3),
    "iso8859_15": (LATIN, -5),
    "iso8859_16": ("ro", -4),
    "cp874": ("th", -4),
    "cp1258": ("vi", -4),
    "koi8_r": ("ru bg", -1),
    "koi8_u": ("uk", -2),
    "iso8859_5": (CYRILLIC, -8),
    "cp866": (CYRILLIC, -15),
    "mac_cyrillic": (CYRILLIC, -15),
    "cp855": (CYRILLIC, -20),
    "mac_roman": (LATIN, -20),
    "johab": ("ko", -15),
}
"""Encodings, the languages that are written in them, and the logarithm of how common they are among undeclared pages
(roughly: https://w3techs.com/technologies/overview/character_encoding ranks the declared ones)."""
WIDER = {"shift_jis": "cp932", "euc_kr": "cp949", "big5": "big5hkscs"}
"""Encodings that hold another one's characters and more; candidates are decoded by them."""
STEP = 0.15
"""The tables hold logarithms in steps of this size."""


def sample(data: bytes) -> bytes:
    """Different words with bytes beyond ASCII: what a page repeats a hundred times is no more evidence for it."""
    words: dict[bytes, None] = {}
    size = at = 0
    while size < SAMPLE_BYTES and at < len(data):
        block = data[at : at + BLOCK]
        at += BLOCK
        for word in () if block.isascii() else block.translate(SPACED).split():
            if not word.isascii() and word not in words:
                words[word] = None
                size += len(word) + 1
    return b" ".join([b"", *words, b""])[:SAMPLE_BYTES]


def scores(part: bytes, keep: tuple[str, ...] = ()) -> dict[str, float]:
    """Log-likelihood of a sample by encoding, of those that its beginning does not rule out, and of those to `keep`."""
    head = part[:HEAD_BYTES]
    found = {name: likelihood(head, name) for name in CANDIDATES}
    if len(head) == len(part):
        return found
    least = max(found.values()) - RULED_OUT
    return {name: likelihood(part, name) for name, score in found.items() if score >= least or name in keep}


def likelihood(part: bytes, name: str) -> float:
    """Log-likelihood of a sample in an encoding: that of the language which fits best."""
    languages, prior = CANDIDATES.get(name, (LATIN, -6))
    return prior + text_likelihood(part.decode(WIDER.get(name, name), "replace"), languages.split())


@cache
def languages() -> list[str]:
    """All languages of the model."""
    return sorted(_tables().pairs.keys() | _tables().chars.keys())


def text_likelihood(text: str, languages: list[str]) -> float:
    """Log-likelihood of a text in the language that fits best."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    beyond = int((codes > 0xFFFF).sum())
    codes = np.where(codes > 0xFFFF, 0xFFFE, codes).astype(np.uint16)
    return max(_in_language(codes, name) for name in languages) - 19 * beyond


def _in_language(codes: np.ndarray, name: str) -> float:
    tables = _tables()
    if name in tables.chars:
        return float(tables.chars[name][codes].sum(dtype=np.int64)) * STEP + _beside_ascii(codes)
    classes = tables.classes[name][codes]
    pairs = tables.pairs[name][classes[:-1], classes[1:]]
    wide = codes >= 0x80
    return float(pairs[wide[:-1] | wide[1:]].sum(dtype=np.int64)) * STEP


def _beside_ascii(codes: np.ndarray) -> float:
    """Letters of ASCII that touch ideographs are rare: what looks so is often half of another encoding's character."""
    wide = codes >= 0x80
    letter = ((codes | 32) >= 97) & ((codes | 32) <= 122) & ~wide
    touching = (wide[:-1] & letter[1:]) | (letter[:-1] & wide[1:])
    return -3.0 * int(touching.sum())


class _Tables:
    """The model, unpacked."""

    def __init__(self) -> None:
        self.classes: dict[str, np.ndarray] = {}
        self.pairs: dict[str, np.ndarray] = {}
        self.chars: dict[str, np.ndarray] = {}
        with np.load(MODEL) as stored:
            for key in stored.files:
                name, kind = key.split(".")
                if kind == "letters":
                    self.classes[name] = _classes(stored[key])
                else:
                    (self.pairs if kind == "pairs" else self.chars)[name] = stored[key]


@cache
def _tables() -> _Tables:
    return _Tables()


@cache
def _plain_classes() -> np.ndarray:
    """Classes of the characters of the basic plane in a language that has none but ASCII."""
    made = np.array([27 if chr(code).isalpha() else 28 for code in range(65536)], dtype=np.uint8)
    made[:128] = 0
    for code in range(97, 123):
        made[code] = made[code - 32] = code - 96
    made[0x80:0xA0] = 29
    made[0xE000:0xF900] = 29
    made[0xFFFD:] = 29
    return made


def _classes(letters: np.ndarray) -> np.ndarray:
    made = _plain_classes().copy()
    made[letters] = np.arange(30, 30 + len(letters))
    return made
