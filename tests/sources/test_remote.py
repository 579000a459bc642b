"""Input behind URLs: the same planner, shards, identity and resumption as for local files."""

import gzip
import sys

import fsspec
import pytest
from loopback import serving
from test_warc import http, record

from datacurate import plan, run_recipe
from datacurate.core.errors import InputError
from datacurate.core.heads import shards_of
from datacurate.core.paths import is_remote, located, without_secrets
from datacurate.core.recipe import loads
from datacurate.sources import expand, find_format
from datacurate.sources.jsonl import Jsonl
from datacurate.sources.parquet import Parquet
from datacurate.sources.warc import Warc


@pytest.fixture
def bucket():
    """A bucket in memory with pages, texts and a table, some names with spaces and umlauts."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    fs = fsspec.filesystem("memory")
    fs.pipe("/bucket/crawl/a b.warc.gz", gzip.compress(record(http(), id="a")) + b"\x1f\x8b\x08 broken")
    fs.pipe("/bucket/crawl/deep/ü.warc.gz", gzip.compress(record(http(), id="b")))
    fs.pipe("/bucket/texts/x.jsonl", b'{"id": "1", "text": "one"}\n{"id": "2", "text": "two"}\n')
    fs.pipe("/bucket/texts/_hidden.jsonl", b'{"id": "3", "text": "three"}\n')
    with fs.open("/bucket/tables/t.parquet", "wb") as file:
        pq.write_table(pa.table({"id": ["p"], "text": ["a row"]}), file)
    yield fs
    fs.rm("/bucket", recursive=True)


def test_urls_are_files_folders_and_patterns(bucket):
    assert [str(file) for file in expand("memory://bucket/texts")] == ["memory://bucket/texts/x.jsonl"]
    assert [file.name for file in expand("memory://bucket/crawl")] == ["a b.warc.gz", "ü.warc.gz"]
    assert [file.name for file in expand("memory://bucket/*/*.jsonl")] == ["_hidden.jsonl", "x.jsonl"]
    assert [file.name for file in expand(["memory://bucket/texts/x.jsonl", "memory://bucket/texts"])] == ["x.jsonl"]
    assert find_format("memory://bucket/crawl") is Warc
    assert is_remote(located("memory://bucket/crawl")) and not is_remote(located("/bucket"))
    with pytest.raises(InputError, match="no files match"):
        expand("memory://bucket/nowhere")


def test_remote_files_are_read_like_local_ones(bucket, read, tmp_path):
    for source, name in ((Warc, "crawl/a b.warc.gz"), (Jsonl, "texts/x.jsonl"), (Parquet, "tables/t.parquet")):
        url = f"memory://bucket/{name}"
        copy = tmp_path / name.rpartition("/")[2]
        copy.write_bytes(bucket.cat(f"/bucket/{name}"))
        theirs = list(source(path=url).read(located(url), "src"))
        ours = list(source(path=str(copy)).read(copy, "src"))
        assert [batch.docs.to_pylist() for batch in theirs] == [batch.docs.to_pylist() for batch in ours]
        assert [batch.unread for batch in theirs] == [batch.unread for batch in ours]


def test_a_run_over_urls_and_its_resumption(bucket, tmp_path, root):
    text = "{name: far, sources: {web: memory://bucket/crawl, texts: memory://bucket/texts}, quarantine_limit: 0.5}"
    recipe = loads(text)
    run = run_recipe(recipe, tmp_path / "run", tmp_path / "store", root / "pipelines/profiles/inline.yaml", quiet=True)
    assert run is not None
    assert plan(recipe, tmp_path / "store").missing() == []
    bucket.pipe("/bucket/texts/y.jsonl", b'{"id": "9", "text": "nine"}\n')
    assert [task.shard.split("-")[:2] for task in plan(recipe, tmp_path / "store").missing()] == [["texts", "y"]]
    bucket.pipe("/bucket/texts/x.jsonl", b'{"id": "1", "text": "changed"}\n')
    assert len(plan(recipe, tmp_path / "store").missing()) == 2, "a file that was written again is another one"


def test_web_servers(tmp_path):
    pytest.importorskip("aiohttp")
    (tmp_path / "x y.jsonl").write_bytes(b'{"id": "1", "text": "one"}\n')
    with serving(tmp_path) as server:
        url = f"{server.url}/x%20y.jsonl?token=secret"
        source = Jsonl(path=url)
        [shard] = source.shards()
        [read] = source.read(located(str(shard)), "src")
        assert read.docs["text"].to_pylist() == ["one"]
        [(_, size, name)] = shards_of("s", source)
        assert (size, "secret" in name) == (27, False)
        server.asked.clear()
        assert [name for *_, name in shards_of("s", source)] == [name]
        assert {method for method, *_ in server.asked} <= {"HEAD"}, (
            "what the server says of a file is enough to know it"
        )
        (tmp_path / "x y.jsonl").write_bytes(b'{"id": "1", "text": "two"}\n')
        located(url).fs.invalidate_cache()
        assert [other for *_, other in shards_of("s", source)] != [name]
        server.etag = False
        [(_, _, by_content)] = shards_of("s", source)
        (tmp_path / "x y.jsonl").write_bytes(b'{"id": "1", "text": "six"}\n')
        assert [other for *_, other in shards_of("s", source)] != [by_content], "without an ETag the content counts"
        with pytest.raises(InputError, match="cannot be read"):
            list(shards_of("s", Jsonl(path=f"{server.url}/gone.jsonl")))


MISSING = {
    "s3://b/k.warc": "s3",
    "gs://b/k.warc": "gcs",
    "hf://datasets/o/n/x.parquet": "hf",
    "https://x.example/k.warc": "http",
}


@pytest.mark.parametrize(("url", "extra"), MISSING.items())
def test_a_missing_library_is_named(url, extra, monkeypatch):
    for module in ("s3fs", "gcsfs", "huggingface_hub", "aiohttp", "fsspec.implementations.http"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(sys.modules["fsspec.registry"], "_registry", {})
    with pytest.raises(InputError, match=rf"pip install 'datacurate\[{extra}\]'"):
        expand(url)


def test_unknown_schemes_and_secrets():
    with pytest.raises(InputError, match="no installed library reads gopher://"):
        expand("gopher://x.example/a.warc")
    assert without_secrets("https://me:pw@x.example/a?sig=1") == "https://x.example/a"


def test_hugging_face_paths_go_to_its_library(monkeypatch, bucket):
    hub = pytest.importorskip("huggingface_hub")
    asked = []

    def find(self, path, **more):
        asked.append(path)
        return [f"{path}/data/train.parquet"]

    monkeypatch.setattr(hub.HfFileSystem, "isfile", lambda self, path: False)
    monkeypatch.setattr(hub.HfFileSystem, "find", find)
    [file] = expand("hf://datasets/owner/name")
    assert (asked, str(file)) == (["datasets/owner/name"], "hf://datasets/owner/name/data/train.parquet")
    assert find_format(str(file)) is Parquet


def test_s3_by_a_server_on_this_machine(tmp_path):
    """Runs where s3fs and moto are installed (`pip install s3fs moto[server]`)."""
    pytest.importorskip("s3fs")
    server_module = pytest.importorskip("moto.server")
    import boto3

    server = server_module.ThreadedMotoServer(port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = {"endpoint_url": f"http://{host}:{port}"}
        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "y", "region_name": "us-east-1"}
        client = boto3.client("s3", **endpoint, **keys)
        client.create_bucket(Bucket="crawl")
        client.put_object(Bucket="crawl", Key="a/b c.warc.gz", Body=gzip.compress(record(http(), id="s3")))
        fsspec.config.conf["s3"] = {"key": "x", "secret": "y", **endpoint}
        source = Warc(path="s3://crawl/a")
        [(shard, size, name)] = shards_of("s", source)
        assert size and name.startswith("s-b_c-")
        [read] = source.read(located(str(shard)), "src")
        assert read.docs["id"].to_pylist() == ["s3"]
        client.put_object(Bucket="crawl", Key="a/b c.warc.gz", Body=gzip.compress(record(http(), id="s4")))
        located("s3://crawl/a").fs.invalidate_cache()
        assert [other for *_, other in shards_of("s", source)] != [name]
    finally:
        fsspec.config.conf.pop("s3", None)
        server.stop()
