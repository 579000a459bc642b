"""Every record of every sample file is a document, dropped by its kind, or quarantined: counted by somebody else, too.

warcio (the reference implementation) counts; where it gives up, fastwarc does; where both do, the number was counted by
hand, and the reason is here. warcio counts the version block of an ARC file as a record, and so do we.
"""

from collections import Counter

import pytest

from datacurate.sources import find_format, formats
from datacurate.sources._pages import KINDS

BY_HAND = {
    "cc_net_wet/sample.warc.txt": (4, "its lengths are wrong: somebody stored it with other line ends"),
    "commoncrawl-whirlwind/CC-MAIN-2024-22.warc.paths.gz": (1, "a list of paths, no archive: one stretch"),
    "webarchive-commons/format/arc/IAH-20080430204825-00000-blackbook-truncated.arc": (
        9, "no empty line between records, at which warcio gives up; lines with address, IP, date, type and length"),
    "webarchive-commons/format/gzip/abcd.gz": (1, "no archive: the letters abcd"),
    "webarchive-commons/format/gzip/hi.gz": (1, "no archive: the letters hi"),
    "webarchive-commons/format/gzip/hi-2.gz": (1, "no archive: hi, and hi again"),
    "webarchive-commons/format/gzip/double-single-inflate-error.gz": (1, "no archive, and a damaged gzip member"),
    "webarchive-commons/format/gzip/empty.gz": (1, "a gzip member of nothing: one quarantined record says so"),
}  # fmt: skip
DROPPED = {*KINDS, "other_record", "redirect", "not_found", "not_modified", "http_status", "robots", "not_html"}


def counted_by_warcio(file):
    from warcio.archiveiterator import ArchiveIterator

    with file.open("rb") as opened:
        return sum(1 for _ in ArchiveIterator(opened))


def counted_by_fastwarc(file):
    from fastwarc.warc import ArchiveIterator

    with file.open("rb") as opened:
        return sum(1 for _ in ArchiveIterator(opened, parse_http=False))


def counted(file, name):
    if name in BY_HAND:
        return BY_HAND[name][0]
    try:
        return counted_by_warcio(file)
    except Exception:  # warcio's ArchiveLoadFailed: lz4, a member with several records, ...
        return counted_by_fastwarc(file)


def source_of(file):
    if file.name.endswith((".arc", ".arc.gz")):
        return formats()["arc"]
    return formats()["wat"] if ".wat" in file.name else formats()["warc"]


@pytest.mark.shared
def test_every_record_of_every_sample_is_accounted_for(shared, read):
    pytest.importorskip("warcio")
    folder, all_rules, files = shared / "warc_samples", Counter(), 0
    for file in sorted(folder.rglob("*")):
        if not file.is_file() or file.name.startswith("_") or file.name == "SOURCE.txt":
            continue
        name, source = str(file.relative_to(folder)), source_of(file)
        rows, unread, _ = read(source(path=str(file)), file)
        assert len(rows) + len(unread) == counted(file, name), name
        for one in unread:
            assert one.fate == ("dropped" if one.rule in DROPPED else "quarantined"), (name, one.rule)
            assert one.fate == "dropped" or one.error, name
        all_rules.update(one.rule for one in unread)
        files += 1
    assert files == 54
    assert all_rules["revisit"] and all_rules["redirect"] and all_rules["robots"] and all_rules["dns"]


@pytest.mark.shared
def test_arc_samples(shared, read):
    folder = shared / "warc_samples"
    for name in ("warcio/example.arc", "warcio/example.arc.gz"):
        [row], [first], _ = read(formats()["arc"](path="x"), folder / name)
        assert row["url"] == "http://example.com/" and row["date"] == "2014-02-16T05:02:21Z"
        assert row["html"].rstrip().endswith(b"</html>") and len(row["html"]) == 1270
        assert first.rule == "filedesc"
    _, unread, _ = read(formats()["arc"](path="x"), folder / "warcio/example-space-in-url.arc")
    assert [one.rule for one in unread] == ["filedesc", "truncated"]
    assert "1,579" in unread[1].error, "the file ends 12 bytes before its length says; warcio does not tell"
    _, unread, _ = read(formats()["arc"](path="x"), folder / "warcio/bad.arc")
    assert [one.rule for one in unread] == ["bad_header", "bad_header", "bad_http", "bad_header"]
    rows, unread, _ = read(formats()["arc"](path="x"), next((folder / "webarchive-commons/format/arc").iterdir()))
    assert [row["url"] for row in rows] == ["http://www.archive.org/", "http://www.archive.org/index.php"]
    assert Counter(one.rule for one in unread) == {"filedesc": 1, "dns": 1, "robots": 1, "not_html": 4}


def test_formats_are_found_by_name():
    said = {
        "a.warc.gz": "warc", "a.warc.wet.gz": "warc", "a.warc.wat.gz": "wat", "a.wat": "wat", "b.arc": "arc",
        "b.ARC.GZ": "arc",
        "x/index.html": "html", "x/a.htm": "html", "a.xhtml.gz": "html", "a.jsonl.zst": "jsonl", "a.jsonl.lz4": "jsonl",
        "a.parquet": "parquet", "s3://bucket/a b.warc.gz": "warc", "https://x.example/a.warc.gz?sig=x.parquet": "warc",
    }  # fmt: skip
    assert {name: find_format(name).name() for name in said} == said
