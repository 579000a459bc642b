"""dolma's taggers `c4_v1` and `c4_v2` in plain Python: lines as spans, and what is said of a whole document."""

from __future__ import annotations

LINES = {"lines_with_no_ending_punctuation": "unpunctuated", "lines_with_too_few_words": "short"}
"""dolma's names of spans of lines, and the kernel's."""


def is_named(line: str) -> dict[str, bool]:
    """By kind of line, whether this one is it."""
    return {"unpunctuated": not line.strip().endswith((".", "?", "!", '"')), "short": len(line.split()) < 3}


def has_bad_word(text: str, entries: list[str]) -> bool:
    entries = [entry.strip() for entry in entries]
    tokens = set(text.lower().split())
    return any((entry in text.lower()) if " " in entry else entry in tokens for entry in entries if entry)


def measure(text: str, entries: list[str]) -> dict[str, int]:
    """The kernel's signals."""
    lines = text.split("\n")
    wide = [len(line) + 1 for line in lines[:-1]] + [len(lines[-1])]
    found = {"lines": len(lines)}
    for kind in LINES.values():
        chosen = [(line, width) for line, width in zip(lines, wide, strict=True) if is_named(line)[kind]]
        found[f"{kind}_lines"] = len(chosen)
        found[f"{kind}_chars"] = sum(width for _, width in chosen)
        found[f"{kind}_dotted"] = sum(len(line.lower()) - len(line) for line, _ in chosen)
    small = text.lower()
    return found | {
        "curly_bracket": int("{" in text),
        "lorem_ipsum": int("lorem ipsum" in small),
        "javascript": int("javascript" in small),
        "javascript_word": int("javascript" in small.split()),
        "bad_word": int(has_bad_word(text, entries)),
    }
