"""Editing of spaces, breaks and invisible characters, slowly."""

from __future__ import annotations

import re
import unicodedata

from datacurate.kernels import repair_tables as tables
from datacurate.kernels.repair_edit import COUNTED, STRING_BYTES
from datacurate.kernels.script_data import CODES
from datacurate.kernels.scripts import table


def shaping(char: str) -> bool:
    """Whether joiners shape this letter."""
    return CODES[table()[ord(char)]] not in tables.SIMPLE


def transparent(char: str) -> bool:
    """Whether what is in front of this mark counts instead of it."""
    mark = unicodedata.category(char) == "Mn" and CODES[table()[ord(char)]] == "Zyyy" and ord(char) < 0xFE30
    return mark or char in "\u200c\u200d" or 0x1F3FB <= ord(char) < 0x1F400


CSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
BODY = r"[\x08-\x0d -~\x80-\U0010ffff]*"
STRING = re.compile(rf"\x1b(?:\]{BODY}(?:\x07|\x1b\\)|[PX^_k]{BODY}\x1b\\)")


def escape(text: str) -> str:
    """The terminal's sequence that the text begins with."""
    if found := CSI.match(text):
        return found[0]
    found = STRING.match(text)
    return found[0] if found and len(found[0].encode()) <= STRING_BYTES else ""


def edited(text: str, names: set[str], most: int) -> tuple[str, dict[str, int]]:
    """The text with the named edits, at most `most` line feeds in a row, and how often each was made."""
    count = dict.fromkeys(COUNTED, 0)
    out, base, last = [], "", ""
    at = 0
    while at < len(text):
        char = text[at]
        at += 1
        point = ord(char)
        if point in tables.BREAKS and "line_breaks" in names:
            count["line_breaks"] += 1
            if text[at - 1 : at + 1] == "\r\n":
                continue
            char = "\n"
        elif point in tables.SPACES and "spaces" in names:
            if not (char == "\u202f" and last and 0x1800 <= ord(last) <= 0x18AF):
                char = " "
                count["spaces"] += 1
        elif point in tables.CONTROLS and "controls" in names:
            count["controls"] += 1
            at += len(escape(text[at - 1 :]) or char) - 1
            continue
        elif point in tables.JOINERS and "invisible" in names:
            pictured = char == "\u200d" and base and ord(base) in tables.SYMBOLS
            if not (pictured or (char in "\u200b\u200c\u200d" and base and shaping(base))):
                count["invisible"] += 1
                continue
        elif point in tables.DIRECTIONS and "directions" in names:
            count["directions"] += 1
            continue
        out.append(char)
        base = "" if char in " \t\n" else base if transparent(char) else char
        last = char
    lines = "".join(out).split("\n")
    if "runs" in names:
        for number, line in enumerate(lines):
            head = re.match(r"[ \t]*", line)[0]
            rest = re.sub(r"([ \t])[ \t]+", r"\1", line[len(head) :])
            count["runs"] += len(line) - len(head) - len(rest)
            lines[number] = head + rest
    if "trailing" in names:
        count["trailing"] = sum(line != line.rstrip(" \t") for line in lines)
        lines = [line.rstrip(" \t") for line in lines]
    made = "\n".join(lines)
    short = re.sub(rf"\n{{{most + 1},}}", "\n" * most, made)
    count["blank_lines"] = len(made) - len(short)
    return short, count
