"""HTML that escapes by default: every string is text unless this module made it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

LIMIT = 400
"""Characters of any single text that are shown."""
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff0-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
)
"""Controls, bidirectional marks, tags and other characters that change how their neighbours look."""


class Markup(str):
    """Text that is HTML already."""


def e(value: Any, limit: int = LIMIT) -> Markup:
    """A value as HTML text: bounded, escaped, with unseen characters spelled out as [U+202E]."""
    if isinstance(value, Markup):
        return value
    text = str(value)
    clipped = text[:limit].replace("\r\n", "\n") + ("…" if len(text) > limit else "")
    return Markup(escape(seen(clipped)))


def seen(text: str) -> str:
    """The text with unseen characters spelled out."""
    return _UNSEEN.sub(lambda match: f"[U+{ord(match[0]):04X}]", text)


def tag(name: str, *children: Any, **attributes: Any) -> Markup:
    """An element. `class_` gives the attribute `class`, `_` in names stands for `-`; None leaves one out."""
    given = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items() if value is not None}
    pairs = "".join(f' {key}="{e(value)}"' for key, value in given.items())
    return Markup(f"<{name}{pairs}>{join(children)}</{name}>")


def join(children: Iterable[Any]) -> Markup:
    """Children one after the other; lists are flattened and None is nothing."""
    parts = (join(c) if isinstance(c, list | tuple) else e(c) for c in children if c is not None)
    return Markup("".join(parts))


Cells = Sequence[Any]


def table(head: Cells, rows: Iterable[Cells], text: int = 1, foot: Cells | None = None) -> Markup:
    """A table whose first `text` columns are words and the others figures; it scrolls where it is too wide."""

    def line(cells: Cells, kind: str = "td") -> Markup:
        return tag("tr", [_cell(kind, cell, at >= text) for at, cell in enumerate(cells)])

    body = [tag("thead", line(head, "th")), tag("tbody", [line(row) for row in rows])]
    if foot:
        body.append(tag("tfoot", line(foot)))
    return tag("div", tag("table", body), class_="wide")


def _cell(kind: str, content: Any, figure: bool) -> Markup:
    if isinstance(content, Markup) and content.startswith(("<td", "<th")):
        return content
    return tag(kind, content, class_="n" if figure else None)


def number(value: float | int | None) -> str:
    """1,234,567, or — for nothing."""
    if value is None:
        return "—"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def size(value: int) -> str:
    """Bytes in decimal units: 12.3 MB."""
    amount = float(value)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(amount) < 999.95 or unit == "TB":
            break
        amount /= 1000
    return f"{value:,} B" if unit == "B" else f"{amount:,.1f} {unit}"


def exact_size(value: int) -> Markup:
    """Bytes for reading, with the exact figure when the pointer rests on it."""
    return tag("span", size(value), title=f"{value:,} bytes")


def share(part: float, whole: float) -> str:
    """A percentage; never rounded to 0 % or 100 % when it is not."""
    if not whole:
        return "—"
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return "<0.1 %"
    if 99.9 < percent < 100:
        return ">99.9 %"
    return f"{percent:.1f} %"
