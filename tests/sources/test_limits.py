"""Bombs and nests: what they cost is bounded, and the books name them."""

import gzip
import time
import zlib

import pytest
from test_warc import http, record, rules, warc  # noqa: F401

from datacurate.sources import _bytes
from datacurate.sources._bytes import Stream
from datacurate.sources.jsonl import Jsonl

ZEROS = bytes(1 << 20)


def zipped(data, times):
    for _ in range(times):
        data = gzip.compress(data)
    return data


def bomb(megabytes):
    made = zlib.compressobj(9, wbits=31)
    return b"".join(made.compress(ZEROS) for _ in range(megabytes)) + made.flush()


def test_a_body_that_unpacks_a_thousandfold(warc):  # noqa: F811
    block = http(bomb(40), more="Content-Encoding: gzip\r\n")
    _, [one] = warc(record(block, id="big"), name="x.warc")
    assert (one.rule, one.id) == ("bomb", "big")
    brotli = pytest.importorskip("brotli")
    packed = http(brotli.compress(ZEROS * 40), more="Content-Encoding: br\r\n")
    _, [one] = warc(record(packed), name="x.warc")
    assert one.rule == "bomb"
    _, [one] = warc(record(block), name="x.warc", max_bytes=2_000_000)
    assert one.rule == "too_large"


def test_small_bodies_may_unpack_a_lot(warc):  # noqa: F811
    page = b"<html>" + b" " * 900_000
    rows, _ = warc(record(http(gzip.compress(page), more="Content-Encoding: gzip\r\n")), name="x.warc")
    assert rows[0]["html"] == page


@pytest.mark.parametrize("declared", ["gzip", "gzip, gzip", "gzip,gzip,gzip", ""])
def test_codings_in_codings(warc, declared):  # noqa: F811
    more = f"Content-Encoding: {declared}\r\n" if declared else ""
    page = b"<html>a page"
    for times, fits in ((1, True), (2, True), (3, True), (9, False)):
        rows, unread = warc(record(http(zipped(page, times), more=more)), name="x.warc")
        if fits:
            assert rows[0]["html"] == page, "unpacked as often as it was packed, whatever was declared"
        else:
            assert (rows, rules(unread)) == ([], [("quarantined", "content_encoding")])


def test_too_many_declared_codings(warc):  # noqa: F811
    _, [one] = warc(
        record(http(b"<html>", more="Content-Encoding: " + ", ".join(["gzip"] * 50) + "\r\n")), name="x.warc"
    )
    assert (one.rule, "50 codings" in one.error) == ("content_encoding", True)


def test_an_archive_in_an_archive_is_named(warc):  # noqa: F811
    inner = gzip.compress(record(http()))
    _, [one] = warc(gzip.compress(inner))
    assert (one.rule, "compressed twice" in one.error) == ("bad_header", True)


@pytest.mark.parametrize("pack", ["gzip", "zstd"])
def test_a_file_that_is_a_bomb(tmp_path, read, monkeypatch, pack):
    """zstd has no limit of its own, gzip packs at most 1,032-fold, lz4 255-fold."""
    if pack == "gzip":
        data = bomb(1)
        monkeypatch.setattr(_bytes, "MAX_RATIO", 50)
        monkeypatch.setattr(_bytes, "SLACK", 100_000)
    else:
        data = pytest.importorskip("zstandard").compress(bytes(200 << 20), 19)
    file = tmp_path / "x.jsonl.zst"
    file.write_bytes(data)
    began = time.process_time()
    rows, unread, _ = read(Jsonl(path=str(file)), file)
    assert time.process_time() - began < 10
    assert rows == []
    assert [one.rule for one in unread if one.rule == "bomb"] == ["bomb"]


@pytest.mark.parametrize("claim", [200 << 30, 10**15, 10**40])
def test_a_claim_of_200_gigabytes_costs_nothing(warc, claim):  # noqa: F811
    rows, [one] = warc(record(http(), length=claim, id="huge"), record(http(), id="next"), name="x.warc")
    assert [row["id"] for row in rows] == ["next"]
    assert one.rule in ("content_length", "bad_header")


def test_a_long_record_is_skipped_in_bounded_memory(warc):  # noqa: F811
    import tracemalloc

    tracemalloc.start()
    data = gzip.compress(record(http(ZEROS * 120), id="long"), 1)
    tracemalloc.reset_peak()
    rows, [one] = warc(data, gzip.compress(record(http(), id="next")), max_bytes=100_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert ([row["id"] for row in rows], one.rule) == (["next"], "too_large")
    assert peak < 70 << 20, "the record has 120 MB; a batch holds 40 MB of room"


def test_header_without_end(warc):  # noqa: F811
    _, [one] = warc(b"WARC/1.0\r\n" + b"X: y\r\n" * 500_000, name="x.warc")
    assert one.rule == "bad_header"


def test_streams_give_files_of_every_packing(tmp_path):
    zstandard = pytest.importorskip("zstandard")
    data = b"some text " * 1000
    for name, packed in (("p", data), ("g", gzip.compress(data)), ("z", zstandard.compress(data))):
        (tmp_path / name).write_bytes(packed)
        assert Stream(tmp_path / name).take(10**6) == data
