"""Records by list: CDXJ, CDX, columnar index, lists of files; from a folder and over HTTP ranges."""

import csv
import gzip
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loopback import serving
from test_warc import http, record

from datacurate.core.errors import InputError
from datacurate.core.heads import shards_of
from datacurate.core.paths import Part, located
from datacurate.sources import find_format
from datacurate.sources.cdx import Cdx


def archive(folder, name, count):
    """A WARC file of pages, and its index rows: file, offset, length, url."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, data = [], b""
    for at in range(count):
        member = gzip.compress(
            record(http(b"<html>%s %d" % (name.encode(), at)), url=f"http://a.example/{at}", id=f"{name}-{at}")
        )
        rows.append((name, len(data), len(member), f"http://a.example/{at}"))
        data += member
    (folder / name).write_bytes(data)
    return rows


@pytest.fixture
def crawl(tmp_path):
    """A folder of three WARC files, and every second row of their index in any order."""
    rows = [row for name in ("a.warc.gz", "b.warc.gz", "c.warc.gz") for row in archive(tmp_path / "crawl", name, 40)]
    chosen = rows[::2]
    random.Random(1).shuffle(chosen)
    return tmp_path / "crawl", chosen


def cdxj(rows):
    said = ({"url": url, "filename": name, "offset": str(at), "length": str(size)} for name, at, size, url in rows)
    return "".join(f"example,a)/ 20240101000000 {json.dumps(row)}\n" for row in said)


def cdx11(rows, header):
    top = " CDX N b a m s k r M S V g\n" if header else ""
    return top + "".join(
        f"example,a)/ 20240101 {url} text/html 200 SHA - - {size} {at} {name}\n" for name, at, size, url in rows
    )


def table(rows):
    names = ("warc_filename", "warc_record_offset", "warc_record_length", "url")
    return pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def write_list(path, rows):
    if path.suffix == ".parquet":
        pq.write_table(table(rows), path)
    elif path.suffix == ".csv":
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([table(rows).column_names, *rows])
    else:
        text = cdxj(rows) if "cdxj" in path.name else cdx11(rows, "header" in path.name)
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


LISTS = ["list.cdxj", "list.cdxj.gz", "header.cdx", "bare.cdx.gz", "list.parquet", "list.csv"]


@pytest.mark.parametrize("name", LISTS)
def test_the_named_records_are_read_from_a_folder(crawl, tmp_path, name, everything):
    folder, rows = crawl
    source = Cdx(path=str(write_list(tmp_path / name, rows)), base=str(folder), shards_per_list=3)
    docs, unread = everything(source)
    assert unread == []
    assert sorted(row["id"] for row in docs) == sorted(f"{name}-{url.rpartition('/')[2]}" for name, _, _, url in rows)
    assert all(row["html"] == f"<html>{row['id'].replace('-', ' ')}".encode() for row in docs)


def test_records_are_fetched_by_range_and_neighbours_together(crawl, tmp_path, everything):
    pytest.importorskip("aiohttp")
    folder, rows = crawl
    path = write_list(tmp_path / "list.cdxj", rows)
    with serving(folder) as server:
        docs, unread = everything(Cdx(path=str(path), base=server.url, shards_per_list=2))
        asked = [said for said in server.asked if said[0] == "GET"]
    assert (len(docs), unread) == (len(rows), [])
    assert len(asked) == 3, "one request for each file: its records are neighbours"
    assert all(said[2].startswith("bytes=") for said in asked)


def test_parts_of_a_list_are_disjoint_and_complete_and_keep_files_together(crawl, tmp_path):
    folder, rows = crawl
    source = Cdx(path=str(write_list(tmp_path / "l.cdxj", rows)), base=str(folder), shards_per_list=5)
    shards = source.shards()
    assert [str(shard) for shard in shards] == [f"part:{at}/5:{tmp_path / 'l.cdxj'}" for at in range(5)]
    assert all(located(str(shard)) == shard and isinstance(shard, Part) for shard in shards)
    names = [
        {row["id"].rpartition("-")[0] for read in source.read(shard, "s") for row in read.docs.to_pylist()}
        for shard in shards
    ]
    assert sum(map(len, names)) == len(set.union(*names)) == 3


def test_bad_rows_and_ranges_are_quarantined_each_for_itself(crawl, tmp_path, everything):
    folder, rows = crawl
    name, at, size, url = rows[0]
    lines = [
        *cdxj(rows[:3]).splitlines(),
        "x 2024 {broken json",
        "too few fields",
        cdxj([(name, at, -5, url)]).strip(),
        cdxj([("../" + name, at, size, url)]).strip(),
        cdxj([("/etc/passwd", 0, 10, url)]).strip(),
        cdxj([("file:///etc/passwd", 0, 10, url)]).strip(),
        cdxj([("gone.warc.gz", 0, 10, url)]).strip(),
        cdxj([(name, 10**9, 10, url)]).strip(),
        cdxj([(name, at + 3, 30, url)]).strip(),
    ]
    (tmp_path / "l.cdxj").write_text("\n".join(lines))
    docs, unread = everything(Cdx(path=str(tmp_path / "l.cdxj"), base=str(folder)))
    assert len(docs) == 3
    assert all(one.fate == "quarantined" and one.error for one in unread)
    assert sorted(one.rule for one in unread) == ["bad_range"] * 2 + ["bad_row"] * 6 + ["missing"]


def test_the_same_over_http(crawl, tmp_path, everything):
    pytest.importorskip("aiohttp")
    folder, rows = crawl
    name, at, _, url = rows[0]
    bad = [("gone.warc.gz", 0, 10, url), (name, 10**9, 10, url), (name, at + 3, 30, url)]
    path = write_list(tmp_path / "l.cdxj", [*rows[:5], *bad])
    with serving(folder) as server:
        source = Cdx(path=str(path), base=server.url, shards_per_list=1)
        docs, unread = everything(source)
        assert len(docs) == 5
        assert sorted(one.rule for one in unread) == ["bad_range", "bad_range", "missing"]
        server.fail = 2
        assert len(everything(source)[0]) == 5, "a busy server is asked again"
        server.fail = 100
        with pytest.raises(InputError, match="run again"):
            everything(source)
        server.fail, server.ranges = 0, False
        with pytest.raises(InputError, match="ignores ranges"):
            everything(source)


def test_lists_of_files(crawl, everything, tmp_path):
    folder, _ = crawl
    (folder / "warc.paths").write_text("a.warc.gz\n\nb.warc.gz\n")
    source = Cdx(path=str(folder / "warc.paths"))
    assert [str(shard) for shard in source.shards()] == [f"{folder}/a.warc.gz", f"{folder}/b.warc.gz"]
    assert len(everything(source)[0]) == 80


def test_lines_of_a_list_of_files_that_cannot_be_read_are_accounted_for(crawl, everything):
    folder, _ = crawl
    (folder / "sub").mkdir()
    names = ["a.warc.gz", "gone.warc.gz", "../a.warc.gz", "/etc/passwd", "nul\0.warc", "x" * 300, "sub", "b.warc.gz"]
    (folder / "warc.paths").write_text("\n".join([*names, "y" * (1 << 21)]))
    source = Cdx(path=str(folder / "warc.paths"))
    source.check(source.files())
    docs, unread = everything(source)
    assert len(docs) == 80
    assert all(one.fate == "quarantined" and one.error for one in unread)
    assert [(one.id, one.rule) for one in unread] == [
        (f"warc.paths:{line}", "missing" if line in (2, 7) else "bad_row") for line in (2, 3, 4, 5, 6, 7, 9)
    ]


def test_what_was_missing_is_read_when_it_is_there(crawl, everything):
    folder, _ = crawl
    (folder / "warc.paths").write_text("a.warc.gz\nb.warc.gz\n")
    (folder / "b.warc.gz").rename(folder / "later")
    source = Cdx(path=str(folder / "warc.paths"))
    before = {name for *_, name in shards_of("s", source)}
    assert len(everything(source)[0]) == 40
    (folder / "later").rename(folder / "b.warc.gz")
    after = {name for *_, name in shards_of("s", source)}
    assert (len(before & after), len(before), len(after)) == (1, 2, 2)
    assert everything(source)[1] == []


@pytest.mark.parametrize("lines", ["../a.warc.gz\n", "gone.warc.gz\n" * 300, "# nothing\n"])
def test_a_list_of_which_nothing_can_be_read_is_an_error(crawl, lines):
    folder, _ = crawl
    (folder / "warc.paths").write_text(lines)
    source = Cdx(path=str(folder / "warc.paths"))
    for ask in (lambda: source.check(source.files()), source.shards):
        with pytest.raises(InputError, match="Give the base"):
            ask()


def test_lists_of_files_over_http(crawl, tmp_path, everything):
    pytest.importorskip("aiohttp")
    folder, _ = crawl
    (tmp_path / "warc.paths").write_text("a.warc.gz\ngone.warc.gz\n../x\n")
    with serving(folder) as server:
        source = Cdx(path=str(tmp_path / "warc.paths"), base=server.url)
        docs, unread = everything(source)
        assert (len(docs), [one.rule for one in unread]) == (40, ["missing", "bad_row"])
        server.asked.clear()
        assert len(list(shards_of("s", source))) == 2
        assert len(server.asked) <= 5, "a file is asked for once or twice, however many there are"
    with pytest.raises(InputError, match="cannot be read"):
        Cdx(path=str(tmp_path / "warc.paths"), base="http://127.0.0.1:9").shards()  # who does not answer says nothing


HOSTILE = {
    "offset": str(1 << 63), "offset of digits": "9" * 5000, "sum": str((1 << 63) - 5), "sign": "+5", "float": "1e3",
}  # fmt: skip


@pytest.mark.parametrize("offset", HOSTILE.values(), ids=HOSTILE)
def test_numbers_that_no_file_has(crawl, tmp_path, everything, offset):
    folder, rows = crawl
    lines = cdxj([(rows[0][0], offset, 10, "x"), rows[1]]) + cdx11([(rows[0][0], offset, 10, "x")], header=False)
    (tmp_path / "l.cdxj").write_text(lines)
    docs, unread = everything(Cdx(path=str(tmp_path / "l.cdxj"), base=str(folder)))
    assert len(docs) == 1
    assert [(one.rule, len(one.error) < 500) for one in unread] == [("bad_row", True)] * 2


def test_an_offset_beyond_what_the_file_system_takes(crawl, tmp_path, everything):
    folder, rows = crawl
    (tmp_path / "l.cdxj").write_text(cdxj([(rows[0][0], (1 << 63) - 500, 10, "x"), rows[1]]))
    docs, unread = everything(Cdx(path=str(tmp_path / "l.cdxj"), base=str(folder)))
    assert (len(docs), [one.rule for one in unread]) == (1, ["bad_range"])


def test_floats_of_columns_with_nulls_are_numbers(crawl, tmp_path, everything):
    folder, rows = crawl
    (tmp_path / "l.csv").write_text("filename,offset,length\n" + "{},{}.0,{}.0\n".format(*rows[0]))
    assert [len(part) for part in everything(Cdx(path=str(tmp_path / "l.csv"), base=str(folder)))] == [1, 0]


@pytest.mark.parametrize("name", ["a\0.warc.gz", "a" * 300, "b/" * 3000 + "c", "\ud800.warc", "a\n.warc"])
def test_names_that_no_file_has(crawl, tmp_path, everything, name):
    folder, rows = crawl
    (tmp_path / "l.cdxj").write_text(cdxj([(name, 0, 10, "x"), rows[0]]))
    docs, unread = everything(Cdx(path=str(tmp_path / "l.cdxj"), base=str(folder)))
    assert (len(docs), [one.rule for one in unread]) == (1, ["bad_row"])


def test_a_range_with_several_records_gives_all(crawl, tmp_path, everything):
    folder, _ = crawl
    (tmp_path / "l.cdxj").write_text(cdxj([("a.warc.gz", 0, (folder / "a.warc.gz").stat().st_size, "x")]))
    source = Cdx(path=str(tmp_path / "l.cdxj"), base=str(folder))
    docs, unread = everything(source)
    assert ([row["id"] for row in docs], unread) == ([f"a.warc.gz-{at}" for at in range(40)], [])
    first = gzip.decompress((folder / "a.warc.gz").read_bytes()).index(b"WARC/", 9)
    (folder / "plain.warc").write_bytes(gzip.decompress((folder / "a.warc.gz").read_bytes()))
    (tmp_path / "l.cdxj").write_text(cdxj([("plain.warc", 0, first + 40, "x")]))
    docs, unread = everything(source)
    assert (len(docs), [one.rule for one in unread]) == (1, ["bad_header"]), (
        "what begins behind it is not lost in silence"
    )


def test_ranges_over_the_limit_are_not_fetched(crawl, tmp_path, everything):
    folder, rows = crawl
    (tmp_path / "l.cdxj").write_text(cdxj([(rows[0][0], 0, 10**15, "x"), rows[1]]))
    docs, [one] = everything(Cdx(path=str(tmp_path / "l.cdxj"), base=str(folder)))
    assert (len(docs), one.rule, one.bytes) == (1, "too_large", 10**15)


def test_a_list_is_known_by_its_name_however_it_begins(crawl, tmp_path, everything):
    folder, rows = crawl
    (tmp_path / "l.cdxj").write_text("../x\n" + cdxj(rows[:2]))
    docs, unread = everything(Cdx(path=str(tmp_path / "l.cdxj"), base=str(folder)))
    assert (len(docs), [one.rule for one in unread]) == (2, ["bad_row"])


def test_a_list_without_the_columns_says_which_are_wanted(tmp_path):
    pq.write_table(pa.table({"url": ["x"], "offset": [1]}), tmp_path / "l.parquet")
    (tmp_path / "l.csv").write_text("url,offset\nx,1\n")
    for name in ("l.parquet", "l.csv"):
        source = Cdx(path=str(tmp_path / name))
        with pytest.raises(InputError, match="warc_filename"):
            source.check(source.files())


def test_formats_by_name():
    assert {find_format(name).name() for name in ("x.cdxj", "x.cdx.gz", "warc.paths.gz")} == {"cdx"}
