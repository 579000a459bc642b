"""HTML as events and blocks, against slow twins; and nothing breaks on bytes that are no HTML."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resiliparse.parse.html import HTMLTree

from datacurate.kernels import html as kernel
from datacurate.kernels.block_features import FEATURES, block_features
from datacurate.kernels.block_second import SECOND, second_features
from datacurate.kernels.blocks import COLUMNS, FIRST, LAST, LETTERS, LINKED, NODE, SIZE, WORDS, blocks_of
from datacurate.kernels.html_text import ALT_TEXTS, LINKS, MARKDOWN_FORMAT, room, text_of, write
from datacurate.kernels.html_words import CLASS_NEXT
from tests.kernels import oracle_html as oracle

TAGS = (
    "p div a span b ul li ol table tr td th pre code h1 br hr img svg script style math x-y section textarea "
    "blockquote nav iframe select tt mroot mtr mi mfenced"
)
CLASSES = [
    "postContent",
    "nav-bar",
    "main",
    "side",
    "comment_list",
    "x",
    "Article",
    "no-print",
    "sr-only",
    "größe",
    "AdBanner",
]


@st.composite
def markup(draw):
    """A soup of tags, attributes, text and comments."""
    parts = []
    for _ in range(draw(st.integers(0, 40))):
        tag = draw(st.sampled_from(tuple(TAGS.split(" "))))
        name = draw(
            st.sampled_from(["class", "id", "role", "itemprop", "style", "hidden", "aria-hidden", "type", "title"])
        )
        value = draw(
            st.sampled_from(
                [*CLASSES, "display:none", "visibility: hidden", "text-decoration:none", "true", "math/tex", "a>b"]
            )
        )
        piece = draw(st.sampled_from(["open", "close", "plain", "text", "comment"]))
        text = draw(st.text("ab .,!&<>é漢\u00a0\n0Z", max_size=12))
        parts.append({"open": f'<{tag} {name}="{value}">', "close": f"</{tag}>", "plain": f"<{tag}>", "text": text,
                      "comment": f"<!-- {text} -->"}[piece])  # fmt: skip
    return "".join(parts)


def canonical(page: str) -> bytes:
    """The page as resiliparse writes it."""
    return str(HTMLTree.parse(page)).encode("utf-8", "replace")


def whole(page: bytes):
    """Everything that is made of a page: (events, blocks, features, text)."""
    data, *events = kernel.events(page)
    blocks, title = blocks_of(data, events)
    features = block_features(data, *events[:3], blocks, title)
    return data, events, blocks, features


@settings(max_examples=300, deadline=None)
@given(markup())
def test_events_are_those_of_the_twin(page):
    page = canonical(page)
    _data, kinds, starts, ends, words = kernel.events(page)
    made = []
    for kind, start, end in zip(kinds.tolist(), starts.tolist(), ends.tolist(), strict=True):
        text = page[start:end]
        made.append((0, text) if kind == 0 else (kind,) if kind < 0 else (kind, text.partition(b">")[0]))
    wanted = oracle.events(page)
    assert made == wanted
    for event, found in zip(wanted, words.tolist(), strict=True):
        if (
            event[0] > 0
            and not oracle.KIND[event[0]] & (oracle.SKIPPED | oracle.VOID)
            and event[0] != oracle.TAG["math"]
        ):
            assert found == oracle.words(event[1])


@settings(max_examples=300, deadline=None)
@given(markup())
def test_blocks_are_those_of_the_twin(page):
    page = canonical(page.replace("math", "span"))
    _data, _events, blocks, _ = whole(page)
    texts = oracle.texts(page)
    assert [len("".join(text.split())) for text in texts] == blocks.rows[:, LETTERS].tolist()
    plain = [text for text in texts if "漢" not in text]
    own = [row[WORDS] for row, text in zip(blocks.rows.tolist(), texts, strict=True) if "漢" not in text]
    assert own == [len(text.split()) for text in plain]


@settings(max_examples=200, deadline=None)
@given(markup(), st.integers(0, 7))
def test_all_text_is_written_and_nothing_else(page, options):
    """With every block chosen; white space, and what Markdown and lists add, do not count."""
    page = canonical(page.replace("math", "span").replace("img", "b").replace("ol", "ul"))
    data, events, blocks, _ = whole(page)
    made = text_of(data, events, blocks.rows, np.ones(len(blocks.rows), np.bool_), options & ~LINKS)
    added = str.maketrans("", "", " \t\n-#>|`\\")
    wanted = "".join("".join(text.split()) for text in oracle.texts(page))
    assert "".join(made.decode().split()).translate(added) == wanted.translate(added)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=400), markup().map(str.encode)), st.integers(0, 7))
def test_any_bytes_are_survived(page, options):
    data, events, blocks, features = whole(page)
    rows = blocks.rows
    assert (events[1] <= events[2]).all() and (events[2] <= len(page)).all()
    assert (rows[:, FIRST] < rows[:, LAST]).all() and (rows[:, NODE] < len(blocks.parents)).all()
    assert (rows[:, LINKED] <= rows[:, SIZE]).all()
    assert np.isfinite(features).all()
    made = text_of(data, events, rows, np.ones(len(rows), np.bool_), options)
    assert len(made) <= room(data, events[0])


def test_names_match_what_is_computed():
    """A page with everything fills each feature, and the second classifier's, up to the last."""
    page = canonical('<h1>T</h1><div class="post"><p>' + "Some words here, and more. " * 9 + "<p>b<p>c<p>d</div>" * 5)
    _, _, blocks, features = whole(page)
    assert features.shape[1] == len(FEATURES) + len(SECOND) and len(set(FEATURES)) == len(FEATURES)
    assert features[-2, len(FEATURES) - 1] != 0 and (features[:, len(FEATURES) :] == 0).all()
    second_features(
        blocks.rows, blocks.parents, blocks.codes, np.full(len(features), 0.7, np.float32), features, len(FEATURES)
    )
    assert features[:, len(FEATURES)].tolist() == pytest.approx([0.7] * len(features))
    assert features[-1, -1] >= 0 and blocks.rows.shape[1] == len(COLUMNS) and len(CLASS_NEXT) < 65536 * 28


@pytest.mark.parametrize(
    "page",
    [
        "<blockquote>" * 9 + "<ol start=999999999><li>" * 9 + "<pre>" + "a\n" * 20_000,
        "<blockquote>" * 9 + "<ul><li>" * 9 + "a<br>" * 20_000,
        "<ul><li>" * 9 + "<pre>" + "<br>a" * 20_000,
        "<pre>" + "`" * 100_000,
        "<table>" + ("<tr>" + "<th>|" * 200) * 200,
        "<ol start=999999999>" + "<li>a" * 20_000,
        '<p><img class=latex alt="|">' * 10_000,
        "<h6>a</h6>" * 10_000,
        "<a href=b>c</a>" * 10_000,
        "<math>" + "<mroot><i>x</i><i></i></mroot>" * 10_000,
        "<math><mtr>" + "<i></i>" * 10_000 + "{",
        "<math><mfenced open='&amp;<>' close=\"{{{\">" * 1000 + "$$$",
        "<math>x</math>" * 10_000,
        "<table>" + ("<tr>" + "<td rowspan=9999>" * 63 + "<tr><td>x" * 300) * 9,
        "<table>" + "<tr><td colspan=99999999>x<th colspan=64><td>y" * 5000,
        ("<table>" + "<tr><td rowspan=0 colspan=63><td>x" * 2 + "</table>") * 3000,
    ],
    ids=lambda page: page[:18],
)
def test_there_is_room_for_what_is_written(page):
    """The buffer is as large as `room` says and nothing checks its bounds; a larger one shows what was written."""
    data, events, blocks, _ = whole(canonical(page))
    most = room(data, events[0])
    out = np.full(most * 4 + 1_000_000, 7, np.uint8)
    chosen = np.ones(len(blocks.rows), np.bool_)
    written = write(data, *events[:3], blocks.rows, chosen, MARKDOWN_FORMAT | LINKS | ALT_TEXTS, out)
    assert written <= most and (out[most:] == 7).all()


@pytest.mark.parametrize(
    "page",
    ["x" * 10_000_000, "<p>x" * 300_000, "<pre>" * 100_000, "<div>" * 200_000 + "x", "<table><tr><td>" * 30_000,
     "<ul><li>x" * 20_000, "<a href=x>" * 20_000 + "y", "&nbsp;" * 1_000_000, "<!-- " * 500_000, "<svg>" * 100_000,
     "<span class=katex-html>" * 50_000,
     "<math><annotation>" * 50_000, "<math>" + "<mfrac>" * 100_000 + "x", "<math>" + "<mi>x" * 100_000,
     "<math></math>" * 100_000, "<math>" + "&amp;" * 1_000_000, "<h2>x<a href='#'>#" * 50_000,
     "漢" * 1_000_000, "\u0301" * 1_000_000, "\n" * 1_000_000,
     "<td>" * 1000 + "<b a='" * 9],
    ids=lambda page: page[:18],
)  # fmt: skip
def test_time_is_linear_on_hostile_pages(page):
    whole(b"<p>x")  # compiled
    page = canonical(page)
    start = time.process_time()
    data, events, blocks, _ = whole(page)
    text_of(data, events, blocks.rows, np.ones(len(blocks.rows), np.bool_), MARKDOWN_FORMAT | LINKS | ALT_TEXTS)
    assert time.process_time() - start < 10
