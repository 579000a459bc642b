"""The slow, obvious twin of `kernels.uax29`: every rule of UAX #29 asked at every place, in the standard's order."""

from __future__ import annotations

from itertools import pairwise

import oracle

from datacurate.kernels import uax29

IGNORED = ("Extend", "ZWJ")
LETTERS = ("ALetter", "Hebrew_Letter")
BETWEEN_LETTERS = ("MidLetter", "MidNumLet", "Single_Quote")
BETWEEN_NUMBERS = ("MidNum", "MidNumLet", "Single_Quote")
JOINED = (*LETTERS, "Numeric", "Katakana")


def value(char: str) -> int:
    return int(uax29.table()[0xFFFD if 0xD800 <= ord(char) <= 0xDFFF else ord(char)])


def kind(char: str) -> str:
    return uax29.KINDS[value(char) & uax29._KIND]


def words(document: bytes) -> list[tuple[int, int]]:
    """First and end bytes of the words that begin with a letter or digit."""
    return [(a, b) for a, b in units(document) if oracle.decoded(document[a:b])[0].isalnum()]


def units(document: bytes) -> list[tuple[int, int]]:
    """First and end bytes of everything that boundaries are around."""
    text = oracle.decoded(document)
    kinds = [kind(char) for char in text]
    kept = [i for i, one in enumerate(kinds) if one not in IGNORED]
    rank = {place: k for k, place in enumerate(kept)}
    rows = [""] * 2 + [kinds[i] for i in kept] + [""] * 2
    places = [0]
    for i in range(1, len(text)):
        if kinds[i] in IGNORED:
            around = None
        else:
            at = rank[i] + 2
            around = (rows[at - 2], rows[at - 1], rows[at], rows[at + 1])
        if _parts(kinds[i - 1], kinds[i], value(text[i]), around):
            places.append(i)
    at = [0]
    for char in text:
        at.append(at[-1] + len(oracle.encoded(char)))
    cut = pairwise([*places, len(text)]) if text else []
    return [(at[a], at[b]) for a, b in cut]


def _parts(last: str, kind: str, char: int, around: tuple[str, str, str, str] | None) -> bool:
    """Whether a boundary is before a character; `around` are the kinds that count: two before it, it, one behind."""
    if "Newline" in (last, kind):  # WB3a, WB3b
        return True
    if around is None or (last == "ZWJ" and char & uax29._PICTOGRAPH):  # WB4, WB3c
        return False
    a, b, c, d = around
    return not (
        (b in LETTERS and c in LETTERS)  # WB5
        or (b in LETTERS and c in BETWEEN_LETTERS and d in LETTERS)  # WB6
        or (a in LETTERS and b in BETWEEN_LETTERS and c in LETTERS)  # WB7
        or (b == "Hebrew_Letter" and c == "Single_Quote")  # WB7a
        or (b == "Hebrew_Letter" and c == "Double_Quote" and d == "Hebrew_Letter")  # WB7b
        or (a == "Hebrew_Letter" and b == "Double_Quote" and c == "Hebrew_Letter")  # WB7c
        or (b == "Numeric" and c == "Numeric")  # WB8
        or (b in LETTERS and c == "Numeric")  # WB9
        or (b == "Numeric" and c in LETTERS)  # WB10
        or (a == "Numeric" and b in BETWEEN_NUMBERS and c == "Numeric")  # WB11
        or (b == "Numeric" and c in BETWEEN_NUMBERS and d == "Numeric")  # WB12
        or (b == "Katakana" and c == "Katakana")  # WB13
        or (b in (*JOINED, "ExtendNumLet") and c == "ExtendNumLet")  # WB13a
        or (b == "ExtendNumLet" and c in JOINED)  # WB13b
    )
