"""WARC: what becomes a document, what does not and why, and that no record disappears."""

import gzip
import re
import zlib

import pytest

from datacurate.core.source import BATCH_ROWS
from datacurate.sources.warc import SCHEMA, Warc


def record(block, kind="response", url="http://a.example/", length=None, id=None, version="1.0", more=""):
    id = f"WARC-Record-ID: <urn:uuid:{id}>\r\n" if id else ""
    length = len(block) if length is None else length
    head = f"WARC/{version}\r\nWARC-Type: {kind}\r\n{id}WARC-Target-URI: {url}\r\nWARC-Date: 2024-01-01T00:00:00Z\r\n"
    return (head + more + f"Content-Length: {length}\r\n\r\n").encode() + block + b"\r\n\r\n"


def http(body=b"<html>hello</html>", kind="text/html", status="200 OK", more=""):
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{more}\r\n".encode() + body


@pytest.fixture
def warc(tmp_path, read):
    def make(*members, name="x.warc.gz", **options):
        file = tmp_path / name
        file.write_bytes(b"".join(members))
        return read(Warc(path=str(file), **options), file)[:2]

    return make


def rules(unread):
    return [(one.fate, one.rule) for one in unread]


def test_a_page_has_all_columns(warc):
    block = http(kind='text/html; charset="ISO-8859-1"')
    [row], unread = warc(gzip.compress(record(block, id="abc")))
    assert row == {
        "id": "abc",
        "text": None,
        "source": "src",
        "url": "http://a.example/",
        "date": "2024-01-01T00:00:00Z",
        "html": b"<html>hello</html>",
        "charset": "iso-8859-1",
        "content_type": "text/html",
    }
    assert unread == []
    assert list(row) == SCHEMA.names == list(Warc.makes)


@pytest.mark.parametrize(
    ("content", "kind", "rule"),
    [
        (http(status="301 Moved"), "response", "redirect"),
        (http(status="304 Not Modified"), "response", "not_modified"),
        (http(status="404 Not Found"), "response", "not_found"),
        (http(status="410 Gone"), "response", "not_found"),
        (http(status="503 Busy"), "response", "http_status"),
        (http(status="204 No Content"), "response", "http_status"),
        (http(kind="image/png"), "response", "not_html"),
        (http(b"{}", kind=""), "response", "not_html"),
        (http(b""), "revisit", "revisit"),
        (b"GET / HTTP/1.1\r\n\r\n", "request", "request"),
        (b"software: x\r\n", "warcinfo", "warcinfo"),
        (b"", "metadata", "metadata"),
        (b"hello", "resource", "resource"),
        (b"hello", "continuation", "continuation"),
        (b"hello", "screenshot", "other_record"),
    ],
)
def test_sound_records_that_are_no_page_are_dropped(warc, content, kind, rule):
    rows, unread = warc(gzip.compress(record(content, kind, id="r")), gzip.compress(record(http(), id="next")))
    assert rules(unread) == [("dropped", rule)]
    assert unread[0].id == "r"
    assert [row["id"] for row in rows] == ["next"]


def test_dns_records_are_no_responses(warc):
    rows, unread = warc(record(b"20240101\na.example 1 IN A 1.2.3.4", more="Content-Type: text/dns\r\n"), name="x.warc")
    assert (rows, rules(unread)) == ([], [("dropped", "dns")])


@pytest.mark.parametrize(
    "line",
    ["Content-Type : text/html; charset=x-y", "content-type\t:text/html;\r\n charset=x-y",
     "CONTENT-TYPE:text/html; charset=X-Y",
     "Content-Type-Options: image/png\r\nContent-Type: text/html; charset=x-y\r\nContent-Type: image/png"],
)  # fmt: skip
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_header_lines_in_every_form(warc, line, end):
    block = f"HTTP/1.1 200 OK{end}X: a : b{end}{line.replace(chr(13) + chr(10), end)}{end}{end}<html>".encode()
    [row], _ = warc(record(block, url="http://a.example/a : b"), name="x.warc")
    assert (row["charset"], row["content_type"], row["html"]) == ("x-y", "text/html", b"<html>")
    assert row["url"] == "http://a.example/a : b", "what stands in a value stays"


def test_robots_txt_is_no_page(warc):
    block = http(b"User-agent: *", kind="text/plain")
    urls = ["http://a.example/robots.txt", "http://a.example/Robots.TXT?x=1", "http://a.example/x/robots.txt"]
    rows, unread = warc(*[record(block, url=url) for url in urls], name="x.warc")
    assert rules(unread) == [("dropped", "robots")] * 2
    assert [row["url"] for row in rows] == urls[2:]


def test_html_resources_are_pages_and_segments_are_quarantined(warc):
    page = b"<html>from a disk</html>"
    rows, unread = warc(
        record(page, "resource", more="Content-Type: text/html; charset=koi8-r\r\n"),
        record(http(), more="WARC-Segment-Number: 1\r\n"),
        name="x.warc",
    )
    assert [(row["html"], row["charset"], row["content_type"]) for row in rows] == [(page, "koi8-r", "text/html")]
    assert rules(unread) == [("quarantined", "segmented")]


def chunked(body):
    return b"5;ext=1\r\n" + body[:5] + b"\r\n%X\r\n" % (len(body) - 5) + body[5:] + b"\r\n0\r\n\r\n"


BODY = b"<html>" + b"some text " * 50
RAW = zlib.compressobj(wbits=-15)
CODED = {
    "Content-Encoding: gzip": gzip.compress(BODY),
    "Content-Encoding: x-gzip": gzip.compress(BODY),
    "Content-Encoding: deflate": zlib.compress(BODY),
    "Content-Encoding: Deflate": RAW.compress(BODY) + RAW.flush(),
    "Transfer-Encoding: chunked": chunked(BODY),
    "Transfer-Encoding: chunked\r\nContent-Encoding: gzip": chunked(gzip.compress(BODY)),
    "Content-Encoding: gzip ": BODY,
    "Content-Encoding: br": BODY,
    "transfer-encoding: Chunked": BODY,
}


@pytest.mark.parametrize("header", CODED)
def test_bodies_are_decoded_and_stale_headers_are_not_believed(warc, header):
    [row], unread = warc(record(http(CODED[header], more=f"{header}\r\n")), name="x.warc")
    assert row["html"] == BODY
    assert unread == []


def test_brotli(warc):
    brotli = pytest.importorskip("brotli")
    block = http(brotli.compress(BODY), more="Content-Encoding: br\r\n")
    [row], _ = warc(record(block), name="x.warc")
    assert row["html"] == BODY
    _, [unread] = warc(record(block[:-9]), name="x.warc")
    assert unread.rule == "content_encoding"


def test_zstd(warc):
    zstandard = pytest.importorskip("zstandard")
    packed = zstandard.compress(BODY)
    rows, unread = warc(
        record(http(packed, more="Content-Encoding: zstd\r\n")),
        record(http(zstandard.compress(gzip.compress(BODY)), more="Content-Encoding: gzip, zstd\r\n")),
        record(http(BODY, more="Content-Encoding: zstd\r\n")),
        record(http(packed[:-9], more="Content-Encoding: zstd\r\n")),
        record(http(zstandard.compress(bytes(40 << 20)), more="Content-Encoding: zstd\r\n")),
        name="x.warc",
    )
    assert [row["html"] for row in rows] == [BODY] * 3
    assert [one.rule for one in unread] == ["content_encoding", "bomb"]


HTML_HEADS = [
    b"<!-- a comment --><html>", b"<!--" + b"x" * 5000, b"<?xml version='1.0'?>\n<!DOCTYPE html PUBLIC 'x'><html>",
    b"\xef\xbb\xbf \n<?xml version='1.0'?><!-- c --><html xmlns='x'>", b"\x0c\r\n\t <P>text", b"<h1>x</h1>",
    b"\xff\xfe" + "<html>".encode("utf-16-le"), b"\xfe\xff" + "\n<HTML\n>".encode("utf-16-be"), b"<br/>", b"<ScRiPt >",
]  # fmt: skip
OTHER_HEADS = [
    b"", b"text", b"<rss version='2'>", b"<?xml version='1.0'?><rss>", b"<?xml version='1.0'?><!-- <html> --><svg>",
    b"<htmlish>", b"%PDF-1.4", b"<?xml" + b" " * 5000, b"<bob>", b"\0<html>", b"<?xml ?>" * 500, b"< html>",
]  # fmt: skip


@pytest.mark.parametrize("kind", ["", "unknown/unknown", "*/*", "html"])
def test_bodies_without_type_are_looked_at(warc, kind):
    rows, unread = warc(*[record(http(head, kind=kind)) for head in HTML_HEADS + OTHER_HEADS], name="x.warc")
    assert [row["html"] for row in rows] == HTML_HEADS
    assert rules(unread) == [("dropped", "not_html")] * len(OTHER_HEADS)


GZIPPED = gzip.compress(BODY)
BROKEN = {
    "bad_chunks": http(chunked(BODY)[:-30], more="Transfer-Encoding: chunked\r\n"),
    "content_encoding": http(GZIPPED[:20] + b"\0\0\0" + GZIPPED[23:], more="Content-Encoding: gzip\r\n"),
    "bad_http": b"<html>no status</html>",
    "too_large": http(gzip.compress(bytes(300_000)), more="Content-Encoding: gzip\r\n"),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_broken_bodies_are_quarantined_and_the_next_record_is_read(warc, rule):
    first = gzip.compress(record(BROKEN[rule], id="bad"))
    rows, [unread] = warc(first, gzip.compress(record(http(), id="next")), max_bytes=100_000)
    assert (unread.id, unread.fate, unread.rule) == ("bad", "quarantined", rule)
    assert unread.error
    assert unread.payload == BROKEN[rule]
    assert [row["id"] for row in rows] == ["next"]


def test_a_cut_gzip_body_and_an_unknown_coding(warc):
    cut = http(GZIPPED[:-10], more="Content-Encoding: gzip\r\n")
    odd = http(b"\x00\x01\x02", more="Content-Encoding: compress\r\n")
    _, unread = warc(record(cut), record(odd), name="x.warc")
    assert [one.rule for one in unread] == ["content_encoding"] * 2
    assert "cut off" in unread[0].error
    assert "compress" in unread[1].error


@pytest.mark.parametrize("pack", [gzip.compress, bytes], ids=["gzip", "plain"])
@pytest.mark.parametrize("wrong", [-7, -17, 90, 100_000, 10**12])
def test_wrong_content_length_costs_one_record(warc, pack, wrong):
    block = http(BODY)
    members = [record(http(), id="a"), record(block, id="bad", length=len(block) + wrong), record(http(), id="b")]
    rows, [unread] = warc(*map(pack, members), pack(record(http(), id="c")), max_bytes=1_000_000)
    assert [row["id"] for row in rows] == ["a", "b", "c"]
    assert (unread.id, unread.rule) == ("bad", "content_length")
    assert str(f"{len(block) + wrong:,}") in unread.error
    assert unread.payload.startswith(block)


def test_no_content_length_then_a_bad_member_are_two_records(warc):
    """A damaged member behind a bad record must not hide in it (it did, once)."""
    bare = record(http(), id="bare").replace(b"Content-Length", b"Content-Breadth")
    damaged = bytearray(gzip.compress(record(http(BODY), id="crc")))
    damaged[-8] ^= 1
    rows, unread = warc(gzip.compress(bare), bytes(damaged), gzip.compress(record(http(), id="next")))
    assert [(one.id, one.rule) for one in unread] == [("bare", "bad_header"), ("crc", "gzip")]
    assert [row["id"] for row in rows] == ["next"]


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_damaged_member_costs_itself_only(warc, at):
    members = [bytearray(gzip.compress(record(http(BODY), id=f"r{i}"))) for i in range(3)]
    members[at][60:70] = bytes(10)
    rows, [unread] = warc(*map(bytes, members))
    assert [row["id"] for row in rows] == [f"r{i}" for i in range(3) if i != at]
    assert (unread.fate, unread.rule) == ("quarantined", "gzip")
    assert unread.bytes == len(members[at])


@pytest.mark.parametrize("keep", [5, 40, 120, -1])
def test_a_cut_file_says_at_which_byte(warc, keep):
    first, last = gzip.compress(record(http(), id="a")), gzip.compress(record(http(BODY), id="b"))
    rows, [unread] = warc(first, last[:keep])
    assert [row["id"] for row in rows] == ["a"]
    assert (unread.fate, unread.rule) == ("quarantined", "truncated")
    assert f"byte {len(first + last[:keep])}" in unread.error


def test_a_cut_plain_file(warc):
    whole = record(http(), id="a") + record(http(BODY), id="b")
    rows, [unread] = warc(whole[:-100], name="x.warc")
    assert [row["id"] for row in rows] == ["a"]
    assert (unread.id, unread.rule) == ("b", "truncated")
    assert f"{len(whole) - 100}" in unread.error


def test_damage_in_the_middle_of_one_large_member(warc):
    packed = bytearray(gzip.compress(b"".join(record(http(b"<" + bytes([i] * 40000)), id=i) for i in range(1, 200)), 0))
    middle = len(packed) // 2
    packed[middle : middle + 200_000] = bytes(200_000)
    rows, unread = warc(bytes(packed))
    assert 50 < len(rows) < 199
    assert rules(unread) == [("quarantined", "gzip")]


BETWEEN = {
    "garbage": b"garbage\r\n" * 9,
    "line": b"garbage line\r\n\r\n",
    "zeros": bytes(512),
    "version": record(http(), id="x").replace(b"WARC/", b"WARX/"),
    "lower": record(http(), id="x").lower(),
    "binary": bytes(range(128, 256)) * 99,
}


@pytest.mark.parametrize("members", [True, False])
@pytest.mark.parametrize("between", BETWEEN)
def test_garbage_between_records_costs_no_record(warc, between, members):
    parts = [record(http(), id="a"), BETWEEN[between], record(http(), id="b")]
    packed = [gzip.compress(part) for part in parts]
    rows, [unread] = warc(*packed) if members else warc(*parts, name="x.warc")
    wanted = ["a", "b"] if members or between != "binary" else ["a"]  # there no line end stands in front of b
    assert [row["id"] for row in rows] == wanted
    assert unread.rule == "bad_header"
    assert (unread.bytes == len(BETWEEN[between])) is (len(wanted) == 2)


@pytest.mark.parametrize("blank", [b" \r\n", b"\t", b"\n\n\n"])
def test_blank_lines_between_records_are_none(warc, blank):
    rows, unread = warc(record(http(), id="a"), blank, record(http(), id="b"), name="x.warc")
    assert ([row["id"] for row in rows], unread) == (["a", "b"], [])


def test_a_record_that_ends_with_its_member_is_sound(warc):
    first = gzip.compress(record(http(), id="a").removesuffix(b"\r\n\r\n"))
    rows, [unread] = warc(first, gzip.compress(b"garbage"), gzip.compress(record(http(), id="b")))
    assert [row["id"] for row in rows] == ["a", "b"]
    assert (unread.rule, unread.bytes) == ("bad_header", 7)


def test_a_length_that_ends_inside_the_block_is_wrong(warc):
    for cut in (1, 3, 7):
        block = http(b"<p>" + b"some text " * 99 + b"</body>")
        false = record(block, id="a", length=len(block) - cut)
        rows, [unread] = warc(false, record(http(), id="b"), name="x.warc")
        assert [row["id"] for row in rows] == ["b"]
        assert (unread.id, unread.rule) == ("a", "content_length")


def test_garbage_in_front_of_the_first_record(warc):
    rows, [unread] = warc(b"garbage\r\n" * 9, record(http(), id="b"), name="x.warc")
    assert ([row["id"] for row in rows], unread.rule) == (["b"], "bad_header")


def test_padding_is_no_record(warc):
    rows, unread = warc(gzip.compress(record(http(), id="a")), bytes(1000), gzip.compress(record(http(), id="b")))
    assert ([row["id"] for row in rows], unread) == (["a", "b"], [])


def test_not_a_warc_and_an_empty_file(warc):
    _, [empty] = warc(b"")
    assert (empty.fate, empty.rule) == ("quarantined", "empty")
    _, [nothing] = warc(gzip.compress(b""))
    assert (nothing.fate, nothing.rule) == ("quarantined", "empty")
    _, [arc] = warc(b"filedesc://x.arc 127.0.0.1 2014\n", name="x.warc")
    assert (arc.rule, arc.bytes) == ("bad_header", 32)


def test_ids_are_unique_and_stable(warc, tmp_path, read):
    rows, _ = warc(*[record(http(), id="same")] * 3, record(http()), record(http()), name="x.warc")
    ids = [row["id"] for row in rows]
    assert ids[:3] == ["same", "same#2", "same#3"]
    assert len(set(ids)) == 5
    (tmp_path / "moved").mkdir()
    moved = (tmp_path / "x.warc").rename(tmp_path / "moved/x.warc")
    assert [row["id"] for row in read(Warc(path="x"), moved)[0]] == ids


def test_wet_records_are_documents_with_text(warc):
    [row], [bad] = warc(record("héllo".encode(), "conversion"), record(b"\xff", "conversion"), name="x.warc.wet")
    assert (row["text"], row["html"]) == ("héllo", None)
    assert (bad.fate, bad.rule) == ("quarantined", "not_utf8")


def test_batches_are_bounded(tmp_path, read):
    file = tmp_path / "x.warc"
    file.write_bytes(record(http()) * (BATCH_ROWS + 10))
    rows, _, batches = read(Warc(path=str(file)), file)
    assert len(rows) == BATCH_ROWS + 10
    assert [batch.docs.num_rows for batch in batches] == [BATCH_ROWS, 10]
    file.write_bytes(record(http(bytes(20 << 20))) * 4)
    assert max(batch.docs.num_rows for batch in read(Warc(path=str(file)), file)[2]) == 2


def unpacked(file):
    """The file's bytes, gzip member by member as far as they can be had, by another way than the reader's."""
    rest, made = file.read_bytes(), b""
    if rest[:2] != b"\x1f\x8b":
        return rest
    while rest:
        inflate = zlib.decompressobj(31)
        made += inflate.decompress(rest)
        rest = inflate.unused_data
    return made


NO_WARC = ("warc.paths.gz", ".arc", ".arc.gz", ".lz4", ".txt")


def test_no_record_of_the_malformed_samples_disappears(shared, read):
    """Records counted by their first lines in the unpacked bytes; fastwarc loses 3 of 6 in example-bad-length."""
    counted = 0
    for file in sorted((shared / "warc_samples").rglob("*arc*")):
        if not file.is_file() or file.name.endswith(NO_WARC) or ("gzip" in file.parts and "warc" not in file.name):
            continue
        starts = len(re.findall(rb"(?m)^WARC/\d", unpacked(file)))
        rows, unread, _ = read(Warc(path=str(file)), file)
        assert len(rows) + len(unread) == starts, file
        counted += 1
    assert counted > 30


def test_known_samples(shared, read):
    samples = shared / "warc_samples"
    for end in ("warc", "warc.gz", "warc.lz4"):
        rows, unread, _ = read(Warc(path="x"), samples / f"fastwarc/warcfile.{end}")
        assert (len(rows), len(unread)) == (16, 34)
    _, [cut], _ = read(Warc(path="x"), samples / "fastwarc/clipped.warc.gz")
    assert (cut.rule, cut.id) == ("truncated", "f3dfa8fa-f031-4a38-90cc-1dcee3d07bb5")
    _, unread, _ = read(Warc(path="x"), samples / "warcio.js/example-bad-length.warc")
    assert [one.rule for one in unread if one.fate == "quarantined"] == ["content_length"]
