"""Main content by classified blocks: the engine `blocks` of `extract`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

MODEL = Path(__file__).parent.parent / "data" / "blocks" / "trees.npz"
"""Written by scripts/train_blocks.py."""
THRESHOLD = 0.5
"""A block is kept from this value on; chosen on folds, as what follows, see docs/design/extract.md."""
SECOND_SHARE = 0.7
"""What the second classifier counts; the first one counts the rest."""
GAP_SHARE = 0.7
"""A block between two that are kept is kept from this share of the threshold on."""
LIST_SHARE = 0.35
"""The same of an item of a list whose other items are kept: short ones are judged low, and a list without them is
wrong."""
MENU = 0.7
"""A block of links alone is kept from this value on where there are several of them."""
PIECE = 32_768
"""Blocks whose features are held at a time, in 35 MB."""
LITTLE, SHARE = 200, 0.6
"""Where less text than this is kept, blocks of at least this share of the highest value are."""


class Page(NamedTuple):
    """A parsed page."""

    html: bytes
    """Its canonical form."""
    data: np.ndarray
    events: tuple[np.ndarray, ...]
    """Of what a reader sees."""
    all_events: tuple[np.ndarray, ...]


def parsed(page: str) -> Page:
    """The page in canonical form, and its events."""
    from resiliparse.parse.html import HTMLTree

    from datacurate.kernels.html import events
    from datacurate.kernels.html_seen import seen_of

    html = str(HTMLTree.parse(page)).encode("utf-8", "replace")
    data, *found = events(html)
    return Page(html, data, seen_of(data, tuple(found)), tuple(found))


@cache
def model() -> tuple[Any, Any]:
    """Both classifiers."""
    return read_models(MODEL)[0]


def read_models(path: Path) -> list[tuple[Any, Any]]:
    """The pairs of classifiers in a file."""
    from datacurate.kernels.trees import Trees

    with np.load(path) as arrays:
        count = sum(name.startswith("roots") for name in arrays)
        found = [Trees(*(_read_only(arrays[f"{n}{at}"]) for n in Trees._fields)) for at in range(1, count + 1)]
    return list(zip(found[::2], found[1::2], strict=True))


def warm() -> None:
    """Compile, or load from the cache, everything here."""
    extract(parsed("<title>a</title><p>One. <p>Two.<b hidden>x</b><div hidden>y</div>"), 0, True)


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def judged(page: Page, models: tuple[Any, Any] | None = None, piece: int = PIECE) -> tuple[Any, np.ndarray]:
    """The blocks of a page, and how much each looks like main content, about 0 to 1, to these classifiers or ours."""
    from datacurate.kernels.block_features import FEATURES, pieces
    from datacurate.kernels.block_second import second_piece, second_sums
    from datacurate.kernels.blocks import blocks_of
    from datacurate.kernels.trees import evaluate

    blocks, title = blocks_of(page.data, page.events)
    first, second = np.empty(len(blocks.rows), np.float32), np.empty(len(blocks.rows), np.float32)
    one, two = models or model()
    run: Any = evaluate
    features = pieces(page.data, page.events, blocks, title, piece)
    made: list[tuple[int, np.ndarray]] = []
    for at, rows in features():
        run(*one, rows, first[at : at + len(rows)])
        made = [(at, rows)]
    around, state = second_sums(blocks.rows, blocks.parents, first)
    # a page of one piece still has its features; of larger ones they are made again, which takes less room
    for at, rows in made if len(blocks.rows) <= piece else features():
        second_piece(blocks.rows, blocks.parents, blocks.codes, first, around, state, at, rows, len(FEATURES))
        run(*two, rows, second[at : at + len(rows)])
    return blocks, together(first, second)


def together(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The value of blocks by both classifiers."""
    return (1 - SECOND_SHARE) * first + SECOND_SHARE * second


def kept(blocks: Any, values: np.ndarray, threshold: float = THRESHOLD) -> np.ndarray:
    """Which blocks are main content: those of high value, without what is never an article's and with what belongs to
    them."""
    from datacurate.kernels.blocks_chrome import chrome
    from datacurate.kernels.blocks_gaps import fill_gaps

    chosen = valued(blocks, values, threshold)
    if not chosen.any():
        return chosen
    out = np.empty(len(chosen), np.bool_)
    chrome(blocks.rows, blocks.parents, blocks.codes, blocks.chrome, chosen, out)
    chosen &= ~out
    fill_gaps(blocks.rows, blocks.parents, blocks.codes, blocks.words, values, out, chosen)
    return chosen


def valued(blocks: Any, values: np.ndarray, threshold: float = THRESHOLD) -> np.ndarray:
    """Which blocks have a high value, and those between two of them."""
    from datacurate.kernels.blocks import SIZE

    if not len(values):
        return np.zeros(0, np.bool_)
    chosen = values > threshold
    if blocks.rows[chosen, SIZE].sum() < LITTLE:
        chosen = values > min(threshold, float(values.max()) * SHARE)
    filled = chosen.copy()
    share = np.where(_between_items(blocks), LIST_SHARE, GAP_SHARE)
    filled[1:-1] |= chosen[:-2] & chosen[2:] & (values[1:-1] > threshold * share)
    return filled


def main(page: Page, blocks: Any, values: np.ndarray) -> np.ndarray:
    """Which blocks are main content, without tables of contents unless these are most of it."""
    from datacurate.kernels.blocks import SIZE
    from datacurate.kernels.html_contents import contents_of

    chosen = kept(blocks, values)
    chosen[_menus(blocks, values, chosen)] = False
    inside = contents_of(page.data, page.events, blocks)
    if not inside.any():
        return chosen
    rest = chosen & ~inside
    size = blocks.rows[:, SIZE]
    return rest if 2 * size[rest].sum() >= size[chosen].sum() else chosen


def _menus(blocks: Any, values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The chosen blocks of middling value that are nothing but links: three and more of them, or the same as others
    ("Reply"), which in lists and tables are content."""
    from datacurate.kernels.blocks import HASH, LINKED, LINKS, NODE, SIZE
    from datacurate.kernels.html_tags import TAG

    rows = blocks.rows
    found = np.flatnonzero(chosen & (values < MENU) & (rows[:, LINKS] > 0) & (rows[:, LINKED] >= rows[:, SIZE]))
    if not len(found):
        return found
    _, own, count = np.unique(rows[found, HASH], return_inverse=True, return_counts=True)
    apart = ~np.isin(blocks.codes[rows[found, NODE]], [TAG[name] for name in ("td", "th", "li", "dt", "dd")])
    return found[(rows[found, LINKS] >= 3) | ((count[own] >= 3) & apart)]


def _between_items(blocks: Any) -> np.ndarray:
    """Of each block but the first and last, whether it is of an item and a block next to it of the same list."""
    from datacurate.kernels.blocks import NODE
    from datacurate.kernels.html_tags import TAG

    nodes, parents, codes = blocks.rows[:, NODE], blocks.parents, blocks.codes
    items = nodes[1:-1]
    items = np.where(codes[items] == TAG["li"], items, parents[items])
    lists = parents[items]
    # nodes are in document order: those between a list and its item are in the list
    near = (nodes[:-2] > lists) | (parents[nodes[2:]] == lists)
    return near & (codes[items] == TAG["li"])


def extract(page: Page, options: int = 0, comments: bool = False) -> str:
    """The main content as text or Markdown; `options` are the bits of `kernels.html_text`."""
    from datacurate.kernels.blocks import LAST
    from datacurate.kernels.html_text import text_of

    blocks, values = judged(page)
    chosen = main(page, blocks, values)
    if comments:
        chosen |= in_comments(blocks)
    # the writer only needs to know where blocks are; on a page of millions the rest is what it has no room beside
    rows = np.ascontiguousarray(blocks.rows[:, : LAST + 1])
    del blocks
    return text_of(page.data, page.events, rows, chosen, options).decode("utf-8", "replace").strip("\n")


def in_comments(blocks: Any) -> np.ndarray:
    """Which blocks are what readers wrote: sentences in a container whose class says so, not mostly links."""
    from datacurate.kernels.block_nodes import inherited_words
    from datacurate.kernels.blocks import LINKED, NODE, SIZE, WORDS
    from datacurate.kernels.html_tags import TAG
    from datacurate.kernels.html_words import CLASS_BIT

    rows = blocks.rows
    inside = (inherited_words(blocks)[rows[:, NODE]] & CLASS_BIT["comment"]) > 0
    written = inside & (rows[:, WORDS] >= 4) & (rows[:, LINKED] * 2 < rows[:, SIZE])
    # a heading right before them, as "3 Comments"
    headed = inside & np.isin(blocks.codes[rows[:, NODE]], [TAG[f"h{level}"] for level in range(1, 7)])
    headed[:-1] &= written[1:]
    headed[-1:] = False
    return written | headed
