"""The containers of a page: what they hold in all, what they inherit, and how far apart they are."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from datacurate.kernels.blocks import COMMAS, FIRST, LAST, LINKED, LINKS, NODE, SIZE, STOPS, WORDS, Blocks
from datacurate.kernels.html import TEXT
from datacurate.kernels.html_tags import TAG
from datacurate.kernels.memory import borrowing, inlined

UP = 4
"""Containers looked at: the block's own, and those around it."""
MIX = np.uint64(0x9E3779B97F4A7C15)
# what is known of a node and all below it
N_SIZE, N_LINKED, N_BLOCKS, N_STOPS, N_GOOD, N_SHORT, N_COMMAS, N_LINKS = range(8)
NODE_WIDTH = 8

INSIDE = ("article", "main", "section", "aside", "nav", "header", "footer", "form", "table", "li", "figure",
           "blockquote", "pre", "noscript", "dl", "td")  # fmt: skip
_FLAG = np.zeros(256, np.int64)
for _bit, _name in enumerate(INSIDE):
    _FLAG[TAG[_name]] = 1 << _bit
_FLAG[TAG["th"]] = _FLAG[TAG["td"]]
_FLAG[TAG["figcaption"]] = _FLAG[TAG["figure"]]
_FLAG[TAG["ul"]] = _FLAG[TAG["ol"]] = 0

RANK = np.zeros(256, np.float32)
_RANKED = (
    "nav footer aside header form li ul ol td th table figcaption div custom-element section main article dt dd "
    "h6 h5 h4 h3 h2 h1 blockquote pre p"
)
for _rank, _name in enumerate(_RANKED.split(), 1):
    RANK[TAG[_name]] = _rank
LEVEL = np.zeros(256, np.int64)
for _level in range(1, 7):
    LEVEL[TAG[f"h{_level}"]] = _level
_BODY, _HTML, _UL, _OL, _TABLE = (TAG[name] for name in ("body", "html", "ul", "ol", "table"))


@inlined
def log(x):
    return np.float32(math.log1p(x))


@inlined
def share(part, whole):
    return np.float32(part / whole) if whole > 0 else np.float32(0)


@inlined
def is_good(row):
    """Whether a block looks like a paragraph: more than a few words, few of them linked, and a sentence in it."""
    return row[WORDS] >= 10 and row[LINKED] * 3 < row[SIZE] and row[STOPS] + row[COMMAS] > 0


@borrowing
def sum_nodes(rows, parents, nodes):
    """Adds what blocks hold to their nodes, and nodes to their parents."""
    for b in range(len(rows)):
        row = rows[b]
        n = row[NODE]
        nodes[n, N_SIZE] += row[SIZE]
        nodes[n, N_LINKED] += row[LINKED]
        nodes[n, N_BLOCKS] += 1
        nodes[n, N_STOPS] += row[STOPS]
        nodes[n, N_COMMAS] += row[COMMAS]
        nodes[n, N_LINKS] += row[LINKS]
        if is_good(row):
            nodes[n, N_GOOD] += row[SIZE]
        if row[WORDS] < 5:
            nodes[n, N_SHORT] += 1
    for n in range(len(parents) - 1, 0, -1):
        up = parents[n]
        for k in range(NODE_WIDTH):
            nodes[up, k] += nodes[n, k]


@borrowing
def inherit(parents, codes, words, nodes, inside, near, far, like, lists, tables):
    """What nodes have from those above: tags, words of classes (`far`: of containers of half of the page), likeness."""
    total = nodes[0, N_SIZE]
    inside[0] = 0
    near[0] = far[0] = 0
    like[0] = 0
    lists[0] = tables[0] = 0
    for n in range(1, len(parents)):
        up = parents[n]
        inside[n] = inside[up] | _FLAG[codes[n]]
        near[n], far[n] = near[up], far[up]
        if codes[n] != _BODY and codes[n] != _HTML:
            if nodes[n, N_SIZE] * 2 > total:
                far[n] |= words[n]
            else:
                near[n] |= words[n]
        like[n] = (like[up] ^ np.uint64(codes[n]) ^ (np.uint64(words[n]) << np.uint64(8))) * MIX
        like[n] ^= like[n] >> np.uint64(29)
        lists[n] = lists[up] + (codes[n] == _UL or codes[n] == _OL)
        tables[n] = tables[up] + (codes[n] == _TABLE)


@borrowing
def main_node(parents, nodes, on_way):
    """The smallest node that holds six tenths of the paragraphs' text; `on_way` marks it and those above."""
    on_way[:] = False
    at = 0
    on_way[0] = True
    total = nodes[0, N_GOOD]
    for n in range(1, len(parents)):
        if parents[n] == at and nodes[n, N_GOOD] * 10 >= total * 6 and total > 0:
            at = n
            on_way[n] = True
    return at


@borrowing
def apart(parents, depths, a, b):
    """Steps up from node `a` to the nearest node above both, and down from there to `b`."""
    up = down = 0
    while a != b:
        if depths[a] >= depths[b]:
            a = parents[a]
            up += 1
        else:
            b = parents[b]
            down += 1
    return up, down


@borrowing
def title_words(data, start, end, hashes, count):
    """Adds hashes of the words of a text, ASCII letters made small; returns how many there are."""
    h = np.uint64(0)
    i = start
    while i <= end:
        c = data[i] if i < end else np.uint8(0x20)
        if c >= 0x80 or 0x30 <= c <= 0x39 or 0x41 <= c <= 0x5A or 0x61 <= c <= 0x7A:
            small = c | 0x20 if c < 0x80 else c
            h = (h ^ np.uint64(small)) * MIX
        elif h:
            if count < len(hashes):
                hashes[count] = h
                count += 1
            h = np.uint64(0)
        i += 1
    return count


@borrowing
def title_share(data, kinds, starts, ends, row, hashes, count, own):
    """The share of a block's words that stand in the page's title."""
    words = 0
    for e in range(row[FIRST], row[LAST]):
        if kinds[e] == TEXT:
            words = title_words(data, np.int64(starts[e]), np.int64(ends[e]), own, words)
    if words == 0 or count == 0:
        return np.float32(0)
    same = 0
    for k in range(words):
        for j in range(count):
            if own[k] == hashes[j]:
                same += 1
                break
    return np.float32(same / words)


@njit(nogil=True, cache=True)
def _handed_down(parents, codes, words, out):
    for n in range(1, len(parents)):
        out[n] = out[parents[n]]
        if codes[n] != _BODY and codes[n] != _HTML:
            out[n] |= words[n]


def inherited_words(blocks: Blocks) -> np.ndarray:
    """For each node, the groups of words in the classes of the node and all around it, but not of `body` and `html`."""
    out = np.zeros(len(blocks.parents), np.uint32)
    _handed_down(blocks.parents, blocks.codes, blocks.words, out)
    return out
