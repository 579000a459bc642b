"""WARC files that went through an editor or a transfer in text mode: byte order marks, bare line feeds."""

import gzip

import pytest

from datacurate.sources.warc import Warc
from datacurate.sources.wat import Wat
from tests.sources.test_warc import http, record


@pytest.fixture
def warc(tmp_path, read):
    def make(*members, name, kind=Warc):
        file = tmp_path / name
        file.write_bytes(b"".join(members))
        return read(kind(path=str(file)), file)[:2]

    return make


@pytest.mark.parametrize("pack", [gzip.compress, bytes], ids=["gzip", "plain"])
def test_a_byte_order_mark_in_front_costs_no_record(warc, pack):
    first = pack(b"\xef\xbb\xbf" + record(http(), id="a"))
    rows, unread = warc(first, pack(record(http(), id="b")), name="x.warc.gz" if pack is gzip.compress else "x.warc")
    assert ([row["id"] for row in rows], unread) == (["a", "b"], [])


def test_a_byte_order_mark_alone_is_an_empty_file(warc):
    _, [unread] = warc(b"\xef\xbb\xbf", name="x.warc")
    assert unread.rule == "empty"
    _, [between] = warc(record(http()), b"\xef\xbb\xbf", record(http()), name="x.warc")
    assert between.rule == "bad_header", "only in front of the first record it is nothing"


@pytest.mark.parametrize("pack", [gzip.compress, bytes], ids=["gzip", "plain"])
def test_bare_line_feeds(warc, pack):
    """Records with them are read, unless their lengths count carriage returns that are gone."""
    unix = [record(http().replace(b"\r\n", b"\n"), id=id).replace(b"\r\n", b"\n") for id in "abc"]
    rows, unread = warc(*map(pack, unix), name="x.warc.gz")
    assert ([row["id"] for row in rows], unread) == (["a", "b", "c"], [])
    made = [record(http(), id=id).replace(b"\r\n", b"\n") for id in "abc"]
    rows, unread = warc(*map(pack, made), name="x.warc.gz")
    assert (rows, [one.id for one in unread]) == ([], ["a", "b", "c"])
    assert [one.rule for one in unread] == ["content_length", "content_length", "truncated"]


def test_a_byte_order_mark_in_front_of_a_wat_file(warc):
    rows, unread = warc(b"\xef\xbb\xbf", record(b"software: x", "warcinfo"), name="x.wat", kind=Wat)
    assert (rows, [(one.fate, one.rule) for one in unread]) == ([], [("dropped", "warcinfo")])
