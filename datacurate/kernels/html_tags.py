"""Tags of HTML: what each one is to the extraction, and a table that finds a tag by its name."""

from __future__ import annotations

import numpy as np

BLOCK = 1
"""Ends the block of text before it and the one in it: a container."""
SKIPPED = 2
"""Its contents are no text of the page."""
RAW = 4
"""Its contents are not markup, and not escaped."""
VOID = 8
"""Has no contents and no end tag."""
KEPT = 16
"""Has a meaning inside a block."""


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_BLOCKS = _names(
    "html body div section article main aside nav header footer form fieldset p h1 h2 h3 h4 h5 h6 ul ol li dl dt "
    "dd table thead tbody tfoot tr td th caption blockquote pre figure figcaption address details summary center "
    "noscript menu dialog hgroup custom-element head listing"
)
_INLINE = _names("a span code kbd samp tt time label sub sup q abbr button legend ins u font b strong em i")
_SKIPPED = _names(
    "svg template select textarea canvas audio video object applet datalist progress meter map title option"
)
_RAW = _names("script style iframe noembed noframes xmp")
_VOID = _names("br hr img input meta link wbr base embed area source track col param")
_PLAIN = ["math"]

NAMES = [*_BLOCKS, *_INLINE, *_SKIPPED, *_RAW, *_VOID, *_PLAIN]
TAG = {name: code for code, name in enumerate(NAMES, 1)}
"""Codes of tags, from 1 on; 0 is any other."""
_IGNORED = _names("b strong em i u font ins abbr q label legend sub sup wbr base embed area source track col param")
"""Inline tags that change nothing."""


def _kind(name: str) -> int:
    kind = BLOCK if name in _BLOCKS else 0
    kind |= SKIPPED if name in (*_SKIPPED, *_RAW) else 0
    kind |= RAW if name in _RAW else 0
    kind |= VOID if name in _VOID else 0
    return kind if name in _IGNORED else kind | KEPT


KIND = np.array([0] + [_kind(name) for name in NAMES], np.uint8)
CUSTOM = TAG["custom-element"]
"""Elements with a hyphen in their name; pages make them up, and mostly as containers."""


def hash_name(name: bytes) -> int:
    """The hash of a tag's name that kernels use."""
    made = 0
    for byte in name:
        made = (made * 131 + byte) & 0xFFFFFFFF
    return made


def _slots(size: int = 1024) -> tuple[np.ndarray, np.ndarray]:
    """Hashes and codes at the place `hash % size`, or behind it where that is taken."""
    hashes, codes = np.zeros(size, np.uint32), np.zeros(size, np.uint8)
    for name, code in TAG.items():
        at = hash_name(name.encode()) % size
        while codes[at]:
            at = (at + 1) % size
        hashes[at], codes[at] = hash_name(name.encode()), code
    return hashes, codes


NAME_HASHES, NAME_CODES = _slots()
