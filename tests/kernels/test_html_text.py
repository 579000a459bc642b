"""What the writer makes of each kind of element, as text and as Markdown."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from resiliparse.parse.html import HTMLTree

from datacurate.kernels.blocks import blocks_of
from datacurate.kernels.html_text import ALT_TEXTS, LINKS, MARKDOWN_FORMAT, text_of
from datacurate.kernels.trees import Trees, evaluate
from datacurate.stages._blocks import parsed
from tests.kernels import oracle_html as oracle


def written(page: str, options: int = 0, leave: str | None = None) -> str:
    """The page with every block chosen, but for those that hold `leave`."""
    form, data, events, _ = parsed(page)
    blocks, _ = blocks_of(data, events)
    chosen = np.ones(len(blocks.rows), np.bool_)
    for at, row in enumerate(blocks.rows[:, 1:3].tolist()):
        inside = form[events[1][row[0]] : events[2][row[1] - 1]] if row[1] > row[0] else b""
        chosen[at] = leave is None or leave.encode() not in inside
    return text_of(data, events, blocks.rows, chosen, options).decode()


def test_paragraphs_and_line_breaks():
    assert written("<p>a  b\n c</p><p>d<br>e</p><div>f</div><div>g</div>") == "a b c\n\nd\ne\n\nf\ng"
    assert written("<div>a</div><div>b</div>", MARKDOWN_FORMAT) == "a\n\nb"
    assert written("a<br><br>b") == "a\n\nb" == written("a<br> <br><br>b", MARKDOWN_FORMAT)
    assert written("<div>a</div><br>b") == "a\n\nb"
    assert written("<ul><li>a<br><br>b</ul>") == "- a\n  b"
    assert written("<p>a<br><br>X<br><br>c</p>", leave="X") == "a\n\nc"
    assert written("x<b>y</b>z &amp; &lt;i&gt;&nbsp;&quot;") == 'xyz & <i> "'


def test_headings():
    page = "<h1>A</h1><h3><a>B</a> c</h3><h2><div>D</div></h2>text"
    assert written(page) == "A\n\nB c\n\nD\n\ntext"
    assert written(page, MARKDOWN_FORMAT) == "# A\n\n### B c\n\n## D\n\ntext"
    assert written("<h1>A</h1>text", MARKDOWN_FORMAT, leave="A") == "text"
    for empty in ("<h3></h3>", "<h3> </h3>", "<h3><img></h3>"):
        assert written(f"<p>x</p>{empty}<h2>B</h2>y", MARKDOWN_FORMAT) == "x\n\n## B\n\ny"


@pytest.mark.parametrize("options", [0, MARKDOWN_FORMAT, MARKDOWN_FORMAT | LINKS])
@pytest.mark.parametrize("sign", ["¶", "&para;", "#", " § ", "🔗", "\u200b", "\uf0c1"])
def test_permalinks_are_not_written(sign, options):
    link = f'<a class="headerlink" href="#t" title="Link">{sign}</a>'
    marks = "## " if options else ""
    assert written(f"<h2>T <code>c</code>{link}\n</h2>x".replace("code", "b"), options) == f"{marks}T c\n\nx"
    assert written(f"<dl><dt>T{link}</dt><dd>x</dd></dl>", options).replace("\n\n", "\n") == "T\nx"
    table = f"<table><caption>T{link}</caption><tr><td>a<td>b<tr><td>c<td>d</table>"
    assert written(table, options) == written(table.replace(link, ""), options)


@pytest.mark.parametrize(
    "page",
    ['<h2>T <a href="/t">#</a></h2>', '<h2>T<a href="#t">#1</a></h2>', '<h2><a href="#t">#</a></h2>',
     '<h2>T<a href="#t">#</a> and more</h2>', '<p>T<a href="#t">#</a></p>', '<h2>T<a href="#t">#</a><b>b</b></h2>'],
)  # fmt: skip
def test_other_links_of_one_sign_stay(page):
    assert "#" in written(page)
    assert written(page, MARKDOWN_FORMAT).count("#") == 2 * page.count("<h2>") + 1


PIECES = st.sampled_from(
    ["<h2>", "</h2>", "T", " ", "\n", "<b>", "</b>", '<a class="h" href="#t">', '<a href="/t">', "</a>", "¶", "#", "§",
     '<a href="#t">¶</a>', '<a href="#t"> # </a>', '<a href="#t"></a>', "<p>"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=12), st.sampled_from([0, MARKDOWN_FORMAT, LINKS, MARKDOWN_FORMAT | LINKS]))
def test_permalinks_against_the_twin(pieces, options):
    form = str(HTMLTree.parse("<h2>" + "".join(pieces) + "</h2>x"))
    assert written(form, options) == written(oracle.without_permalinks(form), options)


def test_lists():
    page = "<p>x</p><ul><li>a<ul><li>b</li></ul></li><li><p>c</p><p>d</p></li></ul>"
    page += "<ol start=9><li>e<li value=20>f<li>g</ol>h"
    wanted = "x\n\n- a\n  - b\n- c\n  d\n\n9. e\n20. f\n21. g\n\nh"
    assert written(page) == wanted == written(page, MARKDOWN_FORMAT)
    assert written("<ol><li>a<li>b<li>c</ol>", leave="b") == "1. a\n3. c"
    assert written("<li>a<li>b") == "- a\n- b"


def test_tables():
    page = "<table><caption>T</caption><tr><th>A<th>B|C<tr><td>1<td><p>2</p><p>3</p><tr><td><td> <tr><td>4<td></table>z"
    assert written(page) == "T\nA\tB|C\n1\t2 3\n4\t\n\nz" or written(page).endswith("A\tB|C\n1\t2 3\n4\t\n\nz")
    made = written(page, MARKDOWN_FORMAT)
    assert "| A | B\\|C |\n| --- | --- |\n| 1 | 2 3 |\n| 4 |  |\n\nz" in made


def test_cells_that_span_others_leave_them_in_their_columns():
    page = "<table><tr><th rowspan=2>A<th colspan=2>B<tr><th>b<th>c<tr><td rowspan=2>x<td>1<td>2<tr><td>3<td>4"
    page += "<tr><td colspan=3>all<tr><td>y<td><td>6</table>"
    assert written(page) == "A\tB\n\tb\tc\nx\t1\t2\n\t3\t4\nall\ny\t\t6"
    wanted = "| A | B |  |\n| --- | --- | --- |\n|  | b | c |\n| x | 1 | 2 |\n|  | 3 | 4 |\n| all |  |  |\n| y |  | 6 |"
    assert written(page, MARKDOWN_FORMAT) == wanted
    groups = "<table><tbody><tr><td rowspan=99>A<td>B</tbody><tbody><tr><td>c<td>d</table>"
    assert written(groups) == "A\tB\nc\td"
    assert written("<table><tr><td colspan=100000>a<td>b<tr><td>c<td>d</table>") == "a\t\tb\nc\td"
    wide = "<table><tr>" + "<td rowspan=2>a" * 70 + "<tr><td>b</table>"
    assert written(wide).split("\n")[1] == "\t" * 64 + "b"
    two = "<table><tr><td>a<td rowspan=3>b<tr><td>c</table><table><tr><td>d<td>e<tr><td>f<td>g</table>"
    assert written(two.replace("<tr><td>c", "<tr><td>c<tr><td>h")).endswith("d\te\nf\tg")


CELL = st.tuples(st.sampled_from(["a", "long text"]), st.sampled_from([0, 1, 1, 2, 3, 9]), st.sampled_from([0, 1, 2]))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(CELL, min_size=1, max_size=4), min_size=2, max_size=6).filter(lambda r: sum(map(len, r)) > 3))
def test_spans_against_the_twin(rows):
    if max(map(len, rows)) < 2:
        return
    cell = '<td colspan="{1}" rowspan="{2}">{0}</td>'
    page = "".join(f"<tr>{''.join(cell.format(*one) for one in row)}</tr>" for row in rows)
    made = oracle.table(rows)
    assert written(f"x<table>{page}</table>") == "x\n\n" + "\n".join("\t".join(row) for row in made)
    lines = written(f"<table>{page}</table>", MARKDOWN_FORMAT).split("\n")
    for row, line in zip(made, lines[:1] + lines[2:], strict=True):
        found = [one.strip() for one in line[2:-2].split(" | ")]
        assert found[: len(row)] == row and not any(found[len(row) :])


def test_captions_are_paragraphs():
    page = "<p>x.</p><table><caption>Cap <b>one</b><p>two</p></caption><tr><th>A<th>B<tr><td>1<td>2</table>z"
    assert written(page) == "x.\n\nCap one\n\ntwo\n\nA\tB\n1\t2\n\nz"
    wanted = "x.\n\nCap one\n\ntwo\n\n| A | B |\n| --- | --- |\n| 1 | 2 |\n\nz"
    assert written(page, MARKDOWN_FORMAT) == wanted
    assert written(page, leave="Cap") == "x.\n\ntwo\n\nA\tB\n1\t2\n\nz"


def test_tables_of_layout_are_paragraphs():
    cell = "A long story of rivers and stones. " * 20
    assert "\t" not in written(f"<table><tr><td>{cell}<td>{cell}<tr><td>{cell}<td>{cell}</table>")
    nested = "<table><tr><td><table><tr><td>a<td>b<tr><td>c<td>d</table><td>e<tr><td>f<td>g</table>"
    assert "a\tb\nc\td" in written(nested) and "e\t" not in written(nested)
    assert "\t" not in written("<table><tr><td>menu<td>text</table>")


def test_code():
    page = (
        '<pre class="x lang-c"><code>int a;\n\n  if (a &lt; 1)\n\treturn;\n</code></pre><p>see <code>a  b</code>.</p>'
    )
    code = "int a;\n\n  if (a < 1)\n\treturn;"
    assert written(page) == code + "\n\nsee a b."
    assert written(page, MARKDOWN_FORMAT) == f"```c\n{code}\n```\n\nsee `a b`."
    assert written("<pre>a ``` b</pre>", MARKDOWN_FORMAT) == "````\na ``` b\n````"
    assert written("<ul><li>x<pre>a\n b</pre></ul>") == "- x\n\n  a\n   b"
    assert written("<pre><span>a</span><br><div>b</div><div>c</div></pre>") == "a\nb\nc"
    assert written("<p>x<pre>a</pre>", leave="a") == "x"


def test_blank_lines_at_the_ends_of_code_are_not_written():
    page = "<pre><code>\n\n \t\n  a\n\n  b  \n \n\n</code></pre>x"
    assert written(page) == "  a\n\n  b\n\nx"
    assert written(page, MARKDOWN_FORMAT) == "```\n  a\n\n  b\n```\n\nx"
    quoted = f"<blockquote>q{page}</blockquote>"
    wanted = "> q\n>\n> ```\n>   a\n>\n>   b\n> ```\n>\n> x"
    assert written(quoted, MARKDOWN_FORMAT) == wanted


@settings(max_examples=300, deadline=None)
@given(st.text("ab \t\n\u00a0&<`é", max_size=30).filter(str.strip), st.booleans())
def test_code_against_the_twin(text, split):
    text = text.replace("\u00a0", " ").replace("`", "")
    markup = text.replace("&", "&amp;").replace("<", "&lt;")
    if split:
        markup = markup.replace("b", "<span>b</span>").replace("\n", "<br>")
    page = f"<p>x</p><pre>\n{markup}</pre><p>y</p>"
    code = oracle.code(text)
    if code:
        assert written(page) == f"x\n\n{code}\n\ny"
        assert written(page, MARKDOWN_FORMAT) == f"x\n\n```\n{code}\n```\n\ny"


@pytest.mark.parametrize(
    "formula",
    [
        '<math><semantics><mi>x</mi><annotation encoding="application/x-tex"> x&lt;1 </annotation></semantics></math>',
        '<math alttext="x&lt;1"><mi>x</mi></math>',
        '<script type="math/tex">x<1</script>',
        '<span class="katex"><span class="katex-mathml"><math><annotation encoding="application/x-tex">x&lt;1'
        '</annotation></math></span><span class="katex-html" aria-hidden="true"><span>x</span>1</span></span>',
        '<span class="MathJax_Preview">x1</span><span class="MathJax"><span>x</span></span>'
        '<script type="math/tex">x<1</script>',
        '<img class="mwe-math-fallback-image-inline" alt="x&lt;1">',
        '<math alttext="x&lt;1"></math><img class="mwe-math-fallback-image-inline" alt="x&lt;1">',
        '<img class="latex" alt="x&lt;1">',
        '<img class="latex" alt="$x&lt;1$">',
        '<img class="tex" alt="$$x&lt;1$$">',
    ],
    ids=[
        "annotation",
        "alttext",
        "mathjax",
        "katex",
        "mathjax-2",
        "wikipedia",
        "wikipedia-both",
        "wordpress",
        "dollars",
        "two",
    ],
)
def test_formulas(formula):
    assert written(f"<p>If {formula} then.</p>") == "If $x<1$ then."


def test_formulas_on_lines_of_their_own():
    assert written('<p><math display="block" alttext="y"></math></p>') == "$$y$$"
    assert written('<p><script type="math/tex; mode=display">y</script></p>') == "$$y$$"
    assert written('<p><math display="block"><mi>y</mi></math></p>') == "$$y$$"
    assert written("<p>a <math><mspace></mspace><mphantom>y</mphantom></math> b</p>") == "a b"


@pytest.mark.parametrize(
    ("markup", "line"),
    [
        ("<mi>x</mi><mo>=</mo><mfrac><mrow><mi>a</mi><mo>+</mo><mn>1</mn></mrow><mi>b</mi></mfrac>", "x=(a+1)/(b)"),
        ("<msup><mi>a</mi><mn>2</mn></msup><msub><mi>b</mi><mi>i</mi></msub>", "a^{2}b_{i}"),
        ("<msup><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></msup>", "{a+b}^{2}"),
        ("<munderover><mo>∑</mo><mi>i</mi><mi>n</mi></munderover><msqrt><mi>i</mi></msqrt>", "∑_{i}^{n}\\sqrt{i}"),
        ("<mroot><mi>x</mi><mn>3</mn></mroot>", "(x)^{1/(3)}"),
        ("<mfenced><mi>x</mi><mi>y</mi></mfenced><mfenced open='[' close=''><mi>z</mi></mfenced>", "(x,y)[z"),
        ("<mtable><mtr><mtd>1</mtd><mtd>2</mtd></mtr><mtr><mtd>3</mtd><mtd>4</mtd></mtr></mtable>", "1 & 2 \\\\ 3 & 4"),
        ("<mn>2</mn><mo>&#x2062;</mo><mi>sin</mi><mo>&#x2061;</mo><mi>x</mi><mtext> if&nbsp;</mtext><mi>y</mi>",
         "2 sin x if y"),
        ("<mo>{</mo><mi>a</mi><mo>&lt;</mo><mi>b</mi><mo>}</mo>", "\\{a<b\\}"),
        ("<semantics><mi>x</mi><annotation encoding='text/x'>no</annotation></semantics><!-- no -->", "x"),
        ("<mi title='a>b'>x</mi>", "x"),
    ],
)  # fmt: skip
def test_mathml_without_tex(markup, line):
    assert written(f"<p>If <math>{markup}</math> then.</p>") == f"If ${line}$ then."


def test_mathml_of_mathjax():
    """Version 3 holds nothing else; version 2 has TeX behind it, which is written instead."""
    mathml = "<math><mi>x</mi><mo>&lt;</mo><mn>1</mn></math>"
    shown = f'<mjx-container class="MathJax"><mjx-math>no</mjx-math><mjx-assistive-mml>{mathml}</mjx-assistive-mml>'
    assert written(f"<p>If {shown}</mjx-container> then.</p>") == "If $x<1$ then."
    shown = f'<span class="MathJax"><span>no</span><span class="MJX_Assistive_MathML">{mathml}</span></span>'
    assert written(f'<p>If {shown}<script type="math/tex">x \\lt 1</script> then.</p>') == "If $x \\lt 1$ then."
    shown = f'<div class="MathJax_Display">{shown}</div><script type="math/tex; mode=display">y</script>'
    assert written(f"<p>If</p>{shown}<p>then.</p>") == "If\n\n$$y$$\n\nthen."
    assert written(f'<p>{mathml}<script type="math/tex">y</script></p>') == "$x<1$$y$"


TEXTS = st.sampled_from(["x", "a", "2", "10", "sin", "é", "+", " if ", "{", "$", "", " "])
MATHML = st.recursive(
    st.tuples(st.sampled_from(["mi", "mn", "mo", "mtext"]), TEXTS),
    lambda inner: st.tuples(
        st.sampled_from([*oracle.MATHML, "mrow", "mstyle", "mphantom"]), st.lists(inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(MATHML, max_size=3))
def test_mathml_against_the_twin(trees):
    line = oracle.mathml(trees)
    found = written(f"<p>a <math>{''.join(map(oracle.markup, trees))}</math> b</p>")
    assert found == (f"a ${line}$ b" if line else "a b")


def test_quotations_links_and_images():
    page = "<p>a</p><blockquote><p>b<br>c</p><p>d</p></blockquote><p>e</p>"
    assert written(page, MARKDOWN_FORMAT) == "a\n\n> b\n> c\n>\n> d\n\ne"
    assert written(page) == "a\n\nb\nc\n\nd\n\ne"
    page = '<p>x <a href="/y?a&amp;b">y</a><a href="/z"></a> <img alt="A dog" src="d.png"></p>'
    assert written(page) == "x y"
    assert written(page, LINKS | ALT_TEXTS) == "x y (/y?a&b) A dog"
    assert written(page, LINKS | ALT_TEXTS | MARKDOWN_FORMAT) == "x [y](/y?a&b) ![A dog](d.png)"


@pytest.mark.parametrize(
    ("markup", "line"),
    [
        ("<p>1986. A great year", "1986\\. A great year"),
        ("<p><b>1</b>) one", "1\\) one"),
        ("<p># none<p>#none", "\\# none\n\n#none"),
        ("<p>- none<p>+ none<p>---<p>-5", "\\- none\n\n\\+ none\n\n\\---\n\n-5"),
        ("<p>&gt; none &gt; 1", "\\> none > 1"),
        ("<p>&lt;b&gt;tag&lt;/b&gt; 1 &lt; 2", "\\<b>tag\\</b> 1 < 2"),
        ("<p>a * b *c* snake_case _x_", "a * b \\*c* snake_case \\_x_"),
        ("<p>[a](b) [1] `c`", "[a\\](b) [1] \\`c\\`"),
        ("<p>&amp;lt; R&amp;D AT &amp; T ~~a ~b", "\\&lt; R\\&D AT & T \\~~a ~b"),
        ("<p>\\(a_{i}\\) \\*", "\\(a_{i}\\) \\\\\\*"),
        ("<p><code>a`b_*c*</code> <code>`</code> <code></code>d", "``a`b_*c*`` `` ` `` d"),
        ("<a href='a b(c'>[x]</a> <a href='JavaScript:x()'>y</a> <a href=' DATA:,'>z</a>", "[\\[x\\]](<a b(c>) y z"),
        ("<ol start=9><li>a<ul><li>b</ul><li>c<ol><li>d", "9. a\n   - b\n10. c\n    1. d"),
    ],
)
def test_markdown_is_escaped(markup, line):
    """Text that looks like marks, code with backticks, targets, and items below items."""
    assert written(markup, MARKDOWN_FORMAT | LINKS) == line


@pytest.mark.parametrize(
    "around", ["{}", "<p>{}</p>", "<figure>{}</figure>", "<p><a href=x>{}</a></p>", "<p>see {}</p>"]
)
def test_alternative_texts_of_images_without_text_around_them(around):
    page = "<p>before</p>" + around.format("<img src=i alt='a boat'>") + "<p>after</p>"
    assert "a boat" in written(page, ALT_TEXTS)
    assert "![a boat](i)" in written(page, ALT_TEXTS | MARKDOWN_FORMAT)
    assert "boat" not in written(page)


def test_trees():
    """Against a walk through them, one row at a time."""
    rng = np.random.default_rng(0)
    roots, feature, bound, left, value, depths = [], [], [], [], [], []
    for _ in range(9):
        start, waiting, deepest = len(left), [0], 0
        roots.append(start)
        for depth in waiting:
            deepest = max(deepest, depth)
            leaf = depth == 5 or (depth and rng.random() < 0.3)
            feature.append(0 if leaf else rng.integers(7))
            bound.append(np.inf if leaf else rng.normal())
            left.append(len(left) if leaf else start + len(waiting))
            value.append(rng.normal() if leaf else 0.0)
            waiting += [] if leaf else [depth + 1, depth + 1]
        depths.append(deepest)
    trees = Trees(
        np.array(roots, np.uint16), np.array(depths, np.uint8), np.array(feature, np.uint16),
        np.array(bound, np.float32), np.array(left, np.uint16),
        np.array(value, np.float32), np.array([0.5], np.float32),
    )  # fmt: skip
    for count in (0, 1, 31, 32, 100):
        rows = rng.normal(size=(count, 7)).astype(np.float32)
        out = np.empty(count, np.float32)
        evaluate(*trees, rows, out)
        assert out == pytest.approx([0.5 + sum(_walk(trees, root, row) for root in roots) for row in rows], abs=1e-5)


def _walk(trees, at, row):
    while trees.left[at] != at:
        at = trees.left[at] + int(row[trees.feature[at]] > trees.bound[at])
    return float(trees.value[at])
