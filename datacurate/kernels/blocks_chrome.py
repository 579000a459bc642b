"""Blocks that are never an article's, whatever a classifier thinks: menus, footers, side bars, what asks for consent.

Rules go by elements, by words of classes that mean nothing else, and by what repeats. Each of them leaves a container
alone that has most of what is kept: then it is the page.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from datacurate.kernels.blocks import HASH, LINKED, NODE, SIZE
from datacurate.kernels.html_tags import TAG
from datacurate.kernels.html_words import CHROME_BIT
from datacurate.kernels.memory import borrowing

NAV_SHARE, ASK_SHARE, OUTSIDE_SHARE = 0.8, 0.5, 0.3
"""Of the kept text: what `nav` may have at most to be left out; containers that ask for something, and menus; footers
and side bars."""
MAIN_SHARE, ARTICLE_SHARE = 0.3, 0.2
"""Of the kept text: what the only `main` has at least for all outside to be left out; `main` and `article` together,
for footers and side bars outside of them to be, however long."""
LINKS = 0.8
"""Of the text of a menu, the part that is links at least."""
REPEATS, SHORT = 3, 60
"""Places where a block of links of so many characters at most stands at least to be what is under each post."""
PROBES = 16
"""Places of a table that are looked at; what finds none free is not counted. So nobody makes a page that takes long."""
_ASKS, _MENU = np.uint8(CHROME_BIT["asks"]), np.uint8(CHROME_BIT["menu"])
_NAV, _FOOTER, _ASIDE, _MAIN, _ARTICLE, _QUOTE, _H1, _HEADER = (
    TAG[name] for name in ("nav", "footer", "aside", "main", "article", "blockquote", "h1", "header")
)
_IN_MAIN, _IN_CONTENT, _IN_H1, _IN_HEADER, _OUT = (np.uint8(1 << bit) for bit in range(5))
_DATA = np.zeros(256, np.bool_)
for _name in ("td", "th", "dt", "dd", "li", "h1", "h2", "h3", "h4", "h5", "h6"):
    _DATA[TAG[_name]] = True


@njit(nogil=True, cache=True)
def sums(rows, parents, chosen, column):
    """The sum of a column over the chosen blocks in each node."""
    found = np.zeros(len(parents), np.int64)
    for b in range(len(rows)):
        if chosen[b]:
            found[rows[b, NODE]] += rows[b, column]
    for n in range(len(parents) - 1, 0, -1):
        found[parents[n]] += found[n]
    return found


@borrowing
def slot(keys, key):
    """The place of a key in a table whose size is a power of two, or a free one (its key is 0); -1 if all are taken."""
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    at = np.int64((mixed ^ (mixed >> np.uint64(29))) & np.uint64(len(keys) - 1))
    for _ in range(PROBES):
        if keys[at] == key or keys[at] == 0:
            return at
        at = (at + 1) & (len(keys) - 1)
    return -1


@njit(nogil=True, cache=True)
def table_size(count):
    """A power of two that has room for as many keys, up to a million."""
    size = 16
    while size < 2 * count and size < 1 << 20:
        size *= 2
    return size


@njit(nogil=True, cache=True)
def _marked(parents, codes, words, sizes, linked, mains):
    """Where each node is, as bits of `_IN_...`, and whether it is left out by a rule for its container."""
    marks = np.zeros(len(parents), np.uint8)
    whole = sizes[0]
    content = 0
    for n in range(1, len(parents)):
        here = marks[parents[n]]
        code = codes[n]
        if code in (_MAIN, _ARTICLE) and not here & _IN_CONTENT:
            content += sizes[n]
        if code == _MAIN:
            here |= _IN_MAIN
        if code in (_MAIN, _ARTICLE, _QUOTE):
            here |= _IN_CONTENT
        elif code == _H1:
            here |= _IN_H1
        elif code == _HEADER:
            here |= _IN_HEADER
        marks[n] = here
    articles = content >= ARTICLE_SHARE * whole and content > 0
    only = mains == 1
    for n in range(1, len(parents)):
        code, size = codes[n], sizes[n]
        out = code == _NAV and size <= NAV_SHARE * whole
        if code in (_FOOTER, _ASIDE) and not marks[n] & _IN_CONTENT:
            out |= articles or size <= OUTSIDE_SHARE * whole
        if words[n] and size <= ASK_SHARE * whole:
            out |= words[n] & _ASKS > 0 or linked[n] >= LINKS * size
        if out or marks[parents[n]] & _OUT:
            marks[n] |= _OUT
        only &= code != _MAIN or size >= MAIN_SHARE * whole
    return marks, only


@njit(nogil=True, cache=True)
def chrome(rows, parents, codes, words, chosen, out):
    """Sets `out[block]` for blocks that are to be left out, of the kept ones or not."""
    sizes, linked = sums(rows, parents, chosen, SIZE), sums(rows, parents, chosen, LINKED)
    mains = 0
    for n in range(len(codes)):
        mains += codes[n] == _MAIN
    marks, only = _marked(parents, codes, words, sizes, linked, mains)
    for b in range(len(rows)):
        mark = marks[rows[b, NODE]]
        out[b] = (mark & _OUT) > 0 and not mark & _IN_H1
        out[b] |= only and not mark & (_IN_MAIN | _IN_H1 | _IN_HEADER)
    _repeated(rows, parents, codes, chosen, out)


@njit(nogil=True, cache=True)
def _is_bar(rows, codes, b):
    """Whether a block is links, short, and in no cell, item or heading, of which many may say the same."""
    short = rows[b, SIZE] <= SHORT and rows[b, LINKED] * 10 >= rows[b, SIZE] * 9
    return short and not _DATA[codes[rows[b, NODE]]]


@njit(nogil=True, cache=True)
def _repeated(rows, parents, codes, chosen, out):
    """Sets `out[block]` for what stands under each post: the same short links in several containers."""
    count = 0
    for b in range(len(rows)):
        count += chosen[b] and _is_bar(rows, codes, b)
    if count < REPEATS:
        return
    keys = np.zeros(table_size(count), np.uint64)
    times, last = np.zeros(len(keys), np.int32), np.zeros(len(keys), np.int32)
    for b in range(len(rows)):
        if chosen[b] and _is_bar(rows, codes, b):
            key = np.uint64(rows[b, HASH]) | np.uint64(1)
            at = slot(keys, key)
            if at >= 0:
                around = parents[rows[b, NODE]]
                times[at] += keys[at] == 0 or last[at] != around
                keys[at], last[at] = key, around
    for b in range(len(rows)):
        if _is_bar(rows, codes, b):
            at = slot(keys, np.uint64(rows[b, HASH]) | np.uint64(1))
            out[b] |= at >= 0 and keys[at] > 0 and times[at] >= REPEATS
