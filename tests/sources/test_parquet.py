"""Parquet: rows, types, bad rows and bad files; finding files and formats."""

import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datacurate.core.errors import InputError
from datacurate.sources import expand, find_format, formats
from datacurate.sources.parquet import Parquet


@pytest.fixture
def parquet(tmp_path, read):
    def make(table, rows=1000, **options):
        file = tmp_path / "x.parquet"
        pq.write_table(table, file, row_group_size=rows)
        source = Parquet(path=str(file), **options)
        source.check([file])
        return read(source, file)

    return make


def test_columns_are_kept_and_names_given_way(parquet):
    table = pa.table({"text": ["other"], "content": ["a"], "id": [5], "source": ["s"], "n": [1.5]})
    [row], unread, _ = parquet(table, text="content")
    expected = {"id": "5", "text": "a", "source": "src", "text_in_file": "other", "source_in_file": "s", "n": 1.5}
    assert (row, unread) == (expected, [])


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_text_and_id_become_plain_strings(parquet, kind):
    texts = pa.array(["a", "é", "a"]).cast(kind)
    rows, _, batches = parquet(pa.table({"text": texts, "id": pa.array(["x", None, "z"]).cast(kind)}))
    assert [row["text"] for row in rows] == ["a", "é", "a"]
    assert (rows[0]["id"], len(rows[1]["id"]), rows[2]["id"]) == ("x", 32, "z")
    assert {batches[-1].docs.schema.field(name).type for name in ("id", "text")} == {pa.string()}


@pytest.mark.parametrize("name", ["messages", "text"])
def test_messages_as_text(parquet, name):
    """Their contents are the text, and the column stays, under a name of its own if need be."""
    talk = [{"role": "user", "content": "é"}, {"role": "assistant", "content": "b"}]
    table = pa.table({"id": list("abc"), name: [talk, None, []]})
    rows, unread, batches = parquet(table, text=name)
    kept = "messages" if name == "messages" else "text_in_file"
    assert [(row["id"], row["text"], row[kept]) for row in rows] == [("a", "é\n\nb", talk)]
    assert [one.id for one in unread] == ["x.parquet:1", "x.parquet:2"]
    assert batches[-1].docs.schema.field("text").type == pa.string()


def test_messages_that_are_no_utf8_are_quarantined(parquet):
    content = pa.array([b"ok", b"\xff"]).view(pa.string())
    messages = pa.ListArray.from_arrays([0, 1, 2], pa.StructArray.from_arrays([content], ["content"]))
    rows, unread, _ = parquet(pa.table({"id": ["a", "b"], "m": messages}), text="m")
    assert [row["id"] for row in rows] == ["a"]
    assert [(one.rule, one.payload) for one in unread] == [("not_utf8", b"\xff")]


def test_null_text_and_bytes_that_are_no_text(parquet):
    bad = pa.array([b"ok", b"\xff\xfe", None, b"end"]).view(pa.string())
    rows, unread, _ = parquet(pa.table({"text": bad, "id": list("abcd")}))
    assert [row["id"] for row in rows] == ["a", "d"]
    assert [(one.fate, one.rule, one.id) for one in unread] == [
        ("quarantined", "not_utf8", "x.parquet:1"),
        ("quarantined", "no_text", "x.parquet:2"),
    ]
    assert unread[0].payload == b"\xff\xfe"


def test_every_reading_finds_what_is_no_text(parquet):
    """Sound files are looked through once, broken ones always, and so is what was written over a sound one."""
    sound, bad = (
        pa.table({"text": pa.array([b"ok", end]).view(pa.string()), "id": ["a", "b"]}) for end in (b"y", b"\xff")
    )
    for table, wanted in ((sound, ["a", "b"]), (sound, ["a", "b"]), (bad, ["a"]), (bad, ["a"]), (sound, ["a", "b"])):
        rows, unread, _ = parquet(table)
        assert [row["id"] for row in rows] == wanted
        assert [one.rule for one in unread] == ["not_utf8"] * (2 - len(wanted))


def test_one_file_is_read_twice(tmp_path, read):
    """As stages do: nobody writes it in between."""
    file = tmp_path / "x.parquet"
    pq.write_table(pa.table({"text": pa.array([b"ok", b"\xff"]).view(pa.string()), "id": ["a", "b"]}), file)
    source = Parquet(path=str(file))
    assert [len(read(source, file)[1]) for _ in range(3)] == [1, 1, 1]


def test_missing_ids_are_unique(parquet):
    rows, _, _ = parquet(pa.table({"text": ["same"] * 50}), rows=7)
    assert len({row["id"] for row in rows}) == 50


def test_a_wrong_column_is_said_before_anything_runs(parquet):
    table = pa.table({"content": ["a"], "n": [1]})
    with pytest.raises(InputError, match=r"has no column 'contant'; it has: content, n. Did you mean 'content'\?"):
        parquet(table, text="contant")
    with pytest.raises(
        InputError, match=r"no column 'text'.*Say which one holds the text: \{parquet: .*, text: COLUMN\}"
    ):
        parquet(table)
    with pytest.raises(InputError, match="column 'n' holds int64, not strings"):
        parquet(table, text="n")
    with pytest.raises(InputError, match="no column 'key'"):
        parquet(table, text="content", id="key")


@pytest.mark.parametrize(("data", "rule"), [(b"", "empty"), (b"PAR1 no parquet at all", "not_parquet")])
def test_files_that_are_no_parquet(tmp_path, read, data, rule):
    file = tmp_path / "x.parquet"
    file.write_bytes(data)
    Parquet(path=str(file)).check([file])
    rows, [unread], _ = read(Parquet(path=str(file)), file)
    assert (rows, unread.fate, unread.rule, unread.bytes) == ([], "quarantined", rule, len(data))


def test_unreadable_pages_cost_the_rest_of_their_row_group(tmp_path, read):
    file, make = tmp_path / "x.parquet", random.Random(0)
    table = pa.table({"text": [f"{i} {make.randbytes(400).hex()}" for i in range(300)]})
    pq.write_table(table, file, row_group_size=100, compression="zstd", use_dictionary=False)
    data = bytearray(file.read_bytes())
    at = pq.ParquetFile(file).metadata.row_group(1).column(0).data_page_offset
    data[at : at + 2000] = bytes(2000)
    file.write_bytes(data)
    rows, [unread], _ = read(Parquet(path=str(file)), file)
    assert [int(row["text"].split()[0]) for row in rows] == [*range(100), *range(200, 300)]
    assert (unread.fate, unread.rule) == ("quarantined", "unreadable")
    assert "rows 100 to 199" in unread.error


def test_large_rows_are_read_in_small_batches(parquet):
    table = pa.table({"text": [f"x{i}" * 200_000 for i in range(300)]})
    rows, _, batches = parquet(table, rows=300)
    assert len(rows) == 300
    assert max(batch.docs.nbytes for batch in batches) < 40 << 20


def test_formats_and_endings():
    assert {"warc", "jsonl", "parquet"} <= set(formats())
    names = {"a.warc.gz": "warc", "b.jsonl.zst": "jsonl", "c.PARQUET": "parquet", "d.wet.gz": "warc"}
    assert {name: find_format(name).name() for name in names} == names
    with pytest.raises(InputError, match=r"x\.docx.*known"):
        find_format("x.docx")


def test_expand(tmp_path):
    for name in ("b.jsonl", "a.warc.gz", "sub/c.parquet", ".h.jsonl", "_x/d.jsonl", "s.ledger.parquet", "n.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    def names(path, **options):
        return [str(file.relative_to(tmp_path)) for file in expand(path, **options)]

    assert names(tmp_path) == ["a.warc.gz", "b.jsonl", "sub/c.parquet"]
    assert names(str(tmp_path), suffixes=(".jsonl",)) == ["b.jsonl"]
    assert names([f"{tmp_path}/*.jsonl", str(tmp_path / "b.jsonl"), f"{tmp_path}/**/c.*"]) == [
        "b.jsonl",
        "sub/c.parquet",
    ]
    assert names(tmp_path / "n.txt") == ["n.txt"]
    for none in ("nothing", "*.zip"):
        with pytest.raises(InputError, match="no files match"):
            expand(tmp_path / none)
    (tmp_path / "void").mkdir()
    with pytest.raises(InputError, match=r"no files match.*end in"):
        expand(tmp_path / "void")
