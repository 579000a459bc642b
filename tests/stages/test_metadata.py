"""What pages say of themselves."""

import pytest

from datacurate.stages._blocks import parsed
from datacurate.stages._metadata import day, language, license_of, metadata


def about(head: str, body: str = "", tag: str = "<html>"):
    return metadata(parsed(f"{tag}<head>{head}</head><body>{body}</body></html>"))


def test_a_page_that_says_nothing():
    assert about("", "<p>x</p>") == {}
    assert metadata(parsed("")) == {}


def test_json_ld():
    data = """{"@context": "https://schema.org", "@graph": [{"@type": "Organization", "name": "Not this"},
    {"@type": ["NewsArticle"], "headline": "Stones &amp; rivers", "author": [{"name": "A"}, {"name": "B"}],
     "datePublished": "2020-02-29T10:00:00+01:00", "license": "https://creativecommons.org/publicdomain/zero/1.0/"}]}"""
    found = about(f'<script type="application/ld+json">{data}</script><title>Other</title>', tag="<html lang=de>")
    assert found["author"] == "A, B" and found["published"] == "2020-02-29" and found["license"] == "CC0-1.0"
    assert found["page_language"] == "de"


@pytest.mark.parametrize(
    "broken",
    [
        "{",
        "[" * 100_000,
        '{"@graph": {"@graph": 1}}',
        '"x"',
        '{"@type": "Article", "author": {"name": [[[]]]}}',
        "null",
    ],
)
def test_broken_json_ld_is_passed_over(broken):
    assert about(f'<script type="application/ld+json">{broken}</script><title>T</title>') == {"title": "T"}


def test_meta_tags():
    found = about(
        '<meta name="DC.title" content="One"><meta name="citation_author" content="C. Author">'
        '<meta name="DC.date.issued" content="1999-12-31">'
        '<meta http-equiv="Content-Language" content="pt_br">'
        '<link rel="license" href="https://example.org/terms"><title>Two | Site</title>'
    )
    assert found == {
        "title": "One", "author": "C. Author", "published": "1999-12-31", "page_language": "pt-BR",
        "license": "https://example.org/terms",
    }  # fmt: skip


def test_open_graph_goes_before_the_title_tag():
    assert about('<title>B</title><meta property="og:title" content=" A  b ">')["title"] == "A b"
    assert about('<title>B</title><meta property="og:title" content="">')["title"] == "B"


def test_links_in_the_page():
    by = '<a rel="license" href="http://creativecommons.org/licenses/by-nc/3.0/de/">licence</a>'
    assert about("", by)["license"] == "CC-BY-NC-3.0"
    assert about("", '<a href="https://creativecommons.org/licenses/by/4.0/">CC</a>')["license"] == "CC-BY-4.0"
    assert about("", '<time datetime="2011-11-18">then</time>')["published"] == "2011-11-18"


def test_an_address_is_no_author():
    assert "author" not in about('<meta property="article:author" content="https://social.example/a">')


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("2021-03-04T05:06:07Z", "2021-03-04"), ("20210304", "2021-03-04"), ("2021/03/04", "2021-03-04"),
     ("2021-02-30", None), ("March 4, 2021", None), ("04/03/2021", None), ("1850-01-01", None), ("", None),
     ("2021", None)],
)  # fmt: skip
def test_days(text, wanted):
    assert day(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("en", "en"), ("EN-us", "en-US"), ("zh_hans_cn", "zh-Hans-CN"), ("", None), ("1", None), ("de, en", "de")],
)
def test_languages(text, wanted):
    assert language(text) == wanted


def test_licences():
    assert license_of("https://creativecommons.org/licenses/by-sa/4.0/") == "CC-BY-SA-4.0"
    assert license_of("MIT") == "MIT" and len(license_of("x" * 999)) == 300


def test_time_on_hostile_pages():
    import time

    start = time.process_time()
    metadata(
        parsed(
            "<meta "
            + "a=" * 200_000
            + ">"
            + "<meta name=x content=y>" * 20_000
            + '<a href="'
            + "x" * 1_000_000
            + 'creativecommons.org/">'
        )
    )
    assert time.process_time() - start < 10
