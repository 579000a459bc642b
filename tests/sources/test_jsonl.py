"""JSON Lines: every line is a document or is accounted for."""

import gzip
import json

import pytest

from datacurate.sources.jsonl import Jsonl


@pytest.fixture
def jsonl(tmp_path, read):
    def make(data, name="x.jsonl", **options):
        file = tmp_path / name
        file.write_bytes(data)
        return read(Jsonl(path=str(file), **options), file)[:2]

    return make


def test_columns_and_meta(jsonl):
    line = json.dumps({"id": 7, "text": "é", "url": "u", "date": 2020, "z": [1], "a": {"c": 1, "b": "ü"}})
    [row], unread = jsonl(line.encode())
    meta = '{"a":{"c":1,"b":"ü"},"date":2020,"z":[1]}'
    assert row == {"id": "7", "text": "é", "source": "src", "url": "u", "date": None, "meta": meta}
    assert unread == []


def test_other_keys(jsonl):
    [row], _ = jsonl(b'{"content": "c", "key": "k", "id": 1}', text="content", id="key")
    assert (row["id"], row["text"], row["meta"]) == ("k", "c", '{"id":1}')


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (b"{", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'["text"]', "not_object"),
        (b'{"id": "x"}', "no_text"),
        (b'{"text": null}', "no_text"),
        (b'{"text": 5}', "no_text"),
        (b'{"text": "\\ud800"}', "bad_unicode"),
        (b'{"text": "a", "more": "\\udfff"}', "bad_unicode"),
        (b'{"text": "\xff"}', "not_utf8"),
        (b'{"text": "' + b"a" * 300_000 + b'"}', "too_long"),
    ],
)
def test_bad_lines_are_quarantined_and_the_next_is_read(jsonl, line, rule):
    rows, [unread] = jsonl(b'{"text": "one"}\n' + line + b'\n{"text": "two"}\n', max_bytes=200_000)
    assert [row["text"] for row in rows] == ["one", "two"]
    assert (unread.fate, unread.rule, unread.id) == ("quarantined", rule, "x.jsonl:2")
    assert unread.error.startswith("line 2: ")
    assert unread.bytes == len(line)
    assert unread.payload == line[: 64 << 10]


@pytest.mark.parametrize("size", [199_999, 200_000, 200_001, 2_000_000])
@pytest.mark.parametrize("end", [b"", b"\n", b'\n{"text": "next"}'])
def test_the_bound_of_a_line_is_exact(jsonl, size, end):
    line = b'{"text": "' + b"a" * (size - 12) + b'"}'
    rows, unread = jsonl(line + end, max_bytes=200_000)
    assert [one.rule for one in unread] == (["too_long"] if size > 200_000 else [])
    assert len(rows) == (size <= 200_000) + (len(end) > 1)


def test_blank_lines_bom_and_missing_last_line_end(jsonl):
    rows, unread = jsonl(b'\xef\xbb\xbf{"text": "a"}\r\n\n  \n{"text": "b"}')
    assert ([row["text"] for row in rows], unread) == (["a", "b"], [])


def test_missing_ids_are_unique_and_outlive_a_move(jsonl, tmp_path, read):
    rows, _ = jsonl(b'{"text": "same"}\n{"text": "same"}\n{"text": "x", "id": ""}\n')
    ids = [row["id"] for row in rows]
    assert len(set(ids)) == 3
    assert {len(id) for id in ids} == {32}
    (tmp_path / "moved").mkdir()
    moved = (tmp_path / "x.jsonl").rename(tmp_path / "moved/x.jsonl")
    assert [row["id"] for row in read(Jsonl(path="x"), moved)[0]] == ids


LINES = b"".join(b'{"text": "number %d"}\n' % i for i in range(30_000))


def test_compressed_files_and_batches(tmp_path, read):
    import pyarrow as pa

    plain = tmp_path / "x.jsonl"
    plain.write_bytes(LINES)
    expected, _, batches = read(Jsonl(path="x"), plain)
    assert [row["text"] for row in expected] == [f"number {i}" for i in range(30_000)]
    assert max(batch.docs.num_rows for batch in batches) == 4096
    half = len(LINES) // 2
    packed = {
        "a.jsonl.gz": gzip.compress(LINES[:half]) + gzip.compress(LINES[half:]),
        "b.jsonl.zst": pa.Codec("zstd").compress(LINES, asbytes=True),
    }
    for name, data in packed.items():
        (tmp_path / name).write_bytes(data)
        assert [row["text"] for row in read(Jsonl(path="x"), tmp_path / name)[0]] == [r["text"] for r in expected]


def test_a_cut_gzip_file(jsonl):
    packed = gzip.compress(LINES)
    rows, [unread] = jsonl(packed[: len(packed) // 2], "x.jsonl.gz")
    assert 5_000 < len(rows) < 25_000
    assert rows[-1]["text"] == f"number {len(rows) - 1}"
    assert (unread.fate, unread.rule) == ("quarantined", "truncated")
    assert f"byte {len(packed) // 2}" in unread.error
    assert (b'{"text": "number %d"}' % len(rows)).startswith(unread.payload[:10])


def test_a_cut_zstd_file(jsonl):
    import pyarrow as pa

    packed = pa.Codec("zstd").compress(LINES, asbytes=True)
    _, [unread] = jsonl(packed[:-100], "x.jsonl.zst")
    assert unread.rule == "truncated"


def test_an_empty_file(jsonl):
    rows, [unread] = jsonl(b"")
    assert (rows, unread.rule, unread.error) == ([], "empty", "the file is empty")


def test_messages_as_text(jsonl):
    """Their contents are the text, and they stay in meta; a list that is no conversation is quarantined."""
    talk = [{"role": "user", "content": "a"}, {"role": "assistant", "content": [{"type": "text", "text": "b"}, "c"]}]
    lines = [{"id": 1, "talk": talk}, {"id": 2, "talk": [3]}, {"id": 3, "talk": []}, {"id": 4, "talk": "plain"}]
    lines.append({"id": 5, "talk": [{"role": "user", "content": {"x": 1}}]})
    rows, unread = jsonl("\n".join(map(json.dumps, lines)).encode(), text="talk")
    assert [(row["id"], row["text"]) for row in rows] == [("1", "a\n\nb\n\nc"), ("4", "plain")]
    assert json.loads(rows[0]["meta"]) == {"talk": talk} and rows[1]["meta"] is None
    assert rows[0]["meta"].startswith('{"talk":[{"role":'), "keys within messages stay in their order"
    assert [(one.rule, one.id) for one in unread] == [
        ("no_text", "x.jsonl:2"),
        ("no_text", "x.jsonl:3"),
        ("no_text", "x.jsonl:5"),
    ]
    assert "list of messages" in unread[0].error
