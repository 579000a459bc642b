"""What a classifier of blocks looks at: the block, its neighbours, the containers around it, and its like on the page.

No feature knows the page's address or its host. Sizes are logarithms; shares are between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numba import njit

from datacurate.kernels.block_nodes import (
    INSIDE,
    LEVEL,
    N_BLOCKS,
    N_GOOD,
    N_LINKED,
    N_SHORT,
    N_SIZE,
    N_STOPS,
    NODE_WIDTH,
    RANK,
    UP,
    apart,
    inherit,
    is_good,
    log,
    main_node,
    share,
    sum_nodes,
    title_share,
    title_words,
)
from datacurate.kernels.block_second import SECOND
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
    HASH,
    IMAGES,
    LETTERS,
    LINKED,
    LINKS,
    NODE,
    SIZE,
    STOPS,
    WORDS,
    Blocks,
)
from datacurate.kernels.html_words import CLASS_WORDS, TEXT_WORDS
from datacurate.kernels.memory import borrowing, inlined

_CLASS_COUNT, _CUE_COUNT = len(CLASS_WORDS), len(TEXT_WORDS)
_NEAR = 3
"""Neighbours on each side."""
_SLOTS = 4096
_MASK = np.uint64(_SLOTS - 1)

_OWN = ("size", "words", "link_share", "links", "word_length", "digits", "capitals", "stops", "commas", "stop_rate",
        "ends", "begins", "rank", "level", "breaks", "buttons", "images", "codes", "cjk")  # fmt: skip
_PLACE = ("before", "after", "position", "index", "depth", "from_h1", "h1s", "heading_size", "heading_gap",
          "heading_level", "title_share", "from_title", "same_text", "list_depth", "table_depth")  # fmt: skip
_PAGE = ("page_size", "page_links", "page_blocks", "page_good", "page_stops", "main_share", "main_density")
_MAIN = (
    "in_main",
    "up_to_main",
    "down_to_main",
    "to_good_before",
    "up_good",
    "down_good",
    "to_good_after",
    "up_good_after",
    "down_good_after",
)
_LIKE = ("like_count", "like_share", "like_links", "like_size", "like_stops")
_LEVELS = ("size", "links", "blocks", "stops", "good_share", "density", "rank", "share_of_it", "short")
_NEIGHBOUR = ("size", "links", "rank", "stops", "same_node")
FEATURES = (
    *_OWN,
    *(f"inside_{name}" for name in INSIDE),
    *(f"own_{name}" for name, _ in CLASS_WORDS),
    *(f"near_{name}" for name, _ in CLASS_WORDS),
    *(f"far_{name}" for name, _ in CLASS_WORDS),
    *(f"cue_{name}" for name, _ in TEXT_WORDS),
    *(f"heading_cue_{name}" for name, _ in TEXT_WORDS),
    *(f"page_{name}" for name in ("comments_after",)),
    *_PLACE, *_PAGE, *_MAIN, *_LIKE,
    *(f"up{level}_{name}" for level in range(UP) for name in _LEVELS),
    *(f"near{side}{step}_{name}" for side in "-+" for step in range(1, _NEAR + 1) for name in _NEIGHBOUR),
)  # fmt: skip
"""The features of a block, in order."""


@borrowing
def _ending(point):
    """0 for other, 1 a quotation mark or bracket, 2 a colon, 3 the end of a sentence."""
    if (
        point == 0x2E
        or point == 0x21
        or point == 0x3F
        or point == 0x3002
        or point == 0xFF01
        or point == 0xFF1F
        or point == 0x0964
    ):
        return 3
    if point == 0x3A:
        return 2
    if (
        point == 0x22
        or point == 0x201D
        or point == 0x29
        or point == 0xBB
        or point == 0x201C
        or point == 0x2019
        or point == 0x2026
        or point == 0x27
    ):
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


_BEFORE, _GOOD_BEFORE, _H1, _HEADING, _TITLED, _H1S, _COMMENTS, _MAIN_NODE, _TITLE_WORDS = range(9)
"""What is carried from block to block: text before it; the last block like a paragraph, the first of level one, the
last heading, the first with the title's words, how many of level one, the last that starts comments. And what stays:
the node of the main content, and words in the title."""


@njit(nogil=True, cache=True)
def page_sums(data, starts, ends, title, rows, parents, codes, words):
    """What features need to know of the whole page, and the state before the first block."""
    n_blocks, n_nodes = len(rows), len(parents)
    nodes = np.zeros((n_nodes, NODE_WIDTH), np.float64)
    sum_nodes(rows, parents, nodes)
    inside, near, far = np.empty(n_nodes, np.int64), np.empty(n_nodes, np.uint32), np.empty(n_nodes, np.uint32)
    like = np.empty(n_nodes, np.uint64)
    lists, tables = np.empty(n_nodes, np.int32), np.empty(n_nodes, np.int32)
    inherit(parents, codes, words, nodes, inside, near, far, like, lists, tables)
    on_way = np.empty(n_nodes, np.bool_)
    state = np.full(9, -1, np.int64)
    state[_BEFORE] = state[_H1S] = state[_TITLE_WORDS] = 0
    state[_MAIN_NODE] = main_node(parents, nodes, on_way)
    alike = np.zeros((_SLOTS, 4), np.float64)
    texts = np.zeros(_SLOTS, np.int32)
    goods = np.empty(n_blocks + 1, np.int32)
    following = n_blocks
    for b in range(n_blocks - 1, -1, -1):
        row = rows[b]
        slot = like[row[NODE]] & _MASK
        alike[slot, 0] += 1
        alike[slot, 1] += row[SIZE]
        alike[slot, 2] += row[LINKED]
        alike[slot, 3] += row[STOPS]
        texts[np.uint64(row[HASH]) & _MASK] += 1
        goods[b] = following
        if is_good(row):
            following = b
    title_hashes = np.empty(40, np.uint64)
    if title >= 0:
        state[_TITLE_WORDS] = title_words(data, np.int64(starts[title]) + 1, np.int64(ends[title]), title_hashes, 0)
    return (nodes, inside, near, far, like, lists, tables, on_way, alike, texts, goods, title_hashes), state


@njit(nogil=True, cache=True)
def features(data, kinds, starts, ends, rows, parents, codes, words, depths, page, state, first, out):
    """Fills `out`, float32[block, feature], for the blocks from `first` on; `state` is carried on from those before.

    Linear but for the depth of nodes, which is bounded.
    """
    nodes, inside, near, far, like, lists, tables, on_way, alike, texts, goods, title_hashes = page
    n_blocks = len(rows)
    own_hashes = np.empty(40, np.uint64)
    main, title_count = state[_MAIN_NODE], state[_TITLE_WORDS]
    total = nodes[0, N_SIZE]
    good = nodes[0, N_GOOD]
    before, good_before, h1, heading = state[_BEFORE], state[_GOOD_BEFORE], state[_H1], state[_HEADING]
    titled, h1s, comments = state[_TITLED], state[_H1S], state[_COMMENTS]
    for b in range(first, first + len(out)):
        row = rows[b]
        f = out[b - first]
        n = row[NODE]
        size, w = row[SIZE], row[WORDS]
        level = LEVEL[codes[n]]
        if level == 0 and n > 0 and size < 200:
            level = LEVEL[codes[parents[n]]]
        k = 0
        f[0] = log(size)
        f[1] = log(w)
        f[2] = share(row[LINKED], size)
        f[3] = log(row[LINKS])
        f[4] = share(row[LETTERS], w)
        f[5] = share(row[DIGITS], row[LETTERS])
        f[6] = share(row[CAPITALS], row[LETTERS])
        f[7] = log(row[STOPS])
        f[8] = log(row[COMMAS])
        f[9] = share(row[STOPS] + row[COMMAS], w)
        f[10] = _ending(row[ENDS])
        f[11] = _beginning(row[BEGINS])
        f[12] = RANK[codes[n]]
        f[13] = level
        f[14] = log(row[BREAKS])
        f[15] = share(row[BUTTONS], size)
        f[16] = row[IMAGES]
        f[17] = row[CODES]
        f[18] = share(row[CJK], row[LETTERS])
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
        f[k] = log(b - comments) if comments >= 0 else np.float32(-1)
        k += 1
        titled_share = np.float32(0)
        if level > 0 or (size < 150 and (own >> np.uint32(_TITLE_BIT)) & 1):
            titled_share = title_share(data, kinds, starts, ends, row, title_hashes, title_count, own_hashes)
            if titled_share > 0.6 and titled < 0 and title_count:
                titled = b
        if level == 1:
            h1s += 1
            if h1 < 0:
                h1 = b
        f[k] = share(before, total)
        f[k + 1] = log(total - before - size)
        f[k + 2] = share(b, n_blocks)
        f[k + 3] = log(b)
        f[k + 4] = depths[n]
        f[k + 5] = log(b - h1) if h1 >= 0 else np.float32(-1)
        f[k + 6] = h1s
        f[k + 7] = log(rows[heading, SIZE]) if heading >= 0 else np.float32(-1)
        f[k + 8] = log(b - heading) if heading >= 0 else np.float32(-1)
        f[k + 9] = f_level(rows, codes, heading)
        f[k + 10] = titled_share
        f[k + 11] = log(b - titled) if titled >= 0 else np.float32(-1)
        f[k + 12] = texts[np.uint64(row[HASH]) & _MASK]
        f[k + 13] = lists[n]
        f[k + 14] = tables[n]
        k += 15
        f[k] = log(total)
        f[k + 1] = share(nodes[0, N_LINKED], total)
        f[k + 2] = log(n_blocks)
        f[k + 3] = log(good)
        f[k + 4] = share(nodes[0, N_STOPS], n_blocks)
        f[k + 5] = share(nodes[main, N_GOOD], good)
        f[k + 6] = share(nodes[main, N_GOOD], nodes[main, N_SIZE])
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
            up, down = apart(parents, depths, n, rows[good_before, NODE])
        f[k + 3] = log(b - good_before) if good_before >= 0 else np.float32(-1)
        f[k + 4] = up
        f[k + 5] = down
        up, down = -1, -1
        after = goods[b]
        if after < n_blocks:
            up, down = apart(parents, depths, n, rows[after, NODE])
        f[k + 6] = log(after - b) if after < n_blocks else np.float32(-1)
        f[k + 7] = up
        f[k + 8] = down
        k += 9
        slot = like[n] & _MASK
        f[k] = log(alike[slot, 0])
        f[k + 1] = share(alike[slot, 1], total)
        f[k + 2] = share(alike[slot, 2], alike[slot, 1])
        f[k + 3] = log(alike[slot, 1] / alike[slot, 0])
        f[k + 4] = share(alike[slot, 3], alike[slot, 0])
        k += 5
        at = n
        for _ in range(UP):
            node = nodes[at]
            f[k] = log(node[N_SIZE])
            f[k + 1] = share(node[N_LINKED], node[N_SIZE])
            f[k + 2] = log(node[N_BLOCKS])
            f[k + 3] = share(node[N_STOPS], node[N_BLOCKS])
            f[k + 4] = share(node[N_GOOD], good)
            f[k + 5] = share(node[N_GOOD], node[N_SIZE])
            f[k + 6] = RANK[codes[at]]
            f[k + 7] = share(size, node[N_SIZE])
            f[k + 8] = share(node[N_SHORT], node[N_BLOCKS])
            k += 9
            at = parents[at]
        for side in range(2):
            for step in range(1, _NEAR + 1):
                other = b - step if side == 0 else b + step
                if 0 <= other < n_blocks:
                    near_row = rows[other]
                    f[k] = log(near_row[SIZE])
                    f[k + 1] = share(near_row[LINKED], near_row[SIZE])
                    f[k + 2] = RANK[codes[near_row[NODE]]]
                    f[k + 3] = log(near_row[STOPS])
                    f[k + 4] = np.float32(near_row[NODE] == n) + np.float32(parents[near_row[NODE]] == parents[n])
                else:
                    f[k] = f[k + 1] = f[k + 2] = f[k + 3] = f[k + 4] = -1
                k += 5
        before += size
        if is_good(row):
            good_before = b
        if level > 0:
            heading = b
        if (own >> np.uint32(_COMMENT_BIT)) & 1 and row[CUES] & 1:
            comments = b
    state[_BEFORE], state[_GOOD_BEFORE], state[_H1], state[_HEADING] = before, good_before, h1, heading
    state[_TITLED], state[_H1S], state[_COMMENTS] = titled, h1s, comments


@inlined
def f_level(rows, codes, heading):
    if heading < 0:
        return np.float32(0)
    return np.float32(LEVEL[codes[rows[heading, NODE]]])


_INSIDE_COUNT = len(INSIDE)
_TITLE_BIT = [name for name, _ in CLASS_WORDS].index("title")
_COMMENT_BIT = [name for name, _ in CLASS_WORDS].index("comment")


def pieces(
    data: np.ndarray, events: tuple[np.ndarray, ...], blocks: Blocks, title: int, size: int
) -> Callable[[], Iterator[tuple[int, np.ndarray]]]:
    """Makes the features of at most `size` blocks at a time: (the first block, float32[block, feature]).

    The array has room for the second classifier's features, and is used again for the next blocks.
    """
    kinds, starts, ends = events[:3]
    page, state = page_sums(data, starts, ends, title, *blocks[:4])
    out = np.zeros((min(size, len(blocks.rows)), len(FEATURES) + len(SECOND)), np.float32)

    def made() -> Iterator[tuple[int, np.ndarray]]:
        own = state.copy()
        for first in range(0, len(blocks.rows), size):
            part = out[: min(size, len(blocks.rows) - first)]
            features(data, kinds, starts, ends, *blocks[:5], page, own, first, part)
            yield first, part

    return made


def block_features(
    data: np.ndarray, kinds: np.ndarray, starts: np.ndarray, ends: np.ndarray, blocks: Blocks, title: int
) -> np.ndarray:
    """float32[block, feature] of all blocks, with room for the second classifier's."""
    for _, whole in pieces(data, (kinds, starts, ends), blocks, title, max(len(blocks.rows), 1))():
        return whole
    return np.zeros((0, len(FEATURES) + len(SECOND)), np.float32)
