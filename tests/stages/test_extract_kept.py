"""What `blocks` keeps of a page beside what its classifiers say: rows, cells, last items; and never."""

from __future__ import annotations

import time
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacurate.kernels.blocks import CUES, LINKED, NODE, SIZE, blocks_of
from datacurate.kernels.blocks_chrome import SHORT, chrome
from datacurate.kernels.blocks_gaps import CLOSING, CLOSING_SIZE, fill_gaps
from datacurate.kernels.html_tags import NAMES
from datacurate.kernels.html_text import text_of
from datacurate.stages._blocks import extract, in_comments, parsed

HARBOUR = (
    "The harbour at Skagen was dredged again this spring because silt from the river had closed the eastern basin."
)
SEASON = "Fishermen who had waited since February said that the delay cost them a third of the season."
MENU = "<nav><ul>" + "".join(f"<li><a href=/{w}>{w}</a>" for w in ("Home", "About", "Careers", "Press")) + "</ul></nav>"
FOOT = "<footer><p>&copy; 2024 Example Inc. All rights reserved.</p></footer>"


def rows(pairs, head="td"):
    return "<table>" + "".join(f"<tr><{head}>{a}</{head}><td>{b}</td></tr>" for a, b in pairs) + "</table>"


def text_of_page(body):
    return extract(parsed(f"<title>page</title><body><header>{MENU}</header><main>{body}</main>{FOOT}"))


SPECS = [("Voltage", "18 V"), ("Weight", "1.4 kg"), ("Torque", "60 Nm"), ("Colour", "red"), ("Box", "yes")]
NAMED = ("Holm", "Krag", "Lund", "Bech", "Toft")
MAYORS = [(f"<a href=/w/{at}>{name}</a>", 1900 + 7 * at) for at, name in enumerate(NAMED)]
ANSWERS = [("Use this.", "x = 1"), ("No, do that.", "y = 2"), ("Both are wrong.", "z = 3"), ("It depends.", "w = 4")]
EVENTS = [("Fish market", 3, "In the hall."), ("Regatta", 9, SEASON), ("Concert", 12, "With the band."),
          ("Dance", 20, "Free entry.")]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (f"<h1>Drill</h1><p>{HARBOUR}</p>" + rows(SPECS, "th"), ["Voltage\t18 V", "Box\tyes"]),
        (f"<h1>Mayors</h1><p>{HARBOUR}" + rows([("Name", "From"), *MAYORS]), ["Holm\t1900", "Toft\t1928"]),
        ("<h1>Why is it slow?</h1><p>" + HARBOUR + "</p>"
         + "".join(f"<div class=answer><p>{a}</p><pre>{b}</pre></div>" for a, b in ANSWERS), ["It depends.", "w = 4"]),
        ("<h1>Events</h1>" + "".join(
            f"<div class=event><h3>{a}</h3><span class=date>{b} May</span><p>{c}</p></div>" for a, b, c in EVENTS),
         ["20 May", "Free entry."]),
        ("<h1>Reset the router</h1><ol><li>Unplug it.<li>Wait.<li>Plug it in.<li>Press Reset.</ol><p>Done.</p>",
         ["Unplug", "Press Reset", "Done."]),
    ],
    ids=["rows", "table", "answers", "events", "closing"],
)  # fmt: skip
def test_what_belongs_together_stays_together(body, wanted):
    text = text_of_page(body)
    assert not [one for one in wanted if one not in text]
    assert "Careers" not in text and "rights reserved" not in text


ASKS = (
    "We use cookies to improve your experience. By continuing to browse you agree to our use and to our 843 partners."
)
LETTER = "Sign up for our newsletter and get the best stories in your inbox every morning, free of charge."
SILT = "港口今年春天再次疏浚，因为河流带来的泥沙堵塞了东部港池，只有最小的船只才能进入。"
ARTICLE = f"<article><h1>Harbour</h1><p>{HARBOUR}<p>{SEASON}</article>"
POSTS = "".join(
    f'<div class=post><div class=content><p>{text}</p></div><div class=tools><a href="#">Quote</a> '
    '<a href="#">Report</a></div></div>'
    for text in (HARBOUR, SEASON, "Thanks!", "It works now.")
)


@pytest.mark.parametrize(
    ("page", "unwanted"),
    [
        (f"{MENU}<h1>Example</h1><pre>a = 1\nb = 2</pre><p>Run:</p><pre>$ ./a.out</pre>{FOOT}", "Careers"),
        (f"<div class=cookie-banner><p>{ASKS}</p></div>{ARTICLE}", "843"),
        (f"{ARTICLE}<div class=newsletter><p>{LETTER}</p></div>", "inbox"),
        (f"{ARTICLE}<footer><p>{LETTER}</p></footer>", "inbox"),
        (f"<main><h1>Terms</h1><p>{HARBOUR}<p>{SEASON}</main><div><p>{ASKS}</p></div>", "843"),
        ("<div class=nav><a href=/>首页</a> <a href=/n>新闻</a></div><div class=article><h1>港口疏浚</h1>"
         + f"<p>{SILT}</p>" * 3 + "</div>", "首页"),
        (f"{MENU}<div class=thread><h1>How?</h1>{POSTS}</div>{FOOT}", "Quote"),
        (f"<div id=content><h1>Skagen</h1><p>{HARBOUR}</p><h2>History<span class=mw-editsection>[<a href=e>edit</a>]"
         f"</span></h2><p>{SEASON}</p></div>", "edit"),
    ],
    ids=["nav", "cookies", "newsletter", "footer", "outside", "menu", "bars", "edit"],
)  # fmt: skip
def test_what_is_never_kept(page, unwanted):
    text = extract(parsed("<title>x</title><body>" + page))
    assert unwanted not in text
    assert len(text) > 20


@pytest.mark.parametrize(
    ("page", "wanted"),
    [
        (f"<body><nav><h1>Contents</h1><p>{HARBOUR}<p>{SEASON}</nav>", "dredged"),
        (f"<body><div class='newsletter'><h1>Letter 12</h1><p>{HARBOUR}<p>{SEASON}</div>", "dredged"),
        (f"<body><main></main><div class=post><h1>Harbour</h1><p>{HARBOUR}<p>{SEASON}</div>", "dredged"),
        (f"<body><article><h1>Harbour</h1><p>{HARBOUR}<p>{SEASON}<footer><p>{HARBOUR}</footer></article>", "dredged"),
    ],
    ids=["nav", "newsletter", "main", "footer"],
)
def test_what_is_the_page_stays(page, wanted):
    assert wanted in extract(parsed(page))


def test_comments_have_their_heading():
    said = "".join(f"<div class=comment><p>{text} said a reader.</p></div>" for text in (SEASON, HARBOUR))
    page = parsed(f"<body>{ARTICLE}<div id=comments><h2>3 Comments</h2>{said}<h3>Write one</h3></div>")
    blocks, _ = blocks_of(page.data, page.events)
    text = text_of(page.data, page.events, blocks.rows, in_comments(blocks)).decode()
    assert text.startswith("3 Comments\n\nFishermen") and "Write one" not in text and "Harbour\n" not in text


NESTS = st.recursive(
    st.sampled_from(["a b", "<a href=x>Reply</a>", "cookie", "a"]),
    lambda inner: st.tuples(
        st.sampled_from(["div", "li", "p", "section class=newsletter", "td", "tr", "table", "nav", "footer", "main"]),
        st.lists(inner, max_size=4),
    ).map(lambda made: f"<{made[0]}>{''.join(made[1])}</{made[0].split()[0]}>"),
    max_leaves=30,
)


@settings(max_examples=200, deadline=None)
@given(NESTS, st.randoms(use_true_random=False))
def test_against_the_twin(page, random):
    made = parsed(page)
    blocks, _ = blocks_of(made.data, made.events)
    values = np.array([random.random() for _ in blocks.rows], np.float32)
    out = np.array([random.random() < 0.2 for _ in blocks.rows], np.bool_)
    chosen = (values > 0.5) & ~out
    wanted = slow_gaps(blocks, values, out, chosen.copy())
    fill_gaps(blocks.rows, blocks.parents, blocks.codes, blocks.words, values, out, chosen)
    assert chosen.tolist() == wanted.tolist()
    left = np.empty(len(chosen), np.bool_)
    chrome(blocks.rows, blocks.parents, blocks.codes, blocks.chrome, chosen, left)
    assert slow_bars(blocks, chosen) <= set(np.flatnonzero(left))


def name(blocks, node):
    return NAMES[blocks.codes[node] - 1] if blocks.codes[node] else ""


def above(blocks, node):
    """A node and those around it, innermost first; the root is its own parent."""
    return [node, *(above(blocks, blocks.parents[node]) if node else [])]


def slow_gaps(blocks, values, out, chosen):
    """Rows, items, alike containers and closing paragraphs, one after the other."""
    where = blocks.rows[:, NODE]
    tables = [next((n for n in above(blocks, n) if name(blocks, n) == "table"), 0) for n in where]
    outer = {m for n in range(len(blocks.codes)) if name(blocks, n) == "table" for m in above(blocks, n)[1:]}
    before = chosen.copy()
    for table in set(tables) - outer - {0}:
        own = [at for at, one in enumerate(tables) if one == table]
        if any(where[at] == where[at - 1] for at in own[1:]):
            continue
        behind = own[0] > 0 and chosen[own[0] - 1]
        nearly = behind and len(own) >= 4 and np.float64(values[own].astype(float).sum()) >= 0.35 * len(own)
        if nearly or before[own].sum() >= 0.6 * len(own):
            chosen[own] |= ~out[own]
    for depth in (1, 2, 3, 4):
        chosen = slow_vote(blocks, values, out, chosen, depth)
    for at in range(1, len(where)):
        row, around = blocks.rows[at], [blocks.parents[n] for n in where[at - 1 : at + 1]]
        near = around[1] in (around[0], blocks.parents[around[0]])
        plain = row[SIZE] <= CLOSING_SIZE and not row[LINKED] and not row[CUES] & ~np.int64(0x240)
        if chosen[at - 1] and near and plain and values[at] > np.float32(CLOSING) and name(blocks, where[at]) == "p":
            chosen[at] |= not out[at]
    return chosen


def slow_vote(blocks, values, out, chosen, depth):
    likes, with_, keys = defaultdict(set), defaultdict(set), []
    for at, node in enumerate(blocks.rows[:, NODE]):
        line = [*above(blocks, node), *[0] * depth]
        kind = name(blocks, line[depth - 1])
        item, cell = kind in ("li", "dd", "dt"), kind in ("td", "th", "tr", "thead", "tbody", "tfoot")
        compared = depth < 4 if item else kind and not cell and (depth > 1 or kind in ("div", "section", "article"))
        path = tuple((int(blocks.codes[n]), int(blocks.words[n])) for n in line[:depth])
        keys.append((path, int(line[depth]), item) if compared else None)
        likes[keys[-1]].add(line[depth - 1])
        if chosen[at]:
            with_[keys[-1]].add(line[depth - 1])
    made = chosen.copy()
    for at, key in enumerate(keys):
        if key and not out[at] and values[at] > 0.05 and len(likes[key]) >= 3:
            cues = key[2] and blocks.rows[at, CUES] & ~np.int64(0x240)
            made[at] |= not cues and len(with_[key]) >= (0.5 if key[2] else 0.6) * len(likes[key])
    return made


def slow_bars(blocks, chosen):
    """Kept blocks of short links that stand in three containers, in no cell, item or heading."""
    found = defaultdict(set)
    for at in np.flatnonzero(chosen):
        row = blocks.rows[at]
        if row[LINKED] == row[SIZE] <= SHORT and name(blocks, row[NODE]) not in ("td", "li"):
            found[int(row[SIZE])].add((at, blocks.parents[row[NODE]]))
    return {at for own in found.values() if len({node for _, node in own}) >= 3 for at, _ in own}


@pytest.mark.parametrize(
    "page",
    ["<p>x" * 300_000, "<div>" * 100_000 + "x", "<table><tr><td>x" * 20_000, "<li><a href=x>y</a>" * 100_000,
     "<div><div><a href=x>y</a></div></div>" * 100_000, "<nav>" * 50_000 + "x",
     "".join(f"<div class=a{at % 97}><p>{at}</p></div>" for at in range(100_000))],
    ids=lambda page: page[:18],
)  # fmt: skip
def test_time_is_linear(page):
    made = parsed(page)
    blocks, _ = blocks_of(made.data, made.events)
    chosen = np.arange(len(blocks.rows)) % 3 > 0
    values, out = np.where(chosen, 0.6, 0.4).astype(np.float32), np.empty(len(chosen), np.bool_)
    start = time.process_time()
    chrome(blocks.rows, blocks.parents, blocks.codes, blocks.chrome, chosen, out)
    fill_gaps(blocks.rows, blocks.parents, blocks.codes, blocks.words, values, out, chosen)
    assert time.process_time() - start < 5
