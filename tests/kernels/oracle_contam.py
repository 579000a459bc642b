"""Slow, obvious twins of the decontamination kernels: words by regular expressions, n-grams as tuples in sets."""

from __future__ import annotations

import unicodedata

from datacurate.kernels.casefold import UNSPACED


def characters(data: bytes) -> list[tuple[str | None, int, int]]:
    """Characters with their places; None for a byte that is no part of valid UTF-8."""
    found, at = [], 0
    while at < len(data):
        for size in (1, 2, 3, 4):
            try:
                found.append((data[at : at + size].decode("utf-8"), at, at + size))
                at += size
                break
            except UnicodeDecodeError:
                continue
        else:
            found.append((None, at, at + 1))
            at += 1
    return found


def kind(char: str | None) -> str:
    """white, sign (a word by itself), part (of a word) or nothing."""
    if char is None:
        return "nothing"
    if char.isspace():
        return "white"
    if 0x20000 <= ord(char) <= 0x3FFFD:
        return "sign"  # planes of ideographs, whether this Python's tables know each or not
    if unicodedata.category(char)[0] not in "LMN":
        return "nothing"
    if any(first <= ord(char) <= last for first, last in UNSPACED):
        return "sign"
    return "part"


def plain(data: bytes) -> list[tuple[str, int, int]]:
    """Words between white space, in lower case and without punctuation, with their places."""
    words: list[tuple[str, int, int]] = []
    word, start, end = "", 0, 0
    for char, first, last in [*characters(data), (" ", len(data), len(data))]:
        what = kind(char)
        if what in ("white", "sign") and word:
            words.append((word, start, end))
            word = ""
        if what == "sign":
            words.append((lower(str(char)), first, last))
        elif what == "part":
            start = first if not word else start
            word, end = word + lower(str(char)), last
    return words


def lower(char: str) -> str:
    """One character for one: the dotted capital I becomes a plain i."""
    return char.lower()[0]


def lines(data: bytes) -> list[tuple[str, int, int]]:
    """Lines without ASCII white space at their ends."""
    found, at = [], 0
    white = b" \t\n\x0b\x0c\r\x1c\x1d\x1e\x1f"
    for line in data.split(b"\n"):
        kept = line.strip(white)
        if kept:
            start = at + len(line) - len(line.lstrip(white))
            found.append((kept.decode("latin-1"), start, start + len(kept)))
        at += len(line) + 1
    return found


def ngrams(words: list, n: int) -> list[tuple]:
    """All runs of n words, in order."""
    return [tuple(words[at : at + n]) for at in range(len(words) - n + 1)]


def any_ngram(doc: list[tuple[str, int, int]], texts: list[list[str]], n: int, ignored: set = frozenset()) -> set:
    """`(text, start, end)` of every run of n-grams of a document that stand in a text, wherever there."""
    grams = ngrams([word for word, _, _ in doc], n)
    found = set()
    for number, text in enumerate(texts):
        mine = set(ngrams(text, n)) - set(ignored)
        start = None
        for at in range(len(grams) + 1):
            here = at < len(grams) and grams[at] in mine
            if here and start is None:
                start = at
            if not here and start is not None:
                found.add((number, doc[start][1], doc[at - 2 + n][2]))
                start = None
    return found


def share(doc: list[str], text: list[str], n: int) -> float:
    """Share of the words of a text that are in n-grams of the document."""
    grams = set(ngrams(doc, n))
    covered = {at + k for at, gram in enumerate(ngrams(text, n)) if gram in grams for k in range(n)}
    return len(covered) / len(text) if text else 0.0


def skipgram(doc: list[str], text: list[str], n: int, budget: int) -> float:
    """Share of the words that are in matches of n words or more, which go on over `budget` words that differ."""
    covered = set()
    for i in range(len(text) - n + 1):
        for p in range(len(doc) - n + 1):
            if doc[p : p + n] != text[i : i + n] or (p and i and doc[p - 1 : p + n - 1] == text[i - 1 : i + n - 1]):
                continue
            same = list(range(n))
            k = n
            while p + k < len(doc) and i + k < len(text) and doc[p + k] == text[i + k]:
                same.append(k)
                k += 1
            left = budget
            while p + k < len(doc) and i + k < len(text):
                if doc[p + k] == text[i + k]:
                    same.append(k)
                elif left == 0:
                    break
                else:
                    left -= 1
                k += 1
            covered |= {i + k for k in same}
    return len(covered) / len(text) if text else 0.0
