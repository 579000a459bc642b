"""HTML as a list of events: tags that matter, and runs of text between them.

Reads the canonical form that resiliparse makes of a parsed page (HTML's serialisation algorithm): every element but
void ones has an end tag, attributes are in double quotes, and `<`, `>` and `&` are escaped everywhere else. Whatever
else comes in, the kernels stay inside the bytes and take linear time.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.html_tags import (
    CUSTOM,
    KEPT,
    KIND,
    NAME_CODES,
    NAME_HASHES,
    RAW,
    SKIPPED,
    TAG,
    VOID,
)
from datacurate.kernels.html_words import CLASS_BIT, CLASS_FOUND, CLASS_NEXT, MARK_BIT, OTHER, SYMBOL, SYMBOLS
from datacurate.kernels.memory import borrowing, first_bit, inlined, places

TEXT = 0
"""Code of the event of a run of text. Start tags have their tag's code, end tags its negative."""
_HIDDEN = np.uint32(CLASS_BIT["hidden"])
_AS_CODE = np.uint32(MARK_BIT["block"])
_SCRIPT, _MATH, _A, _LINK, _TITLE = TAG["script"], TAG["math"], TAG["a"], TAG["link"], TAG["title"]
_MASK = np.uint64(len(NAME_CODES) - 1)
_131, _32BITS = np.uint64(131), np.uint64(0xFFFFFFFF)


@inlined
def _find(data, i, end, byte):
    """The first place of a byte from `i` on, or `end`."""
    while i < end:
        found = places(data, i, end, byte, byte)
        if found:
            return i + first_bit(found)
        i += 64
    return end


@inlined
def _tag_name(data, i, end):
    """The code of the tag whose name starts at `i`, and where the name ends."""
    h = np.uint64(0)
    hyphen = False
    while i < end:
        c = data[i]
        if c <= 0x20 or c == 0x3E or c == 0x2F:
            break
        hyphen |= c == 0x2D
        h = (h * _131 + np.uint64(c)) & _32BITS
        i += 1
    at = h & _MASK
    while NAME_CODES[at]:
        if np.uint64(NAME_HASHES[at]) == h:
            return np.int64(NAME_CODES[at]), i
        at = (at + np.uint64(1)) & _MASK
    return (CUSTOM if hyphen else 0), i


@borrowing
def class_words(data, i, end):
    """The groups of words in the value of an attribute, as bits."""
    found = np.uint32(0)
    state = np.int64(CLASS_NEXT[OTHER])
    small = False
    while i < end:
        c = data[i]
        if small and 0x41 <= c <= 0x5A:
            state = np.int64(CLASS_NEXT[state * SYMBOLS + OTHER])
            found |= CLASS_FOUND[state]
        small = 0x61 <= c <= 0x7A
        state = np.int64(CLASS_NEXT[state * SYMBOLS + SYMBOL[c]])
        found |= CLASS_FOUND[state]
        i += 1
    return found | CLASS_FOUND[np.int64(CLASS_NEXT[state * SYMBOLS + OTHER])]


@borrowing
def _is_pre(data, i, end):
    """Whether a word is `pre`, and neither `pre-wrap` nor `pre-line`."""
    if i + 3 > end or data[i] != 0x70 or data[i + 1] != 0x72 or data[i + 2] != 0x65:
        return False
    return i + 3 == end or data[i + 3] == 0x3B or data[i + 3] == 0x20


@borrowing
def style_marks(data, i, end):
    """Bits of what a style says: `display:none` or `visibility:hidden`, and `white-space:pre`."""
    found = np.uint32(0)
    while i + 4 <= end:
        # "none", "hidd" and "pre" behind a colon, with or without a space
        if data[i] == 0x3A and i > 0 and data[i + 1] != 0x3A:
            k = i + 1 if data[i + 1] != 0x20 else i + 2
            before = data[i - 1]
            if k + 4 <= end and before == 0x79:
                a, b = data[k], data[k + 1]
                if a == 0x6E and b == 0x6F and data[k + 2] == 0x6E and i >= 7:
                    found |= _HIDDEN  # display: ends in y; text-decoration:none does not
                if a == 0x68 and b == 0x69 and data[k + 2] == 0x64 and data[k + 3] == 0x64:
                    found |= _HIDDEN  # visibility
            if before == 0x65 and i >= 11 and data[i - 5] == 0x73 and _is_pre(data, k, end):
                found |= _AS_CODE  # white-space
        i += 1
    return found


@borrowing
def _attributes(data, i, end):
    """The groups of words in the attributes between `i` and the end of a tag, as bits; and where the tag ends."""
    found = np.uint32(0)
    while i < end:
        c = data[i]
        if c == 0x3E:
            return found, i
        if c == 0x20:
            i += 1
            continue
        start = i
        while i < end and data[i] != 0x3D and data[i] != 0x3E and data[i] != 0x20:
            i += 1
        length = i - start
        if i + 1 >= end or data[i] != 0x3D or data[i + 1] != 0x22:
            if i == start:
                i += 1
            continue
        value = i + 2
        i = _find(data, value, end, 0x22)
        first = data[start]
        if (
            (length == 5 and first == 0x63 and data[start + 1] == 0x6C)
            or (length == 2 and first == 0x69 and data[start + 1] == 0x64)
            or (length == 4 and first == 0x72 and data[start + 1] == 0x6F)
            or (length == 8 and first == 0x69 and data[start + 4] == 0x70)
        ):  # class, id, role, itemprop
            found |= class_words(data, value, i)
        elif length == 5 and first == 0x73 and data[start + 1] == 0x74:  # style
            found |= style_marks(data, value, i)
        elif (length == 6 and first == 0x68 and data[start + 1] == 0x69) or (
            length == 11 and first == 0x61 and data[start + 5] == 0x68 and i - value == 4 and data[value] == 0x74
        ):  # hidden, aria-hidden="true"
            found |= _HIDDEN
        i += 1
    return found, end


@borrowing
def _raw_end(data, i, end, code):
    """The `<` of the end tag of an element whose contents from `i` on are no markup, or `end`."""
    while i < end:
        i = _find(data, i, end, 0x3C)
        if i + 1 >= end:
            return end
        if data[i + 1] == 0x2F and _tag_name(data, i + 2, end)[0] == code:
            return i
        i += 1
    return end


@borrowing
def _end_tag(data, i, end, code):
    """Where the contents of an element end: the `<` of its end tag, or `end`. Elements of the same name may nest."""
    if KIND[code] & RAW:
        return _raw_end(data, i, end, code)
    depth = 1
    while i < end:
        i = _find(data, i, end, 0x3C)
        if i + 1 >= end:
            return end
        if data[i + 1] == 0x2F:
            if _tag_name(data, i + 2, end)[0] == code:
                depth -= 1
                if depth == 0:
                    return i
        else:
            inner, _ = _tag_name(data, i + 1, end)
            depth += inner == code
            if KIND[inner] & RAW:
                i = _raw_end(data, i + 1, end, inner)
        i += 1
    return end


@borrowing
def _comment_end(data, i, end):
    """Where the declaration or comment whose `<!` stands at `i` ends."""
    if i + 3 < end and data[i + 2] == 0x2D and data[i + 3] == 0x2D:
        i += 4
        while i < end:
            i = _find(data, i, end, 0x3E)
            if data[i - 1] == 0x2D and data[i - 2] == 0x2D:
                return min(i + 1, end)
            i += 1
        return end
    return min(_find(data, i, end, 0x3E) + 1, end)


@borrowing
def _is_formula(data, i, end):
    """Whether the attributes of a script say `math/tex`, as MathJax's do."""
    while i + 8 <= end:
        if (
            data[i] == 0x6D
            and data[i + 1] == 0x61
            and data[i + 4] == 0x2F
            and data[i + 5] == 0x74
            and data[i + 7] == 0x78
        ):
            return True
        i += 1
    return False


@njit(nogil=True, cache=True)
def scan(data, end, kinds, starts, ends, words):
    """Writes the events of `data[:end]`; returns their number. There are at most twice as many as `<`, and one.

    Text: where it starts and ends. Start tag: where its attributes start, and where its contents do; `words` has the
    groups of words in its attributes. Elements that are skipped, formulas and scripts are one event, which ends where
    the contents end.
    """
    n = 0
    i = 0
    while i < end:
        if data[i] != 0x3C or i + 1 >= end:
            start = i
            i = _find(data, i + 1, end, 0x3C)
            kinds[n], starts[n], ends[n], words[n] = TEXT, start, i, 0
            n += 1
            continue
        c = data[i + 1]
        if c == 0x2F:
            code, i = _tag_name(data, i + 2, end)
            start = i
            i = min(_find(data, i, end, 0x3E) + 1, end)
            if KIND[code] & KEPT:
                kinds[n], starts[n], ends[n], words[n] = -code, start, i, 0
                n += 1
            continue
        if c == 0x21 or c == 0x3F:
            i = _comment_end(data, i, end)
            continue
        code, i = _tag_name(data, i + 1, end)
        kind = KIND[code]
        if not kind & KEPT:
            i = min(_find(data, i, end, 0x3E) + 1, end)
            continue
        start = i
        if kind & (SKIPPED | VOID) or code == _MATH:
            i = min(_find(data, i, end, 0x3E) + 1, end)
            groups = np.uint32(0)
        else:
            groups, i = _attributes(data, i, end)
            i = min(i + 1, end)
        kinds[n], starts[n], ends[n], words[n] = code, start, i, groups
        if code == _SCRIPT and _is_formula(data, start, i):
            kinds[n] = _MATH
        if kind & SKIPPED or code == _MATH:
            i = _end_tag(data, i, end, code)
            ends[n] = i
            i = min(_find(data, i, end, 0x3E) + 1, end)
        n += 1
    return n


def events(page: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The bytes of a page as an array, and its events: kinds, starts, ends, words."""
    data = np.frombuffer(page, np.uint8)
    most = 2 * page.count(b"<") + 1
    kinds, starts, ends = np.empty(most, np.int16), np.empty(most, np.int32), np.empty(most, np.int32)
    words = np.empty(most, np.uint32)
    count = scan(data, len(data), kinds, starts, ends, words)
    return data, kinds[:count], starts[:count], ends[:count], words[:count]
