"""Web servers as they are: without listings, ranges or sizes, refusing connections; and secrets in addresses."""

import gzip
import json
import os
import socket

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loopback import serving
from test_warc import http, record

from datacurate import run_recipe
from datacurate.core.errors import InputError
from datacurate.core.heads import shards_of
from datacurate.core.paths import located
from datacurate.core.recipe import loads
from datacurate.core.web import hidden, is_masked, masked, opened
from datacurate.sources import expand, find_format
from datacurate.sources.html import Html
from datacurate.sources.jsonl import Jsonl
from datacurate.sources.parquet import Parquet
from datacurate.sources.warc import Warc

pytest.importorskip("aiohttp")
LINES = "".join(json.dumps({"id": str(n), "text": "word " * 20}) + "\n" for n in range(60_000)).encode()
"""Over 5 MB, which is what fsspec asks for at once."""


def test_addresses_without_ending_are_errors(tmp_path):
    with serving(tmp_path) as server, pytest.raises(InputError, match=r"names no format.*\{jsonl: .*/texts\}.*in '/'"):
        find_format(f"{server.url}/texts")


def test_a_folder_is_the_page_of_its_links(tmp_path, everything):
    (tmp_path / "index").mkdir()
    links = ("a.html", "b%20c.html", "/index/d.html?x=1", "sub/", "../up.html", "notes.txt", "?C=N;O=D")
    page = "".join(f'<a href="{link}">x</a>' for link in links)
    for name in ("a.html", "b c.html", "d.html"):
        (tmp_path / "index" / name).write_text("<p>x")
    with serving(tmp_path) as server:
        server.folders["/index/"] = page.encode()
        assert find_format(f"{server.url}/index/") is Html
        docs, unread = everything(Html(path=f"{server.url}/index/"))
        assert (sorted(row["id"] for row in docs), unread) == (["a.html", "b%20c.html", "d.html?x=1"], [])
        server.folders["/none/"] = b"<a href='notes.txt'>x</a>"
        with pytest.raises(InputError, match=r"(?s)do not list folders.*it holds 1 \.txt.*Or name the files"):
            find_format(f"{server.url}/none/")


@pytest.mark.parametrize("size", [True, False])
def test_servers_without_ranges_are_read_as_streams(tmp_path, size):
    (tmp_path / "big.jsonl").write_bytes(LINES)
    (tmp_path / "big.jsonl.gz").write_bytes(gzip.compress(LINES, 1))
    (tmp_path / "big.jsonl.zst").write_bytes(pa.compress(LINES, codec="zstd", asbytes=True) * 2)
    with serving(tmp_path) as server:
        server.ranges, server.etag, server.size = False, False, size
        for name, count in (("big.jsonl", 60_000), ("big.jsonl.gz", 60_000), ("big.jsonl.zst", 120_000)):
            source = Jsonl(path=f"{server.url}/{name}")
            [(shard, _, _)] = shards_of("s", source)
            reads = list(source.read(located(str(shard)), "src"))
            assert sum(read.docs.num_rows for read in reads) == count
            assert [one for read in reads for one in read.unread] == []


def test_a_stream_goes_back_and_forth(tmp_path):
    data = bytes(range(256)) * 40_000
    (tmp_path / "x.bin").write_bytes(data)
    with serving(tmp_path) as server:
        server.ranges = False
        with opened(located(f"{server.url}/x.bin")) as file:
            for at, size in ((0, 4), (9_000_000, 10), (8_999_990, 5), (3, 7), (10_239_998, 9), (20_000_000, 1), (1, 0)):
                file.seek(at)
                assert file.read(size) == data[at : at + size]
                assert file.tell() == min(at + size, max(at, len(data)))
            file.seek(9_999_999)
            assert file.read() == data[9_999_999:]


def test_archives_from_a_server_without_ranges(tmp_path):
    body = b"<html><p>" + b"long page " * 300_000
    (tmp_path / "w.warc").write_bytes(b"".join(record(http(body), id=str(at)) for at in range(4)))
    with serving(tmp_path) as server:
        server.ranges = False
        reads = list(Warc(path=f"{server.url}/w.warc").read(located(f"{server.url}/w.warc"), "src"))
        assert [row for read in reads for row in read.docs["id"].to_pylist()] == list("0123")


@pytest.mark.parametrize("told", [True, False])
def test_parquet_needs_ranges_and_says_so(tmp_path, told):
    pq.write_table(pa.table({"id": ["1"], "text": ["x"], "b": [os.urandom(6 << 20)]}), tmp_path / "t.parquet")
    with serving(tmp_path) as server:
        server.ranges, server.size = False, told
        source = Parquet(path=f"{server.url}/t.parquet")
        with pytest.raises(InputError, match="does not answer range requests"):
            source.check(source.files())


def test_a_refused_connection_is_no_missing_file(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/x.jsonl?sig=abc"
    with pytest.raises(InputError, match="no connection to the server") as refused:
        list(shards_of("s", Jsonl(path=url)))
    assert "FileNotFound" not in str(refused.value) and "abc" not in str(refused.value)
    with serving(tmp_path) as server, pytest.raises(InputError, match="there is no such file"):
        list(shards_of("s", Jsonl(path=f"{server.url}/gone.jsonl")))


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://bob:pw@h.example/a?page=2&sig=abc#x", "http://***@h.example/a?page=2&sig=***#x"),
        ("s3://k:s@b/a.warc", "s3://***@b/a.warc"),
        ("https://h/a?X-Amz-Credential=A%2F1&X-Amz-Date=2024", "https://h/a?X-Amz-Credential=***&X-Amz-Date=2024"),
        ("https://h/a?x=aGVsbG8gd29ybGQgMTIzNDU2Nzg5", "https://h/a?x=***"),
        ("see https://h/a?token=1, and 'https://h/b?key=2'.", "see https://h/a?token=***, and 'https://h/b?key=***'."),
        ("http://h/a@b/c?id=3", "http://h/a@b/c?id=3"),
        ("a/b?sig=1", "a/b?sig=1"),
        ("http://h/a?token=", "http://h/a?token="),
    ],
)
def test_secrets_of_addresses_are_masked(address, shown):
    assert masked(address) == shown
    assert masked({"a": [address]}) == {"a": [shown]}
    assert masked(shown) == shown
    assert is_masked(shown.partition(" ")[0]) is ("***" in shown.partition(" ")[0])


def test_names_below_a_remote_folder_show_no_secrets():
    assert hidden("d.html?id=3&sig=abc") == "d.html?id=3&sig=***"


def test_a_run_writes_no_secrets_and_resumes(tmp_path, root):
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "a.jsonl").write_text('{"id": "1", "text": "one"}\n')
    (tmp_path / "web" / "b.html").write_text("<p>two")
    with serving(tmp_path / "web") as server:
        base = server.url.replace("://", "://bob:hiddenpw@")
        text = (
            "name: r\nstages: [extract]\nsources:\n"
            f"  a: {base}/a.jsonl?page=7&sig=hiddensig\n  b: {{html: '{base}/b.html?token=hidden/token'}}\n"
        )
        profile = root / "pipelines/profiles/inline.yaml"
        run = run_recipe(loads(text), tmp_path / "run", tmp_path / "store", profile, quiet=True)
        again = run_recipe(loads(text), tmp_path / "run", tmp_path / "store", profile, quiet=True)
        assert (run.tasks > 0, again.tasks) == (True, 0)
    kept = (tmp_path / "run/recipe.yaml").read_text()
    assert "page=7&sig=***" in kept
    for file in (file for place in ("run", "store") for file in (tmp_path / place).rglob("*") if file.is_file()):
        assert b"hidden" not in file.read_bytes() and "hidden" not in file.name, file
        if file.suffix == ".parquet":
            table = pq.read_table(file)
            assert "hidden" not in str(table.to_pylist()) and "hidden" not in str(table.schema.metadata)
    with pytest.raises(InputError, match="put the secret back"):
        run_recipe(loads(kept), tmp_path / "run", tmp_path / "store", profile, quiet=True)


def test_a_pattern_over_http(tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.html").write_text("<p>x")
    with serving(tmp_path) as server:
        server.folders["/p/"] = server.folders["/p"] = b'<a href="a.html">x</a><a href="b.txt">x</a>'
        assert [file.name for file in expand(f"{server.url}/p/*.html")] == ["a.html"]
