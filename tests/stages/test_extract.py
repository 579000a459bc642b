"""Text out of HTML, in any encoding, and nothing lost on garbage."""

import sys

import numpy as np
import pyarrow as pa
import pytest

from datacurate.core.errors import CurateError
from datacurate.core.stage import Outcome
from datacurate.stages._engines import MAX_DEPTH
from datacurate.stages.extract import Extract


def extracted(*pages, **options):
    """Outcome for pages given as (html, charset, content_type)."""
    pages = [page if isinstance(page, tuple) else (page,) for page in pages]
    html, charset, kind = zip(*[(*page, None, None)[:3] for page in pages], strict=True)
    docs = pa.table(
        {
            "id": [str(i) for i in range(len(pages))],
            "text": pa.array([None if page else "given" for page in html], pa.string()),
            "html": pa.array(html, pa.binary()),
            "charset": pa.array(charset, pa.string()),
            "content_type": pa.array(kind, pa.string()),
        }
    )
    return Extract(**options).extracted(docs)


def texts(*pages, **options):
    return extracted(*pages, **options).docs["text"].to_pylist()


def page(charset=None):
    meta = f'<meta charset="{charset}">' if charset else ""
    return f"<html><head>{meta}</head><body><p>Größe, déjà vu: naïve façade.</p></body></html>"


TEXT = "Größe, déjà vu: naïve façade."


@pytest.mark.parametrize(
    "given",
    [
        (page().encode(), "utf-8"),
        (page().encode("latin-1"), "iso-8859-1"),
        (page("iso-8859-1").encode("latin-1"),),
        (page("windows-1252").encode("cp1252"), "no-such-charset"),
        (page().encode("latin-1"), "utf-8"),
        (b"\xef\xbb\xbf" + page().encode(), "iso-8859-1"),
        (b"\xff\xfe" + page().encode("utf-16-le"), None),
        (b"\xfe\xff" + page().encode("utf-16-be"), "utf-8"),
    ],
    ids=["header", "latin-1", "meta", "unknown", "header-lies", "bom", "utf-16-le", "utf-16-be"],
)
def test_encodings(given):
    assert texts(given) == [TEXT]


def test_main_content_only_and_columns_gone():
    html = b"<html><body><nav><ul><li><a href=/>Home</a></ul></nav><article><p>" + b"Real words here. " * 30
    html += b'</p><img alt="picture" src=x></article><footer>Imprint</footer></body></html>'
    made = extracted((html, "utf-8", "text/html"))
    [text] = made.docs["text"].to_pylist()
    assert "Real words here." in text
    assert not any(word in text for word in ("Home", "Imprint", "picture"))
    assert made.docs.column_names == ["id", "text"]
    assert made.removed == []


def test_plain_text_is_not_parsed():
    assert texts((b"a < b\n\n  <p> stays", None, "text/plain")) == ["a < b\n\n  <p> stays"]


def test_rows_without_html_pass_unchanged():
    made = extracted(None, b"<p>made</p>", None)
    assert made.docs["text"].to_pylist() == ["given", "made", "given"]
    plain = pa.table({"id": ["a"], "text": [""]})
    assert Extract().extracted(plain) is plain
    empty = extracted(b"<p>x").docs.slice(0, 0)
    assert empty.num_rows == 0


def test_pages_without_text_are_dropped():
    made = extracted(b"", b"<script>var x = 1</script>", b"<p>text</p>", b"<p>  </p>")
    [removed] = made.removed
    assert (removed.fate, removed.rule, removed.index.tolist()) == ("dropped", "no_text", [0, 1, 3])
    assert made.docs["id"].to_pylist() == ["2"]


def test_fewest_characters():
    made = extracted(b"<p>12345</p>", b"<p>1234</p>", min_chars=5)
    assert made.docs["text"].to_pylist() == ["12345"]


def test_garbage_never_stops_the_batch():
    garbage = [bytes(range(256)) * 9, b"\xff" * 99, b"<" * 9999, b"<p>&#xD800;&#x110000; x</p>", b"<p>a\0b</p>"]
    made = extracted(*garbage, b"<p>end</p>")
    assert isinstance(made, Outcome)
    assert made.docs.num_rows + sum(len(one.index) for one in made.removed) == 6
    assert made.docs["text"].to_pylist()[-1] == "end"
    made.docs["text"].combine_chunks().validate(full=True)


def test_nesting_that_would_take_minutes_is_quarantined():
    deep = b"<div>" * (MAX_DEPTH * 50) + b"x"
    wide = b"<p>word</p>" * (MAX_DEPTH * 2)
    made = extracted(deep, wide, engine="resiliparse")
    [removed] = made.removed
    assert (removed.fate, removed.rule, removed.index.tolist()) == ("quarantined", "extraction", [0])
    assert "deep" in removed.error[0]
    assert made.docs["id"].to_pylist() == ["1"]


def test_a_missing_library_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "trafilatura", None)
    with pytest.raises(CurateError, match=r"pip install datacurate\[trafilatura\]"):
        Extract(engine="trafilatura").warm()


def test_trafilatura():
    pytest.importorskip("trafilatura", exc_type=ImportError)
    assert "Real words" in texts(b"<html><body><p>" + b"Real words here. " * 30, engine="trafilatura")[0]


PAGE = """<html lang="en_us"><head><title>Stones | Site</title>
<meta property="og:title" content="On stones &amp; rivers">
<meta name="author" content="A. Writer"><meta property="article:published_time" content="2021-03-04T05:06:07Z">
<link rel="license" href="https://creativecommons.org/licenses/by-sa/4.0/"></head><body>
<nav class="menu"><ul><li><a href="/">Home</a></li><li><a href="/a">Archive</a></li></ul></nav>
<article><h1>On stones</h1><p>{0}</p><h2>More</h2><p>{0}</p><ul><li>first thing, which is long enough</li>
<li>second thing, which is too</li></ul><pre><code class="language-python">def f():
    return 1 &lt; 2</code></pre><p>{0}</p></article>
<footer class="footer"><p><a href="/imprint">Imprint</a></p></footer></body></html>"""
PROSE = "Rivers carry stones down to the sea, and the stones grow round on their way. " * 4


def test_blocks_keeps_what_is_written_and_leaves_the_rest():
    [text] = texts(PAGE.format(PROSE).encode(), engine="blocks")
    assert text.count("Rivers carry") == 12
    assert "- first thing" in text and "def f():\n    return 1 < 2" in text
    assert not any(word in text for word in ("Home", "Imprint", "Archive"))


def test_blocks_writes_markdown():
    [text] = texts(PAGE.format(PROSE).encode(), engine="blocks", format="markdown")
    assert "## More\n\n" in text and "```python\ndef f():\n    return 1 < 2\n```" in text


@pytest.mark.parametrize("engine", ["resiliparse", "blocks"])
def test_metadata_are_columns(engine):
    made = extracted(PAGE.format(PROSE).encode(), b"<p>" + PROSE.encode(), None, engine=engine, metadata=True).docs
    rows = made.select(["title", "author", "published", "page_language", "license"]).to_pylist()
    assert tuple(rows[0].values()) == ("On stones & rivers", "A. Writer", "2021-03-04", "en-US", "CC-BY-SA-4.0")
    assert set(rows[1].values()) == set(rows[2].values()) == {None}


def test_markdown_is_refused_where_the_engine_writes_none():
    with pytest.raises(CurateError, match="engine: blocks"):
        Extract(engine="resiliparse", format="markdown").warm()


def test_alternative_texts_are_refused_where_the_engine_writes_none():
    pytest.importorskip("trafilatura", exc_type=ImportError)
    with pytest.raises(CurateError, match="engine: blocks"):
        Extract(engine="trafilatura", alt_texts=True).warm()


def test_blocks_survives_garbage():
    garbage = [bytes(range(256)) * 9, b"\xff" * 99, b"<" * 9999, b"<p>&#xD800;&#x110000; x</p>", b"<p>a\0b</p>"]
    made = extracted(*garbage, b"<div>" * 200_000 + b"deep", b"<p>end</p>", engine="blocks", metadata=True)
    assert made.docs.num_rows + sum(len(one.index) for one in made.removed) == 7
    assert made.docs["text"].to_pylist()[-2:] == ["deep", "end"]


def test_blocks_keeps_short_items_of_lists_that_are_kept():
    nested = "<ul><li><p>One item here</p><ol><li>sub one</li><li>sub two</li></ol></li><li>Two</li></ul>"
    [text] = texts(f"<article><h1>T</h1><p>{PROSE}</p>{nested}<p>{PROSE}</p></article>".encode())
    assert "- One item here\n  1. sub one\n  2. sub two\n- Two\n" in text


COMMENTS = """<div id="comments" class="comment-list"><h3>Comments</h3><div class="comment">
<p>I saw such a stone myself, by the sea, a year ago, and kept it.</p><a href="/r">Reply</a></div></div></body>"""


def test_comments_only_when_they_are_wanted():
    page = PAGE.format(PROSE).replace("</body>", COMMENTS).encode()
    assert "such a stone myself" not in texts(page, engine="blocks")[0]
    assert "such a stone myself" in texts(page, engine="blocks", comments=True)[0]
    assert "Reply" not in texts(page, engine="blocks", comments=True)[0]


def test_a_page_of_millions_of_blocks_is_read_within_the_limits():
    """Ten megabytes; features of all blocks at once would be 2.7 GB."""
    page = b"<p>x" * 2_500_000
    made = extracted(page, b"<p>end</p>", engine="blocks", page_seconds=60)
    assert not made.removed
    first, last = made.docs["text"].to_pylist()
    assert (first, last) == ("\n\n".join("x" * 2_500_000), "end")


@pytest.mark.parametrize("piece", [1, 7, 32])
def test_blocks_judged_in_pieces_are_judged_the_same(piece):
    from datacurate.stages import _blocks

    page = _blocks.parsed(PAGE.format(PROSE * 5 + "<ul><li>a<li><a href=x>b</a></ul><h2>And more</h2>" * 9))
    _, values = _blocks.judged(page)
    assert len(values) > 32
    assert np.array_equal(_blocks.judged(page, piece=piece)[1], values)


def test_a_page_of_too_many_blocks_is_quarantined_and_not_the_end():
    made = extracted(b"<p>x" * 2_500_000, b"<p>end</p>", engine="blocks", page_megabytes=512)
    assert made.docs["text"].to_pylist() == ["end"]
    [removed] = made.removed
    assert removed.fate == "quarantined"
    assert removed.rule in ("memory", "extraction")  # the second where the parser says only that it failed
