"""Tables of contents, against a walk over the tree."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacurate.kernels.blocks import NODE, blocks_of
from datacurate.kernels.html_contents import contents_of
from datacurate.kernels.html_tags import TAG
from datacurate.stages._blocks import parsed

LIST = "".join(f'<li><a href="#s{at}">Part {at}</a></li>' for at in range(4))


def found(page: str) -> str:
    """The texts of tables of contents on a page of blocks that hold one text each."""
    made = parsed(page)
    blocks, _ = blocks_of(made.data, made.events)
    inside = contents_of(made.data, made.events, blocks)
    texts = []
    for at in np.flatnonzero(inside):
        kinds, starts, ends = (part[slice(*blocks.rows[at, 1:3])] for part in made.events[:3])
        own = zip(kinds.tolist(), starts.tolist(), ends.tolist(), strict=True)
        texts.append(b"".join(made.html[i:j] for kind, i, j in own if kind == 0).decode().strip())
    return " ".join(texts)


def test_lists_of_links_into_the_page_are_contents():
    whole = "Part 0 Part 1 Part 2 Part 3"
    assert found(f"<p>x</p><ul>{LIST}</ul><p>y</p>") == whole
    assert found(f"<p>x</p><div id=toc><h2>Contents</h2><ul>{LIST}</ul></div>") == "Contents " + whole
    assert found(f"<p>x</p><ul>{LIST}<li><a href='#a'>1</a><ul>{LIST}</ul></li></ul>") == f"{whole} 1 {whole}"
    assert found(f"<p>x</p><p>x</p><h2>Contents</h2><ul>{LIST}</ul>") == whole


@pytest.mark.parametrize(
    "page",
    [f"<ul>{LIST.replace('#', '/')}</ul>", "<ul>" + LIST[: LIST.index("<li>", 40)] + "</ul>",
     "<ul>" + "<li><a href='#a'>Stone</a>, which is round and smooth to the touch</li>" * 4 + "</ul>",
     "<ol>" + "<li><a href='#cite'>^</a> Book, page 7</li>" * 4 + "</ol>", "<ul>" + "<li><a href='#'>x</a></li>" * 4,
     "<dl>" + "<dt><a href='#o'>--option</a></dt><dd>What it does</dd>" * 4 + "</dl>",
     "<h2><a href='#a'>One</a></h2><p>Text of it</p>" * 4],
)  # fmt: skip
def test_other_lists_are_not(page):
    assert found(f"<p>x</p>{page}") == ""


PIECES = st.sampled_from(
    ["<div>", "</div>", "<ul>", "</ul>", "<li>", "</li>", '<a href="#a">b</a>', '<a href="c">d</a>', "e",
     "long " * 20, "<p>", "<pre>", "</pre>", LIST]
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.lists(PIECES, max_size=30))
def test_against_the_twin(pieces):
    made = parsed("".join(pieces))
    blocks, _ = blocks_of(made.data, made.events)
    inside = contents_of(made.data, made.events, blocks)
    assert inside.tolist() == _twin(made, blocks)


def _twin(made, blocks) -> list[bool]:
    """For each block, whether a container around it is a table of contents."""
    rows, parents = blocks.rows.tolist(), blocks.parents.tolist()
    kinds, starts, ends = (part.tolist() for part in made.events[:3])
    link, size = [], []
    for row in rows:
        events = [(kinds[e], made.html[starts[e] : ends[e]]) for e in range(row[1], row[2])]
        text, linked, open_links = "", "", 0
        for kind, part in events:
            open_links += 1 if kind > 0 and b"href" in part else 0
            text += "".join(part.decode().split()) if kind == 0 else ""
            linked += "".join(part.decode().split()) if kind == 0 and open_links else ""
            open_links -= kind < 0
        targets = [part for kind, part in events if kind > 0 and b"href" in part]
        link.append(bool(targets) and all(b'"#a' in t or b'"#s' in t for t in targets))
        link[-1] &= len(linked) * 10 >= len(text) * 7
        size.append(len(text))
    made_of = []
    for row in rows:
        node, good = row[NODE], False
        while node and blocks.codes[node] not in (TAG["body"], TAG["html"]):
            own = [at for at, other in enumerate(rows) if _within(parents, other[NODE], node)]
            others = [at for at in own if not link[at]]
            titled = len(others) == 1 and size[others[0]] <= 60
            links = len(own) - len(others)
            good |= links >= 3 and (titled or len(others) * 10 <= links)
            node = parents[node]
        made_of.append(good)
    return made_of


def _within(parents, node: int, around: int) -> bool:
    while node and node != around:
        node = parents[node]
    return node == around


@pytest.mark.parametrize(
    "page", ["<a href='#a'>x</a>" * 100_000, f"<div>{LIST}" * 5_000, "<ul><li><a href=#a>x</a>" * 5_000]
)
def test_time_is_linear(page):
    made = parsed(page)
    blocks, _ = blocks_of(made.data, made.events)
    contents_of(made.data, made.events, blocks)
    start = time.process_time()
    contents_of(made.data, made.events, blocks)
    assert time.process_time() - start < 1
