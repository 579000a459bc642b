"""What of a page is seen: hidden elements, line numbers, and code that is no `pre`."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resiliparse.parse.html import HTMLTree

from datacurate.kernels.html import events
from datacurate.kernels.html_seen import seen_of
from datacurate.kernels.html_text import MARKDOWN_FORMAT
from tests.kernels import oracle_html as oracle
from tests.kernels.test_html_text import written

LONG = "A long run of text, as articles have it, of rivers, of stones and of what they carry down to the sea. "
HIDES = ["hidden", 'hidden="hidden"', 'aria-hidden="true"', 'style="display:none"', 'style="color:red; display: none;"',
         'style="visibility:hidden"']  # fmt: skip
LEAVES = ['hidden="until-found"', 'aria-hidden="false"', 'style="text-decoration:none"', 'title="hidden"',
          'class="display:none"', 'role="tabpanel" hidden', 'class="faq-body" style="display:none"',
          'data-hidden="hidden"']  # fmt: skip


@pytest.mark.parametrize("how", HIDES)
def test_hidden_elements_go(how):
    assert written(f"<p>a</p><div {how}>b<div>c</div></div><p>d <a {how}>e</a> f</p>") == "a\n\nd f"
    assert written(f"a<div {how}>b</div>c") == "a\nc"
    assert written(f"<ol><li>a<li {how}>b<li>c</ol>") == "1. a\n2. c"
    table = "<table><tr><th>A{0}<th>B<tr><td>1{0}<td>2</table>"
    assert written(table.format(f"<td {how}>x")) == written(table.format(""))


@pytest.mark.parametrize("how", LEAVES)
def test_what_is_not_hidden_stays(how):
    assert written(f"<p>a</p><div {how}>b</div>") == "a\n\nb"


def test_formulas_in_hidden_elements_stay():
    formula = '<math alttext="x"><mi>x</mi></math>'
    twin = '<img class="mwe-math-fallback-image-inline" alt="x">'
    hidden = f'<span style="display: none;">no {formula}</span>{twin}'
    assert written(f"<p>If {hidden} then.</p>") == "If $x$ then."
    assert written(f'<p>If <span aria-hidden="true">no</span>{formula}</p>') == "If $x$"


def test_an_article_that_a_script_will_show_stays():
    article, seen = f"<div hidden>{LONG * 9}</div>", f"<p>{LONG}</p>"
    assert written(article) == (LONG * 9).strip() == written("<body hidden>" + LONG * 9)
    assert LONG * 9 in written(seen + article) + " "
    assert written(f"<p>{LONG * 7}</p>" + article) == (LONG * 7).strip()
    assert written(f"<p>{LONG * 9}</p>" + article * 3) == (LONG * 9).strip()  # copies for other screens


PIECES = st.sampled_from(
    [f"<{slash}{tag}>" for tag in ("div", "span", "p", "ul", "li", "b") for slash in ("", "/")]
    + ["a", " ", "12", "3 4", "\n"]
    + [f"<{tag} {how}>" for tag in ("div", "span", "p", "li") for how in (HIDES[0], *HIDES[2:], *LEAVES[:6])]
    + [f'<{tag} class="lineno">' for tag in ("div", "span")] + ['<math alttext="x"></math>']
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(st.lists(PIECES, max_size=24), st.sampled_from([0, MARKDOWN_FORMAT]))
def test_against_the_twin(pieces, options):
    page = "".join(pieces)
    assert written(page, options) == written(oracle.seen(HTMLTree.parse(page).body), options)


CODE = "def f(a):\n\n    return a"
LINES = CODE.split("\n")
NUMBERS = "1\n2\n3"


@pytest.mark.parametrize(
    "page",
    [
        '<table><tr><td class="linenos"><div class="linenodiv"><pre><span class="normal">1</span>'
        f"\n2\n3</pre></div></td><td class=code><div><pre>{CODE}\n</pre></div></td></tr></table>",
        "<pre>" + "\n".join(f'<span class="linenos"> {n}</span>{line}' for n, line in enumerate(LINES, 1)) + "</pre>",
        "<pre>" + "\n".join(f'<span class="line"><span class="ln">{n}</span><span class="cl">{line}</span></span>'
                            for n, line in enumerate(LINES, 1)) + "</pre>",
        '<table class="lntable"><tr><td><pre><span class="lnt">1\n</span><span class="lnt">2\n</span></pre>'
        f"<td><pre>{CODE}</pre></table>",
        f'<table class="rouge-table"><tr><td class="rouge-gutter gl"><pre class="lineno">{NUMBERS}\n</pre></td>'
        f'<td class="rouge-code"><pre>{CODE}</pre></td></tr></table>',
        f'<pre class="line-numbers"><code>{CODE}<span class="line-numbers-rows"><span></span></span></code></pre>',
        f'<div><div class="line-numbers"><a href="#L1">1</a><a href="#L2">2</a></div><pre>{CODE}</pre></div>',
        "<table>" + "".join(f'<tr>\n<td class="blob-num js-line-number" data-line-number="{n}"></td>\n'
                            f'<td class="blob-code blob-code-inner">{line or chr(10)}</td>\n</tr>'
                            for n, line in enumerate(LINES, 1)) + "</table>",
        "<pre><code><table>" + "".join(f'<tr><td class="hljs-ln-line hljs-ln-numbers"><div class="hljs-ln-n">{n}</div>'
                                       f'<td class="hljs-ln-line hljs-ln-code">{line}</tr>'
                                       for n, line in enumerate(LINES, 1)) + "</table></code></pre>",
        f'<div style="font-family: Menlo; white-space: pre;">{CODE}</div>',
        '<div style="white-space:pre"><div>def f(a):</div><br><div>    return <span>a</span></div></div>',
        '<div class="syntaxhighlighter js"><table><tr><td class="gutter"><div class="line">1</div><div>2</div></td>'
        '<td class="code"><div class="line">def f(a):</div><div class="line">&nbsp;</div>'
        '<div class="line">&nbsp;&nbsp;&nbsp;&nbsp;<code>return</code> a</div></td></tr></table></div>',
    ],
    ids=["pygments", "pygments-inline", "chroma", "chroma-table", "rouge", "prism", "gitlab", "github", "highlightjs",
         "style", "style-lines", "syntaxhighlighter"],
)  # fmt: skip
def test_line_numbers_go_and_code_stays(page):
    page = f"<p>x</p>{page}<p>y</p>"
    assert written(page).replace("\n \n", "\n\n") == f"x\n\n{CODE}\n\ny"
    assert written(page, MARKDOWN_FORMAT).replace("\n \n", "\n\n") == f"x\n\n```\n{CODE}\n```\n\ny"


@pytest.mark.parametrize(
    "page",
    ['<div class="lineno">12 men</div>', '<p>a <span class="ln">12</span></p>', '<div class="gutter">12</div>',
     '<div style="white-space:pre-wrap">12</div>', '<pre class="line-numbers">12 x</pre>', "<pre>1\n2\n3</pre>",
     '<div style="white-space:pre"><p>12</p></div>', '<table><tr><td>12<td class="code">x</table>'],
)  # fmt: skip
def test_other_numbers_stay(page):
    assert "12" in written(page) or "1\n2\n3" in written(page)
    assert "```" not in written(page, MARKDOWN_FORMAT) or "<pre" in page


@pytest.mark.parametrize(
    "page",
    ["<div hidden>" * 50_000 + "x", "<div hidden>x</div>" * 50_000, '<div class="lineno">' * 50_000 + "1",
     '<table><td class="blob-code">' * 20_000, '<div style="white-space:pre">' * 50_000 + "x",
     "<div style='" + "display:" * 1_000_000 + "'>x", "<div hidden class='" + "tab" * 1_000_000 + "'>x",
     "<table>" * 20_000 + '<td class="blob-code">' + "x" * 20_000],
    ids=lambda page: page[:24],
)  # fmt: skip
def test_time_is_linear(page):
    form = str(HTMLTree.parse(page)).encode()
    data, *found = events(form)
    seen_of(data, tuple(found))
    start = time.process_time()
    data, *found = events(form)
    own = seen_of(data, tuple(found))
    assert time.process_time() - start < 2
    assert all(len(part) == len(own[0]) for part in own)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.lists(st.sampled_from(
    [b"<div hidden", b' style="display:none">', b'<td class="blob-code">', b"<table>", b"</table>", b"<tr>", b"</td>",
     b"1", b'<div class="lineno">', b"</div>", b"<pre>", b"</pre>", b"x\n", b'<div style="white-space:pre">', b"<math>"]
), max_size=30))  # fmt: skip
def test_any_bytes_are_survived(noise, pieces):
    page = b"".join(pieces) + noise
    data, *found = events(page)
    kinds, starts, ends, words = seen_of(data, tuple(found))
    assert len(kinds) <= len(found[0]) and (starts <= ends).all() and (ends <= len(page)).all()
    assert (words < 1 << 28).all()
