"""Files of the store: the same rows make the same bytes, nothing half-made is ever seen, claims exclude."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core_tools import until

from datacurate.core import store
from datacurate.core.claims import claim
from datacurate.core.errors import InputError
from datacurate.core.store import (
    Parts,
    PartWriter,
    bounded,
    cell_bytes,
    read_batches,
    read_footer,
    read_key,
    read_parts,
    write_part,
)

SCHEMA = pa.schema({"id": pa.string(), "text": pa.string(), "source": pa.string()})


def table(texts: list[str]) -> pa.Table:
    rows = {"id": [str(n) for n in range(len(texts))], "text": texts, "source": ["web"] * len(texts)}
    return pa.table(rows, schema=SCHEMA)


def write(path: Path, docs: pa.Table, cuts: list[int]) -> bytes:
    writer = PartWriter(path)
    for start, stop in zip([0, *cuts], [*cuts, docs.num_rows], strict=True):
        writer.write(docs.slice(start, stop - start))
    writer.commit({"rows": docs.num_rows})
    return path.read_bytes()


@pytest.mark.parametrize("cuts", [[1, 2, 3], [0, 0, 50, 50], [99], [33, 66]])
def test_batching_does_not_change_the_bytes(tmp_path, monkeypatch, cuts):
    monkeypatch.setattr(store, "GROUP_ROWS", 17)
    monkeypatch.setattr(store, "GROUP_BYTES", 300)
    docs = table(["x" * (n * 7 % 50) for n in range(100)])
    assert write(tmp_path / "a.parquet", docs, []) == write(tmp_path / "b.parquet", docs, cuts)


def test_a_row_group_is_cut_by_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "GROUP_ROWS", 10)
    write(tmp_path / "a.parquet", table(["x"] * 25), [7, 9, 23])
    metadata = pq.read_metadata(tmp_path / "a.parquet")
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [10, 10, 5]


def test_a_row_group_is_cut_by_bytes_of_text(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "GROUP_BYTES", 100)
    write(tmp_path / "a.parquet", table(["x" * 40] * 7), [1, 4])
    metadata = pq.read_metadata(tmp_path / "a.parquet")
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [3, 3, 1]


def test_rows_of_ten_megabytes_come_back_one_by_one(tmp_path):
    texts = [letter * (10 << 20) for letter in "abcde"]
    write(tmp_path / "a.parquet", table(texts), [2])
    batches = list(read_batches(tmp_path / "a.parquet"))
    assert [text for batch in batches for text in batch["text"].to_pylist()] == texts
    assert max(batch.nbytes for batch in batches) < 45 << 20, "a batch holds about 32 MB"
    assert all(column.num_chunks == 1 for batch in batches for column in batch.columns)


def test_an_empty_table_keeps_its_schema(tmp_path):
    empty = table([])
    write_part(tmp_path / "a.parquet", empty, footer={"receipt": 1})
    assert read_parts([tmp_path / "a.parquet"]).schema == empty.schema
    assert [batch.num_rows for batch in read_batches(tmp_path / "a.parquet")] == [0]
    assert read_footer(tmp_path / "a.parquet") == {"receipt": 1}


def test_a_part_without_any_batch_is_a_bug(tmp_path):
    with pytest.raises((AssertionError, AttributeError)):
        PartWriter(tmp_path / "a.parquet").commit()
    assert not (tmp_path / "a.parquet").exists()


def keyed(start: int, count: int) -> pa.Table:
    rows = np.arange(start, start + count)
    return pa.table({"band": pa.array(rows % 3, pa.int32()), "slice": pa.array(rows % 2, pa.int32()), "row": rows})


def test_rows_of_a_key_come_back_from_every_part_in_order(tmp_path):
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for path, start in zip(paths, (0, 100), strict=True):
        write_part(path, keyed(start, 30), by=("band", "slice"))
    found = read_key(paths, (2, 1))
    assert found["row"].to_pylist() == [row for row in [*range(30), *range(100, 130)] if row % 3 == 2 and row % 2 == 1]
    assert set(found["band"].to_pylist()) == {2} and set(found["slice"].to_pylist()) == {1}
    assert read_key(paths, (7, 0)).num_rows == 0, "a key that no row has"


def test_the_layout_by_key_does_not_depend_on_batches(tmp_path):
    for name, cuts in (("a", [10, 11]), ("b", [])):
        writer = PartWriter(tmp_path / f"{name}.parquet", ("band", "slice"))
        for start, stop in zip([0, *cuts], [*cuts, 30], strict=True):
            writer.write(keyed(0, 30).slice(start, stop - start))
        writer.commit({"x": 1})
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert read_footer(tmp_path / "a.parquet")["groups"] == {f"{n // 2},{n % 2}": [n] for n in range(6)}


def test_rows_that_are_many_are_written_key_by_key_more_than_once(tmp_path, monkeypatch):
    """So that a writer holds no more, however large the shard; where it cuts does not depend on batches."""
    monkeypatch.setattr(store, "HELD_BYTES", 200)
    for name, cuts in (("a", [10, 11]), ("b", []), ("c", range(1, 30))):
        writer = PartWriter(tmp_path / f"{name}.parquet", ("band", "slice"))
        for start, stop in zip([0, *cuts], [*cuts, 30], strict=True):
            writer.write(keyed(0, 30).slice(start, stop - start))
            assert sum(piece.num_rows for held in writer._keyed.values() for piece in held) * 16 <= 200 + 16
        writer.commit()
    assert len({(tmp_path / f"{name}.parquet").read_bytes() for name in "abc"}) == 1
    groups = read_footer(tmp_path / "a.parquet")["groups"]
    assert max(map(len, groups.values())) == 3
    assert sorted(group for own in groups.values() for group in own) == list(range(sum(map(len, groups.values()))))
    found = read_key([tmp_path / "a.parquet"], (2, 1))
    assert found["row"].to_pylist() == [row for row in range(30) if row % 3 == 2 and row % 2 == 1]


def test_a_key_is_read_from_an_empty_part(tmp_path):
    write_part(tmp_path / "a.parquet", keyed(0, 0), by=("band", "slice"))
    found = read_key([tmp_path / "a.parquet"], (0, 0))
    assert found.num_rows == 0 and found.schema.names == ["band", "slice", "row"]


def test_nothing_is_visible_before_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "GROUP_ROWS", 2)
    writer = PartWriter(tmp_path / "a.parquet")
    writer.write(table(["x"] * 9))
    assert [path.name for path in tmp_path.iterdir()] == [".a.parquet.tmp"]
    writer.commit()
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_what_is_abandoned_is_gone(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "GROUP_ROWS", 2)
    writer = PartWriter(tmp_path / "a.parquet")
    writer.write(table(["x"] * 9))
    assert list(tmp_path.iterdir())
    writer.abandon()
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_nothing_and_keeps_the_old_part(tmp_path):
    write_part(tmp_path / "a.parquet", table(["old"]))
    (tmp_path / ".a.parquet.tmp").symlink_to("/dev/full")
    with pytest.raises(InputError, match=r"the disk is full\. Free some space"):
        write_part(tmp_path / "a.parquet", table(["new" * 1000]))
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]
    assert read_parts([tmp_path / "a.parquet"])["text"].to_pylist() == ["old"]


def test_json_is_written_whole_or_not_at_all(tmp_path):
    (tmp_path / "a.json").write_text("old")
    (tmp_path / ".a.json.tmp").symlink_to("/dev/full")
    with pytest.raises(InputError, match="the disk is full"):
        store.write_json(tmp_path / "a.json", {"new": 1})
    assert (tmp_path / "a.json").read_text() == "old"
    assert not (tmp_path / ".a.json.tmp").is_symlink(), "the half-written file is removed"
    with pytest.raises(TypeError):
        store.write_json(tmp_path / "b.json", {"no json": object()})
    assert not (tmp_path / "b.json").exists()


def test_bounded_pieces_hold_every_row_once(monkeypatch):
    monkeypatch.setattr(store, "BATCH_ROWS", 10)
    monkeypatch.setattr(store, "BATCH_BYTES", 100)
    docs = table(["x"] * 35 + ["x" * (n % 7 * 11) for n in range(60)] + ["y" * 1000])
    pieces = list(bounded(docs))
    assert pa.concat_tables(pieces).equals(docs)
    assert max(piece.num_rows for piece in pieces) == 10
    sizes = [sum(map(len, piece["text"].to_pylist())) for piece in pieces]
    assert max(sizes[:-1]) < 100 + 66, "a piece ends with the row that passes the bound"
    assert [piece.num_rows for piece in bounded(docs.slice(0, 0))] == [0]


def _hold(path: str, journal: str, seconds: float) -> None:
    with claim(path):
        with open(journal, "a") as file:
            file.write(f"in {os.getpid()}\n")
        time.sleep(seconds)
        with open(journal, "a") as file:
            file.write(f"out {os.getpid()}\n")


def _start(path: Path, journal: Path, seconds: float):
    process = multiprocessing.get_context("fork").Process(target=_hold, args=(str(path), str(journal), seconds))
    process.start()
    return process


def test_a_claim_has_one_holder_at_a_time(tmp_path):
    journal = tmp_path / "journal"
    holders = [_start(tmp_path / "claims" / "task.lock", journal, 0.05) for _ in range(6)]
    for holder in holders:
        holder.join(30)
        assert holder.exitcode == 0
    lines = [line.split() for line in journal.read_text().splitlines()]
    assert [kind for kind, _ in lines] == ["in", "out"] * 6
    assert all(came[1] == went[1] for came, went in zip(lines[::2], lines[1::2], strict=True))
    assert not list((tmp_path / "claims").iterdir()), "claims are cleared away"


def test_the_claim_of_a_killed_holder_is_free(tmp_path):
    journal = tmp_path / "journal"
    holder = _start(tmp_path / "task.lock", journal, 60)
    until(journal.exists)
    assert holder.pid is not None
    os.kill(holder.pid, signal.SIGKILL)
    holder.join(10)
    began = time.monotonic()
    with claim(tmp_path / "task.lock"):
        assert time.monotonic() - began < 5


def test_rows_of_any_kind_have_a_size():
    """Whatever a stage hands over can be written: row groups are cut by these."""
    table = pa.table(
        {
            "packed": pa.array([[1, 2], [3, 4], None], pa.list_(pa.int32(), 2)),
            "list": pa.array([[1.0], [], None]),
            "struct": pa.array([{"a": 1, "b": "xy"}, {"a": 2, "b": None}, None]),
            "text": ["abc", None, ""],
            "large": pa.array([b"12345", b"", None], pa.large_binary()),
            "flag": [True, False, None],
            "nothing": pa.nulls(3),
            "day": pa.array([0, 1, None], pa.date32()),
            "named": pa.array(["a", "b", None]).dictionary_encode(),
        }
    )
    rest = 1 + 1 + 4 + 4  # flag, nothing, day, named
    assert cell_bytes(table).tolist() == [16 + 8 + 10 + 3 + 5 + rest, 16 + 0 + 8 + rest, 0 + 0 + 8 + rest]


def test_a_key_is_read_from_parts_of_several_schemas(tmp_path):
    for width in (2, 3):
        wide = pa.table({"band": [width] * 2, "row": pa.array([[0] * width] * 2, pa.list_(pa.int64(), width))})
        write_part(tmp_path / f"{width}.parquet", wide, by=("band",))
    paths = [tmp_path / f"{width}.parquet" for width in (2, 3)]
    assert read_key(paths, (3,)).schema.field("row").type == pa.list_(pa.int64(), 3)
    assert read_key(paths, (2,), ["row"]).schema.names == ["row"]
    assert read_key(paths, (9,), ["row"]).num_rows == 0
    assert next(iter(Parts(paths[:1], columns=["band"]).only([(2,)]))).schema.names == ["band"]


def test_tables_that_come_in_no_order_of_keys_are_written_like_one(tmp_path, monkeypatch):
    tables = [keyed(start, 30) for start in (0, 30, 60)]
    write_part(tmp_path / "one.parquet", pa.concat_tables(tables), by=("band", "slice"))
    write_part(tmp_path / "some.parquet", iter(tables), by=("band", "slice"), ascending=False)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "some.parquet").read_bytes()
