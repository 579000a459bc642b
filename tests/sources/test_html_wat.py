"""Folders of HTML files, and WAT files."""

import gzip
import json
import os

import pytest
from test_warc import record, rules

from datacurate import run_recipe
from datacurate.core.errors import InputError
from datacurate.core.heads import shards_of
from datacurate.core.paths import Bundle, located
from datacurate.core.recipe import loads
from datacurate.sources import expand, find_format
from datacurate.sources.html import BUNDLE_FILES, Html
from datacurate.sources.wat import Wat


@pytest.fixture
def site(tmp_path):
    """A folder of pages with odd names."""
    folder = tmp_path / "my site"
    (folder / "sub dir").mkdir(parents=True)
    (folder / "index.html").write_text("<meta charset=utf-8><p>Grüße")
    (folder / "sub dir" / "ü b.HTM").write_bytes("<meta charset=koi8-r><p>Привет, страница".encode("koi8_r"))
    (folder / "sub dir" / "packed.html.gz").write_bytes(gzip.compress(b"<p>packed"))
    (folder / "x.xhtml").write_text("<?xml version='1.0'?><html><p>x</p></html>")
    (folder / "empty.html").touch()
    (folder / "cut.html.gz").write_bytes(gzip.compress(b"<p>" + os.urandom(999))[:-20])
    (folder / "_skipped.html").write_text("no")
    (folder / "style.css").write_text("no")
    return folder


def test_each_file_is_a_document_under_its_path(site, everything):
    docs, unread = everything(Html(path=str(site)))
    assert [row["id"] for row in docs] == ["index.html", "sub dir/packed.html.gz", "sub dir/ü b.HTM", "x.xhtml"]
    assert docs[1]["html"] == b"<p>packed"
    assert [row["content_type"] for row in docs] == ["text/html"] * 3 + ["application/xhtml+xml"]
    assert sorted(((one.id, one.rule)) for one in unread) == [("cut.html.gz", "truncated"), ("empty.html", "empty")]
    assert find_format(site) is Html


def test_extract_reads_them(site, tmp_path, root):
    recipe = loads(f"{{name: r, sources: {{s: {{html: '{site}'}}}}, stages: [extract], quarantine_limit: 0.9}}")
    run = run_recipe(recipe, tmp_path / "run", tmp_path / "store", root / "pipelines/profiles/inline.yaml", quiet=True)
    import pyarrow.dataset as ds

    texts = ds.dataset([str(p) for p in (tmp_path / "store").glob("extract-*/*.parquet") if "ledger" not in p.name])
    found = texts.to_table(columns=["id", "text"]).to_pydict()
    said = dict(zip(found["id"], found["text"], strict=True))
    assert run is not None and said["sub dir/ü b.HTM"].strip() == "Привет, страница"
    assert said["index.html"].strip() == "Grüße"


def test_small_files_are_bundled_and_a_new_one_moves_few(tmp_path, everything):
    for at in range(3000):
        (tmp_path / f"{at:04d}.html").write_text(f"<p>{at}")
    source = Html(path=str(tmp_path))
    before = {name for *_, name in shards_of("s", source)}
    assert 3 <= len(before) <= 12
    assert max(len(shard.names) for shard in source.shards()) <= BUNDLE_FILES
    assert len(everything(source)[0]) == 3000
    (tmp_path / "0100x.html").write_text("<p>new")
    after = {name for *_, name in shards_of("s", source)}
    assert len(after - before) <= 2


def test_bundles_survive_being_written_as_text():
    bundle = Bundle("/a b/ü", ("x:1.html", 'q"uote.html', "new\nline.html"))
    assert located(str(bundle)) == bundle


def test_relative_single_and_scattered_files(tmp_path, monkeypatch, everything):
    monkeypatch.chdir(tmp_path)
    for name in ("one.html", "a/two.html", "b/c/three.html"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("<p>x")
    assert [row["id"] for row in everything(Html(path="one.html"))[0]] == ["one.html"]
    names = ["a/two.html", str(tmp_path / "b/c/three.html")]
    assert {row["id"] for row in everything(Html(path=names))[0]} == {"a/two.html", "b/c/three.html"}
    before = [name for *_, name in shards_of("s", Html(path="a"))]
    (tmp_path / "a").rename(tmp_path / "moved")
    assert [name for *_, name in shards_of("s", Html(path="moved"))] == before


def test_names_that_are_no_utf8(tmp_path, root, everything):
    try:
        with open(os.fsencode(tmp_path) + b"/bad\xff.html", "w") as file:
            file.write("<p>x")
    except OSError:
        pytest.skip("the file system refuses such names")
    docs, _ = everything(Html(path=str(tmp_path)))
    assert [row["id"] for row in docs] == ["bad\ufffd.html"]
    with open(os.fsencode(tmp_path) + b"/bad\xff.jsonl", "w") as file:
        file.write('{"text": "one"}\nbroken\n')
    sources = f"{{s: {{jsonl: '{tmp_path}'}}, t: {{html: '{tmp_path}'}}}}"
    recipe = loads(f"name: r\nsources: {sources}\nquarantine_limit: 0.9")
    run_recipe(recipe, tmp_path / "run", tmp_path / "store", root / "pipelines/profiles/inline.yaml", quiet=True)
    assert len(list((tmp_path / "run" / "00-read").glob("*.parquet"))) >= 2


def test_mixed_folders_are_refused_until_the_format_is_named(site, everything):
    (site / "data.jsonl").write_text('{"text": "x"}\n')
    with pytest.raises(InputError, match="html and jsonl"):
        find_format(site)
    assert len(everything(Html(path=str(site)))[0]) == 4


def test_links_are_followed_once_and_dangling_ones_are_an_error(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.html").write_text("<p>a")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "linked").symlink_to(tmp_path / "real")
    (tmp_path / "site" / "loop").symlink_to(tmp_path / "site")
    assert [file.name for file in expand(tmp_path / "site")] == ["a.html"]
    (tmp_path / "site" / "gone.html").symlink_to(tmp_path / "nowhere.html")
    with pytest.raises(InputError, match=r"gone\.html|No such file"):
        list(shards_of("s", Html(path=str(tmp_path / "site"))))


def test_a_folder_without_rights_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "open.html").write_text("x")
    (tmp_path / "shut").mkdir()
    scandir = os.scandir

    def refusing(path):
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(InputError, match="Permission denied"):
        expand(tmp_path)


def test_files_over_the_limit(tmp_path, everything):
    (tmp_path / "a.html").write_text("x" * 100)
    _, unread = everything(Html(path=str(tmp_path), max_bytes=99))
    assert [(one.rule, one.bytes) for one in unread] == [("too_large", 100)]


def envelope(kind="response", status="200", url="http://a.example/", id="w1", html=True, **head):
    metadata = {"Head": {"Title": " A title ", "Metas": [{"name": "Description", "content": "What it is."}]},
                "Links": [{"path": "A@/href", "url": "/x", "text": "a link"}]}  # fmt: skip
    http = {"Response-Message": {"Status": status}, "Headers": {"Content-Type": "text/html"}}
    http |= {"HTML-Metadata": metadata} if html else {}
    said = {
        "WARC-Type": kind,
        "WARC-Target-URI": url,
        "WARC-Date": "2024-01-01T00:00:00Z",
        "WARC-Record-ID": f"<urn:uuid:{id}>",
    }
    payload = {"HTTP-Response-Metadata": http} if kind == "response" else {}
    return json.dumps({"Envelope": {"WARC-Header-Metadata": said, "Payload-Metadata": payload, **head}}).encode()


def wat(tmp_path, read, *blocks):
    file = tmp_path / "x.warc.wat.gz"
    info = gzip.compress(record(b"software: x", "warcinfo"))
    file.write_bytes(info + b"".join(gzip.compress(record(block, "metadata")) for block in blocks))
    rows, unread, _ = read(Wat(path=str(file)), file)
    assert unread[0].rule == "warcinfo" or unread[-1].rule == "warcinfo"
    return rows, [one for one in unread if one.rule != "warcinfo"]


def test_a_wat_record_becomes_title_description_and_meta(tmp_path, read):
    [row], unread = wat(tmp_path, read, envelope())
    meta = json.loads(row.pop("meta"))
    assert unread == []
    assert row == {
        "id": "w1",
        "text": "A title\n\nWhat it is.",
        "source": "src",
        "url": "http://a.example/",
        "date": "2024-01-01T00:00:00Z",
    }
    assert (
        meta["links"][0]["url"] == "/x" and meta["headers"] == {"Content-Type": "text/html"} and meta["status"] == 200
    )


def test_what_wat_describes_and_is_no_page_is_dropped_by_kind(tmp_path, read):
    blocks = [envelope("request"), envelope(status="301"), envelope(status="404"), envelope(html=False),
              envelope(url="http://a.example/robots.txt"), envelope("metadata"), envelope(status="x")]  # fmt: skip
    rows, unread = wat(tmp_path, read, *blocks)
    assert rows == []
    kinds = ["request", "redirect", "not_found", "not_html", "robots", "metadata", "http_status"]
    assert rules(unread) == [("dropped", kind) for kind in kinds]


@pytest.mark.parametrize(
    ("block", "rule"),
    [
        (b"{broken", "not_json"),
        (b"[]", "not_wat"),
        (b"{}", "not_wat"),
        (b"[" * 100_000, "not_json"),
        (b"\xff", "not_json"),
    ],
)
def test_broken_wat_records_are_quarantined(tmp_path, read, block, rule):
    rows, unread = wat(tmp_path, read, block, envelope())
    assert len(rows) == 1
    assert rules(unread) == [("quarantined", rule)]


def test_a_status_of_5000_digits_is_one_bad_record(tmp_path, read):
    rows, unread = wat(tmp_path, read, envelope(status="2" * 5000), envelope(status="9" * 99), envelope())
    assert len(rows) == 1
    assert rules(unread) == [("quarantined", "not_wat"), ("dropped", "http_status")]


def test_odd_values_in_wat(tmp_path, read):
    odd = json.loads(envelope())
    http = odd["Envelope"]["Payload-Metadata"]["HTTP-Response-Metadata"]
    http["HTML-Metadata"] = {"Head": {"Title": "lone \ud800", "Metas": {"not": "a list"}}, "Links": "none"}
    [row], unread = wat(tmp_path, read, json.dumps(odd).encode())
    assert (row["text"], unread) == ("lone \ufffd", [])
