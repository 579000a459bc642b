"""What a classifier of blocks looks at: the block, its neighbours, the containers around it, and its like on the page.

No feature knows the page's address or its host. Sizes are logarithms; shares are between 0 and 1.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from datacurate.kernels.blocks import (
    BEGINS,
    BREAKS,
    BUTTONS,
    CAPITALS,
    CJK,
    CLASSES,
    CODES,
    COMMAS,
    CUES,
    DIGITS,
    ENDS,
    FIRST,
    HASH,
    IMAGES,
    LAST,
    LETTERS,
    LINKED,
    LINKS,
    NODE,
    SIZE,
    STOPS,
    WORDS,
    Blocks,
)
from datacurate.kernels.html import TEXT
from datacurate.kernels.html_tags import TAG
from datacurate.kernels.html_words import CLASS_WORDS, TEXT_WORDS
from datacurate.kernels.memory import borrowing, inlined

# what is known of a node and all below it
_N_SIZE, _N_LINKED, _N_BLOCKS, _N_STOPS, _N_GOOD, _N_SHORT, _N_COMMAS, _N_LINKS = range(8)
_NODE_WIDTH = 8

_INSIDE = ("article", "main", "section", "aside", "nav", "header", "footer", "form", "table", "li", "figure",
           "blockquote", "pre", "noscript", "dl", "td")  # fmt: skip
_FLAG = np.zeros(256, np.int64)
for _bit, _name in enumerate(_INSIDE):
    _FLAG[TAG[_name]] = 1 << _bit
_FLAG[TAG["th"]] = _FLAG[TAG["td"]]
_FLAG[TAG["figcaption"]] = _FLAG[TAG["figure"]]
_FLAG[TAG["ul"]] = _FLAG[TAG["ol"]] = 0

_TAGS = "p li td th h1 h2 h3 h4 h5 h6 dt dd pre blockquote figcaption div section article".split()
_RANK = np.zeros(256, np.float32)
for _rank, _name in enumerate("nav footer aside header form li ul ol td th table figcaption div custom-element section main article dt dd "
                              "h6 h5 h4 h3 h2 h1 blockquote pre p".split(), 1):  # fmt: skip
    _RANK[TAG[_name]] = _rank
_LEVEL = np.zeros(256, np.int64)
for _level in range(1, 7):
    _LEVEL[TAG[f"h{_level}"]] = _level
_CLASS_COUNT, _CUE_COUNT = len(CLASS_WORDS), len(TEXT_WORDS)
_NEAR = 3
"""Neighbours on each side."""
_UP = 4
"""Containers looked at: the block's own, and those around it."""
_SLOTS = 4096
_MASK = np.uint64(_SLOTS - 1)
_MIX = np.uint64(0x9E3779B97F4A7C15)

_OWN = ("size", "words", "link_share", "links", "word_length", "digits", "capitals", "stops", "commas", "stop_rate",
        "ends", "begins", "rank", "level", "breaks", "buttons", "images", "codes", "cjk")  # fmt: skip
_PLACE = ("before", "after", "position", "index", "depth", "from_h1", "h1s", "heading_size", "heading_gap", "heading_level",
          "title_share", "from_title", "same_text", "list_depth", "table_depth")  # fmt: skip
_PAGE = ("page_size", "page_links", "page_blocks", "page_good", "page_stops", "main_share", "main_density")
_MAIN = ("in_main", "up_to_main", "down_to_main", "to_good_before", "up_good", "down_good", "to_good_after", "up_good_after", "down_good_after")
_LIKE = ("like_count", "like_share", "like_links", "like_size", "like_stops")
_LEVELS = ("size", "links", "blocks", "stops", "good_share", "density", "rank", "share_of_it", "short")
_NEIGHBOUR = ("size", "links", "rank", "stops", "same_node")
FEATURES = (
    *_OWN,
    *(f"inside_{name}" for name in _INSIDE),
    *(f"own_{name}" for name, _ in CLASS_WORDS),
    *(f"near_{name}" for name, _ in CLASS_WORDS),
    *(f"far_{name}" for name, _ in CLASS_WORDS),
    *(f"cue_{name}" for name, _ in TEXT_WORDS),
    *(f"heading_cue_{name}" for name, _ in TEXT_WORDS),
    *(f"page_{name}" for name in ("comments_after",)),
    *_PLACE, *_PAGE, *_MAIN, *_LIKE,
    *(f"up{level}_{name}" for level in range(_UP) for name in _LEVELS),
    *(f"near{side}{step}_{name}" for side in "-+" for step in range(1, _NEAR + 1) for name in _NEIGHBOUR),
)  # fmt: skip
"""The features of a block, in order."""
SECOND = (
    "p", *(f"p{side}{step}" for side in "-+" for step in range(1, 5)), "p_near", "p_wide",
    *(f"p_up{level}" for level in range(_UP)), "p_page", "p_most", "p_before", "p_after", "p_gap_before", "p_gap_after", "p_like",
    "p_heading", "p_section", "p_main",
)  # fmt: skip
"""What the second classifier looks at besides: what the first one made of the block and of those around it."""


@inlined
def _log(x):
    return np.float32(math.log1p(x))


@inlined
def _share(part, whole):
    return np.float32(part / whole) if whole > 0 else np.float32(0)


@inlined
def _is_good(row):
    """Whether a block looks like a paragraph: more than a few words, few of them linked, and a sentence in it."""
    return row[WORDS] >= 10 and row[LINKED] * 3 < row[SIZE] and row[STOPS] + row[COMMAS] > 0


@borrowing
def _ending(point):
    """0 for other, 1 a quotation mark or bracket, 2 a colon, 3 the end of a sentence."""
    if point == 0x2E or point == 0x21 or point == 0x3F or point == 0x3002 or point == 0xFF01 or point == 0xFF1F or point == 0x0964:
        return 3
    if point == 0x3A:
        return 2
    if point == 0x22 or point == 0x201D or point == 0x29 or point == 0xBB or point == 0x201C or point == 0x2019 or point == 0x2026 or point == 0x27:
        return 1
    return 0


@borrowing
def _beginning(point):
    """0 for other, 1 a digit, 2 a small letter, 3 a capital, 4 beyond ASCII."""
    if 0x30 <= point <= 0x39:
        return 1
    if 0x61 <= point <= 0x7A:
        return 2
    if 0x41 <= point <= 0x5A:
        return 3
    return 4 if point >= 0xC0 else 0


@borrowing
def sum_nodes(rows, parents, nodes):
    """Adds what blocks hold to their nodes, and nodes to their parents."""
    for b in range(len(rows)):
        row = rows[b]
        n = row[NODE]
        nodes[n, _N_SIZE] += row[SIZE]
        nodes[n, _N_LINKED] += row[LINKED]
        nodes[n, _N_BLOCKS] += 1
        nodes[n, _N_STOPS] += row[STOPS]
        nodes[n, _N_COMMAS] += row[COMMAS]
        nodes[n, _N_LINKS] += row[LINKS]
        if _is_good(row):
            nodes[n, _N_GOOD] += row[SIZE]
        if row[WORDS] < 5:
            nodes[n, _N_SHORT] += 1
    for n in range(len(parents) - 1, 0, -1):
        up = parents[n]
        for k in range(_NODE_WIDTH):
            nodes[up, k] += nodes[n, k]


@borrowing
def inherit(parents, codes, words, nodes, inside, near, far, like, lists, tables):
    """What nodes have from those above: tags, words of classes (`far` from containers of more than half of the page), likeness."""
    total = nodes[0, _N_SIZE]
    inside[0] = 0
    near[0] = far[0] = 0
    like[0] = 0
    lists[0] = tables[0] = 0
    for n in range(1, len(parents)):
        up = parents[n]
        inside[n] = inside[up] | _FLAG[codes[n]]
        near[n], far[n] = near[up], far[up]
        if codes[n] != _BODY and codes[n] != _HTML:
            if nodes[n, _N_SIZE] * 2 > total:
                far[n] |= words[n]
            else:
                near[n] |= words[n]
        like[n] = (like[up] ^ np.uint64(codes[n]) ^ (np.uint64(words[n]) << np.uint64(8))) * _MIX
        like[n] ^= like[n] >> np.uint64(29)
        lists[n] = lists[up] + (codes[n] == _UL or codes[n] == _OL)
        tables[n] = tables[up] + (codes[n] == _TABLE)


_BODY, _HTML, _UL, _OL, _TABLE = TAG["body"], TAG["html"], TAG["ul"], TAG["ol"], TAG["table"]


@borrowing
def main_node(parents, nodes, on_way):
    """The smallest node that holds six tenths of the paragraphs' text; `on_way` marks it and those above."""
    on_way[:] = False
    at = 0
    on_way[0] = True
    total = nodes[0, _N_GOOD]
    for n in range(1, len(parents)):
        if parents[n] == at and nodes[n, _N_GOOD] * 10 >= total * 6 and total > 0:
            at = n
            on_way[n] = True
    return at


@borrowing
def _apart(parents, depths, a, b):
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
def _title_words(data, start, end, hashes, count):
    """Adds hashes of the words of a text, ASCII letters made small; returns how many there are."""
    h = np.uint64(0)
    i = start
    while i <= end:
        c = data[i] if i < end else np.uint8(0x20)
        if c >= 0x80 or 0x30 <= c <= 0x39 or 0x41 <= c <= 0x5A or 0x61 <= c <= 0x7A:
            small = c | 0x20 if c < 0x80 else c
            h = (h ^ np.uint64(small)) * _MIX
        elif h:
            if count < len(hashes):
                hashes[count] = h
                count += 1
            h = np.uint64(0)
        i += 1
    return count


@borrowing
def _title_share(data, kinds, starts, ends, row, hashes, count, own):
    """The share of a block's words that stand in the page's title."""
    words = 0
    for e in range(row[FIRST], row[LAST]):
        if kinds[e] == TEXT:
            words = _title_words(data, np.int64(starts[e]), np.int64(ends[e]), own, words)
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
def features(data, kinds, starts, ends, title, rows, parents, codes, words, depths, out):
    """Fills `out`, float32[block, feature]; returns nothing. Linear but for the depth of nodes, which is bounded."""
    n_blocks, n_nodes = len(rows), len(parents)
    nodes = np.zeros((n_nodes, _NODE_WIDTH), np.float64)
    sum_nodes(rows, parents, nodes)
    inside, near, far = np.empty(n_nodes, np.int64), np.empty(n_nodes, np.uint32), np.empty(n_nodes, np.uint32)
    like = np.empty(n_nodes, np.uint64)
    lists, tables = np.empty(n_nodes, np.int32), np.empty(n_nodes, np.int32)
    inherit(parents, codes, words, nodes, inside, near, far, like, lists, tables)
    on_way = np.empty(n_nodes, np.bool_)
    main = main_node(parents, nodes, on_way)
    alike = np.zeros((_SLOTS, 4), np.float64)
    texts = np.zeros(_SLOTS, np.int32)
    goods = np.empty(n_blocks + 1, np.int32)
    following = n_blocks
    comments = -1
    for b in range(n_blocks - 1, -1, -1):
        row = rows[b]
        slot = like[row[NODE]] & _MASK
        alike[slot, 0] += 1
        alike[slot, 1] += row[SIZE]
        alike[slot, 2] += row[LINKED]
        alike[slot, 3] += row[STOPS]
        texts[np.uint64(row[HASH]) & _MASK] += 1
        goods[b] = following
        if _is_good(row):
            following = b
    title_hashes, own_hashes = np.empty(40, np.uint64), np.empty(40, np.uint64)
    title_count = 0
    if title >= 0:
        title_count = _title_words(data, np.int64(starts[title]) + 1, np.int64(ends[title]), title_hashes, 0)
    total = nodes[0, _N_SIZE]
    good = nodes[0, _N_GOOD]
    before = 0.0
    good_before = -1
    h1 = heading = titled = -1
    h1s = 0
    for b in range(n_blocks):
        row = rows[b]
        f = out[b]
        n = row[NODE]
        size, w = row[SIZE], row[WORDS]
        level = _LEVEL[codes[n]]
        if level == 0 and n > 0 and size < 200:
            level = _LEVEL[codes[parents[n]]]
        k = 0
        f[0] = _log(size)
        f[1] = _log(w)
        f[2] = _share(row[LINKED], size)
        f[3] = _log(row[LINKS])
        f[4] = _share(row[LETTERS], w)
        f[5] = _share(row[DIGITS], row[LETTERS])
        f[6] = _share(row[CAPITALS], row[LETTERS])
        f[7] = _log(row[STOPS])
        f[8] = _log(row[COMMAS])
        f[9] = _share(row[STOPS] + row[COMMAS], w)
        f[10] = _ending(row[ENDS])
        f[11] = _beginning(row[BEGINS])
        f[12] = _RANK[codes[n]]
        f[13] = level
        f[14] = _log(row[BREAKS])
        f[15] = _share(row[BUTTONS], size)
        f[16] = row[IMAGES]
        f[17] = row[CODES]
        f[18] = _share(row[CJK], row[LETTERS])
        k = 19
        for bit in range(_INSIDE_COUNT):
            f[k + bit] = (inside[n] >> bit) & 1
        k += _INSIDE_COUNT
        own = words[n] | np.uint32(row[CLASSES])
        for bit in range(_CLASS_COUNT):
            f[k + bit] = (own >> np.uint32(bit)) & 1
            f[k + _CLASS_COUNT + bit] = (near[n] >> np.uint32(bit)) & 1
            f[k + 2 * _CLASS_COUNT + bit] = (far[n] >> np.uint32(bit)) & 1
        k += 3 * _CLASS_COUNT
        cue = np.uint32(rows[heading, CUES]) if heading >= 0 else np.uint32(0)
        for bit in range(_CUE_COUNT):
            f[k + bit] = (row[CUES] >> bit) & 1
            f[k + _CUE_COUNT + bit] = (cue >> np.uint32(bit)) & 1
        k += 2 * _CUE_COUNT
        f[k] = _log(b - comments) if comments >= 0 else np.float32(-1)
        k += 1
        share = np.float32(0)
        if level > 0 or (size < 150 and (own >> np.uint32(_TITLE_BIT)) & 1):
            share = _title_share(data, kinds, starts, ends, row, title_hashes, title_count, own_hashes)
            if share > 0.6 and titled < 0 and title_count:
                titled = b
        if level == 1:
            h1s += 1
            if h1 < 0:
                h1 = b
        f[k] = _share(before, total)
        f[k + 1] = _log(total - before - size)
        f[k + 2] = _share(b, n_blocks)
        f[k + 3] = _log(b)
        f[k + 4] = depths[n]
        f[k + 5] = _log(b - h1) if h1 >= 0 else np.float32(-1)
        f[k + 6] = h1s
        f[k + 7] = _log(rows[heading, SIZE]) if heading >= 0 else np.float32(-1)
        f[k + 8] = _log(b - heading) if heading >= 0 else np.float32(-1)
        f[k + 9] = f_level(rows, codes, heading)
        f[k + 10] = share
        f[k + 11] = _log(b - titled) if titled >= 0 else np.float32(-1)
        f[k + 12] = texts[np.uint64(row[HASH]) & _MASK]
        f[k + 13] = lists[n]
        f[k + 14] = tables[n]
        k += 15
        f[k] = _log(total)
        f[k + 1] = _share(nodes[0, _N_LINKED], total)
        f[k + 2] = _log(n_blocks)
        f[k + 3] = _log(good)
        f[k + 4] = _share(nodes[0, _N_STOPS], n_blocks)
        f[k + 5] = _share(nodes[main, _N_GOOD], good)
        f[k + 6] = _share(nodes[main, _N_GOOD], nodes[main, _N_SIZE])
        k += 7
        at, up = n, 0
        while not on_way[at]:
            at = parents[at]
            up += 1
        f[k] = at == main
        f[k + 1] = up
        f[k + 2] = depths[main] - depths[at]
        up, down = -1, -1
        if good_before >= 0:
            up, down = _apart(parents, depths, n, rows[good_before, NODE])
        f[k + 3] = _log(b - good_before) if good_before >= 0 else np.float32(-1)
        f[k + 4] = up
        f[k + 5] = down
        up, down = -1, -1
        after = goods[b]
        if after < n_blocks:
            up, down = _apart(parents, depths, n, rows[after, NODE])
        f[k + 6] = _log(after - b) if after < n_blocks else np.float32(-1)
        f[k + 7] = up
        f[k + 8] = down
        k += 9
        slot = like[n] & _MASK
        f[k] = _log(alike[slot, 0])
        f[k + 1] = _share(alike[slot, 1], total)
        f[k + 2] = _share(alike[slot, 2], alike[slot, 1])
        f[k + 3] = _log(alike[slot, 1] / alike[slot, 0])
        f[k + 4] = _share(alike[slot, 3], alike[slot, 0])
        k += 5
        at = n
        for _ in range(_UP):
            node = nodes[at]
            f[k] = _log(node[_N_SIZE])
            f[k + 1] = _share(node[_N_LINKED], node[_N_SIZE])
            f[k + 2] = _log(node[_N_BLOCKS])
            f[k + 3] = _share(node[_N_STOPS], node[_N_BLOCKS])
            f[k + 4] = _share(node[_N_GOOD], good)
            f[k + 5] = _share(node[_N_GOOD], node[_N_SIZE])
            f[k + 6] = _RANK[codes[at]]
            f[k + 7] = _share(size, node[_N_SIZE])
            f[k + 8] = _share(node[_N_SHORT], node[_N_BLOCKS])
            k += 9
            at = parents[at]
        for side in range(2):
            for step in range(1, _NEAR + 1):
                other = b - step if side == 0 else b + step
                if 0 <= other < n_blocks:
                    near_row = rows[other]
                    f[k] = _log(near_row[SIZE])
                    f[k + 1] = _share(near_row[LINKED], near_row[SIZE])
                    f[k + 2] = _RANK[codes[near_row[NODE]]]
                    f[k + 3] = _log(near_row[STOPS])
                    f[k + 4] = np.float32(near_row[NODE] == n) + np.float32(parents[near_row[NODE]] == parents[n])
                else:
                    f[k] = f[k + 1] = f[k + 2] = f[k + 3] = f[k + 4] = -1
                k += 5
        before += size
        if _is_good(row):
            good_before = b
        if level > 0:
            heading = b
        if (own >> np.uint32(_COMMENT_BIT)) & 1 and row[CUES] & 1:
            comments = b
    return


@inlined
def f_level(rows, codes, heading):
    if heading < 0:
        return np.float32(0)
    return np.float32(_LEVEL[codes[rows[heading, NODE]]])


_INSIDE_COUNT = len(_INSIDE)
_TITLE_BIT = [name for name, _ in CLASS_WORDS].index("title")
_COMMENT_BIT = [name for name, _ in CLASS_WORDS].index("comment")


@njit(nogil=True, cache=True)
def second_features(rows, parents, codes, p, out, at):
    """Fills `out[:, at:]` with what the first classifier made (`p`) of each block and of those around it."""
    n_blocks, n_nodes = len(rows), len(parents)
    sums = np.zeros((n_nodes, 2), np.float64)
    total = whole = most = 0.0
    mass = np.empty(n_blocks + 1, np.float64)
    sizes = np.empty(n_blocks + 1, np.float64)
    mass[0] = sizes[0] = 0
    last_after = np.empty(n_blocks, np.int32)
    for b in range(n_blocks):
        weight = np.float64(min(rows[b, SIZE], 400) + 5)
        n = rows[b, NODE]
        sums[n, 0] += p[b] * weight
        sums[n, 1] += weight
        total += p[b] * weight
        whole += weight
        most = max(most, p[b])
        mass[b + 1] = total
        sizes[b + 1] = whole
    for n in range(n_nodes - 1, 0, -1):
        sums[parents[n], 0] += sums[n, 0]
        sums[parents[n], 1] += sums[n, 1]
    at_node = 0
    for n in range(1, n_nodes):
        if parents[n] == at_node and sums[n, 0] >= 0.75 * total and total > 0:
            at_node = n
    following = -1
    for b in range(n_blocks - 1, -1, -1):
        last_after[b] = following
        if p[b] > 0.5:
            following = b
    previous = heading = -1
    for b in range(n_blocks):
        f = out[b]
        k = at
        f[k] = p[b]
        k += 1
        for step in range(1, 5):
            f[k] = p[b - step] if b >= step else -1
            f[k + 4] = p[b + step] if b + step < n_blocks else -1
            k += 1
        k += 4
        for reach in (5, 20):
            low, high = max(b - reach, 0), min(b + reach + 1, n_blocks)
            f[k] = (mass[high] - mass[low]) / (sizes[high] - sizes[low])
            k += 1
        n = rows[b, NODE]
        for _ in range(_UP):
            f[k] = sums[n, 0] / sums[n, 1]
            n = parents[n]
            k += 1
        f[k] = total / whole
        f[k + 1] = most
        f[k + 2] = mass[b] / total if total > 0 else 0
        f[k + 3] = (total - mass[b + 1]) / total if total > 0 else 0
        f[k + 4] = _log(b - previous) if previous >= 0 else np.float32(-1)
        f[k + 5] = _log(last_after[b] - b) if last_after[b] >= 0 else np.float32(-1)
        f[k + 6] = 0
        f[k + 7] = p[heading] if heading >= 0 else -1
        high = min(b + 4, n_blocks)
        f[k + 8] = (mass[high] - mass[b]) / (sizes[high] - sizes[b])
        n = rows[b, NODE]
        steps = 0
        while n > at_node:
            n = parents[n]
            steps += 1
        f[k + 9] = steps if n == at_node else -1
        if p[b] > 0.5:
            previous = b
        if _LEVEL[codes[rows[b, NODE]]]:
            heading = b


def block_features(data: np.ndarray, kinds: np.ndarray, starts: np.ndarray, ends: np.ndarray, blocks: Blocks, title: int) -> np.ndarray:
    """float32[block, feature], with room for the second classifier's."""
    out = np.zeros((len(blocks.rows), len(FEATURES) + len(SECOND)), np.float32)
    features(data, kinds, starts, ends, title, *blocks, out)
    return out


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
