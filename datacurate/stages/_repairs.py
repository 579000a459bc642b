"""Repairs of texts: kernels find what may need one and edit characters, libraries mend the lines that need more."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MENDED = ("mojibake", "entities", "composed", "ligatures", "widths")
"""Repairs of lines, in the order of the bits of `kernels.repair_scan`."""
ROUNDS = 10
"""Most times that a text is repaired, each time after the last one changed it: one repair may call for another. Of
real texts none was seen that took more than three."""
_AMPERSANDS = re.compile(r"&(?:(?:amp|AMP|#0{0,9}38|#[xX]0{0,9}26);){2,}")
REMEMBERED, SHORT = 16_384, 512
"""So many mended lines of so many bytes at most are remembered, 20 to 40 MB: misread texts repeat lines, and each takes
ftfy 0.1 ms."""
SEGMENT = 1_000_000
"""Characters of a line that are mended at a time, as in ftfy."""


@dataclass(frozen=True)
class Wanted:
    """Which repairs are asked for."""

    mended: tuple[str, ...]
    edited: tuple[str, ...]
    most_breaks: int
    """Most line feeds in a row."""

    def asked(self) -> tuple[int, int, bool, bool, int]:
        """The same for the kernels."""
        from datacurate.kernels import repair_tables as tables

        bits = {
            "spaces": tables.SPACE,
            "line_breaks": tables.BREAK,
            "controls": tables.CONTROL,
            "invisible": tables.JOINER,
            "directions": tables.BIDI,
        }
        needs = sum(1 << MENDED.index(name) for name in self.mended)
        edits = sum(bits[name] for name in self.edited if name in bits)
        return needs, edits, "trailing" in self.edited, "runs" in self.edited, self.most_breaks


@cache
def _tables() -> tuple[np.ndarray, ...]:
    from datacurate.kernels import repair_tables
    from datacurate.stages import _mojibake

    return repair_tables.kinds(), repair_tables.combining(), *_mojibake.pairs()


def repaired(text: Any, wanted: Wanted) -> tuple[pa.Array, dict[str, np.ndarray]]:
    """The repaired texts, and for each how often each repair was made; repairing them again changes nothing."""
    from datacurate.kernels.repair_edit import COUNTED

    text = text.cast(pa.large_string() if pa.types.is_large_string(text.type) else pa.string())
    counts = np.zeros((len(text), len(MENDED) + len(COUNTED)), np.int32)
    left = np.arange(len(text))
    now = text
    for _ in range(ROUNDS):
        made, done = _once(now, wanted)
        counts[left] += done
        changed = np.flatnonzero(done.any(axis=1))
        if not len(changed):
            break
        mask = np.zeros(len(text), bool)
        mask[left[changed]] = True
        now = made.take(pa.array(changed))
        text = pc.replace_with_mask(text, pa.array(mask), now.cast(text.type))
        left = left[changed]
    return text, dict(zip((*MENDED, *COUNTED), counts.T, strict=True))


def _once(text: pa.Array, wanted: Wanted) -> tuple[pa.Array, np.ndarray]:
    """Texts after one round of repairs, and what was done to each."""
    from datacurate.kernels import repair_edit, repair_scan
    from datacurate.kernels.arrow import bytes_and_offsets

    asked = wanted.asked()
    data, offsets = bytes_and_offsets(text)
    flags, *lines = repair_scan.scan(data, offsets, asked, _tables())
    made, mends = _mended(text, data, offsets, flags, lines)
    chosen = (flags & repair_scan.EDIT) != 0
    if not chosen.any():
        return made, np.hstack([mends, np.zeros((len(text), len(repair_edit.COUNTED)), np.int32)])
    made, edits = repair_edit.edit(made, chosen, asked, _tables()[0])
    return made, np.hstack([mends, edits])


def _mended(
    text: pa.Array, data: np.ndarray, offsets: np.ndarray, flags: np.ndarray, lines: list[np.ndarray]
) -> tuple[pa.Array, np.ndarray]:
    """Texts with those lines mended that need it, and what was done."""
    from datacurate.kernels.repair_scan import ENTITY, TAGS

    counts = np.zeros((len(text), len(MENDED)), np.int32)
    starts, ends, needs = lines
    of = np.searchsorted(offsets, starts, side="right") - 1
    needs = np.where(flags[of] & TAGS, needs & ~ENTITY, needs)
    pieces: dict[int, list[bytes]] = {}
    place: dict[int, int] = {}
    for at in np.flatnonzero(needs).tolist():
        document, start, end = int(of[at]), int(starts[at]), int(ends[at])
        old = data[start:end].tobytes()
        new, done = (_remembered if len(old) <= SHORT else _line)(old, int(needs[at]))
        if new != old:
            counts[document] += done
            begin = place.get(document, int(offsets[document]))
            pieces.setdefault(document, []).extend((data[begin:start].tobytes(), new))
            place[document] = end
    if not pieces:
        return text, counts
    return _replaced(text, data, offsets, pieces, place), counts


def _replaced(
    text: pa.Array, data: np.ndarray, offsets: np.ndarray, pieces: dict[int, list[bytes]], place: dict[int, int]
) -> pa.Array:
    """The texts, those in `pieces` put together from these and what follows the last of them."""
    mask = np.zeros(len(text), bool)
    mask[list(pieces)] = True
    whole = [b"".join([*pieces[at], data[place[at] : offsets[at + 1]].tobytes()]) for at in pieces]
    ends = np.cumsum([0, *map(len, whole)])
    wide = pa.types.is_large_string(text.type) or ends[-1] >= 2**31
    buffers = [None, pa.py_buffer(ends.astype(np.int64 if wide else np.int32)), pa.py_buffer(b"".join(whole))]
    kind = pa.large_string() if wide else pa.string()
    return pc.replace_with_mask(text.cast(kind), pa.array(mask), pa.Array.from_buffers(kind, len(whole), buffers))


def _line(line: bytes, need: int) -> tuple[bytes, np.ndarray]:
    """A line mended as it needs, and what was done, by MENDED. Bytes that are not UTF-8 stay as they are."""
    text = line.decode("utf-8", "surrogateescape")
    done = np.zeros(len(MENDED), np.int32)
    for number, mend in enumerate(_MENDS):
        if need >> number & 1:
            new, count = mend(text)
            if new != text:
                text, done[number] = new, count
    try:
        return text.encode("utf-8", "surrogateescape"), done
    except UnicodeEncodeError:  # half of a pair of surrogates, which is no character
        return line, done * 0


@lru_cache(REMEMBERED)
def _remembered(line: bytes, need: int) -> tuple[bytes, np.ndarray]:
    """The same, once for equal lines; nobody writes to what was done."""
    return _line(line, need)


def _unmangled(text: str) -> tuple[str, int]:
    """Mojibake as ftfy mends it; counts the line."""
    import ftfy

    config = ftfy.TextFixerConfig(explain=False)
    parts = [ftfy.fix_encoding(text[at : at + SEGMENT], config) for at in range(0, len(text), SEGMENT)]
    return "".join(parts), 1


def _unescaped(text: str) -> tuple[str, int]:
    """HTML's entities as the characters that they stand for, as ftfy does it; counts them.

    Ampersands that were escaped many times over become one at once: level by level, the time would be quadratic.
    """
    from ftfy import chardata, fixes

    text = _AMPERSANDS.sub("&amp;", text)
    found = chardata.HTML_ENTITY_RE.findall(text)
    return fixes.unescape_html(text), sum(fixes.unescape_html(entity) != entity for entity in found)


def _composed(text: str) -> tuple[str, int]:
    """Unicode's composed form (NFC); counts the line."""
    return unicodedata.normalize("NFC", text), 1


def _each(text: str, fixer: Any) -> tuple[str, int]:
    new = fixer(text)
    return new, sum(fixer(char) != char for char in text) if new != text else 0


def _unligated(text: str) -> tuple[str, int]:
    """Ligatures as letters; counts them."""
    from ftfy import fixes

    return _each(text, fixes.fix_latin_ligatures)


def _usual_widths(text: str) -> tuple[str, int]:
    """Fullwidth Latin and halfwidth Katakana in their usual widths; counts them."""
    from ftfy import fixes

    return _each(text, fixes.fix_character_width)


_MENDS = (_unmangled, _unescaped, _composed, _unligated, _usual_widths)
