"""Slow, obvious twins of `kernels/lines.py` and `kernels/line_forms.py`."""

from __future__ import annotations

import re
import unicodedata

CCNET = "，。、„”“«»１」「《》´∶：？！（）；–—．～’…━〈〉【】％►"  # noqa: RUF001
DATATROVE = set("!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_.\"}►»") - {"１"}  # noqa: RUF001
CONTROLS = {chr(point) for point in (*range(32), *range(127, 160))}


def decoded(document: bytes) -> str:
    """Every byte that is not valid UTF-8 is one character."""
    return re.sub("[\udc80-\udcff]", "\ufffd", document.decode("utf-8", "surrogateescape"))


def parts(document: bytes, unit: str, blank: bool = False) -> list[tuple[int, int]]:
    """`(start, end)` of every line, or of every run of lines that are not blank."""
    if not document:
        return []
    lines, at = [], 0
    for line in document.split(b"\n"):
        lines.append((at, at + len(line)))
        at += len(line) + 1
    if unit == "line":
        return [(a, b) for a, b in lines if blank or decoded(document[a:b]).strip()]
    found: list[tuple[int, int]] = []
    joins = False
    for a, b in lines:
        if not decoded(document[a:b]).strip():
            joins = False
            continue
        found[-1:] = [(found[-1][0], b)] if joins else [*found[-1:], (a, b)]
        joins = True
    return found


def lower(text: str) -> str:
    return "".join(char.lower()[0] for char in text).replace("ς", "σ")  # noqa: RUF001


def form(part: bytes, how: str) -> bytes:
    """A part in the form in which it is compared."""
    if how == "none":
        return part
    text = lower(decoded(part).strip())
    if how == "lower":
        return text.encode()
    text = re.sub(r"\d", "0", text)
    if how == "ccnet":
        return "".join(char for char in text if char not in CCNET and char not in CONTROLS).encode()
    if how == "datatrove":
        return _datatrove(lower(decoded(part).strip())).encode()
    words = text.split()
    plain = ["".join(_letter(char) for char in word) for word in words]
    return " ".join(word for word in plain if word).encode()


def _datatrove(text: str) -> str:
    text = re.sub(r"\d+([.,،٫⎖⎗⎘]\d+)?", "0", text)  # noqa: RUF001
    text = "".join(" " if char in DATATROVE or char in CONTROLS - {"\t", "\n"} else char for char in text)
    plain = ["".join(_unmarked(char) for char in word) for word in text.split()]
    return " ".join(word for word in plain if word)


def _unmarked(char: str) -> str:
    left = [part for part in unicodedata.normalize("NFD", char) if unicodedata.category(part) != "Mn"]
    return left[0].replace("ς", "σ") if len(left) == 1 else "" if not left else char  # noqa: RUF001


def _letter(char: str) -> str:
    if _accent(char) or unicodedata.category(char)[0] == "P" or char in CONTROLS:
        return ""
    left = [part for part in unicodedata.normalize("NFD", char) if not _accent(part)]
    return left[0].replace("ς", "σ") if len(left) == 1 else char  # noqa: RUF001


def _accent(char: str) -> bool:
    order = unicodedata.combining(char)
    return 10 <= order <= 36 or order >= 200


def without_lines(document: bytes, gone: list[tuple[int, int]]) -> bytes:
    """The other lines, joined."""
    return b"\n".join(document[a:b] for a, b in parts(document, "line", True) if (a, b) not in gone)
