"""Documents to packed rows and back, against a reading of all rows."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from datacurate import PackedDataset
from datacurate.api import run_recipe, run_stage
from datacurate.audit import trace_rows
from datacurate.audit.dedup_find import Place
from datacurate.audit.run_folder import open_run
from datacurate.audit.trace import trace
from datacurate.cli import app
from datacurate.core.errors import InputError
from datacurate.core.recipe import loads
from datacurate.mixture.draw import hashes
from datacurate.mixture.mixture import Mixture
from datacurate.stages.count_tokens import CountTokens

ROOT = Path(__file__).parents[2]
SPLITS = ("train", "validation")


@pytest.fixture(scope="module", params=["concatenate", "best_fit"])
def run(tmp_path_factory, request) -> Path:
    """Two stages; the second draws again from what the first has drawn."""
    folder = tmp_path_factory.mktemp("rows")
    for name, count in (("web", 120), ("books", 30)):
        texts = [f"[{name} {i}] " + "The king went out. " * (1 + i % 40) for i in range(count)]
        lines = [json.dumps({"id": f"{name}-{i}", "text": text}) for i, text in enumerate(texts)]
        lines += [json.dumps({"id": "shared", "text": f"An id of {name}. " * 30})]
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
    (folder / "inline.yaml").write_text("executor: inline\n")
    recipe = f"""
name: rows
sources: {{web: {folder}/web.jsonl, books: {folder}/books.jsonl}}
stages: [exact]
mixture:
  tokenizer: {ROOT}/sample/tokenizer.json
  sequence_length: 64
  packing: {request.param}
  validation: 0.1
  stages:
    - {{name: core, tokens: 14000}}
    - {{name: anneal, tokens: 9000, weights: {{books: 1, web: 1}}}}
"""
    run_recipe(loads(recipe), folder / "run", folder / "store", folder / "inline.yaml", quiet=True)
    return folder / "run"


def every_piece(run: Path) -> dict[tuple[int, str], list[tuple]]:
    """By document hash, split and source: row, place, tokens, beginning, of all rows read one by one."""
    shards, found = open_run(run).last("mixture").shards, {}
    for number, split in enumerate(SPLITS):
        row = 0
        for path in shards.values():
            for one in pq.read_table(path).to_pylist():
                if one["split"] != number:
                    continue
                ends = [*one["starts"][1:], one["length"]]
                named = zip(one["starts"], ends, one["documents"], one["sources"], one["begins"], strict=True)
                for start, end, document, source, begin in named:
                    key = (document, split, ("books", "web")[source])
                    found.setdefault(key, []).append((row, start, end - start, begin))
                row += 1
    return found


def ids(run: Path) -> list[str]:
    return [f"web-{i}" for i in range(120)] + [f"books-{i}" for i in range(30)] + ["shared"]


def test_pieces_are_those_that_a_reading_of_all_rows_finds(run):
    expected, times = every_piece(run), []
    for id in ids(run):
        copies = trace(run, id).copies
        assert len(copies) == 1 + (id == "shared")
        for copy in copies:
            event = copy.events[-1]
            found = [(p.row, p.offset, p.tokens, p.begins) for p in event.rows]
            key = (int(hashes([id], "order 0")[0]), event.split, copy.source)
            assert found == expected.pop(key, []), id
            assert sum(piece.tokens for piece in event.rows) == event.tokens_written
            assert sum(event.drawn_by.values()) == event.times
            times.append(event.times)
    assert expected == {} and max(times) > 1


def test_only_files_that_the_hash_names_are_read(run, monkeypatch):
    read, real = [], trace_rows._table

    def counting(path, *where):
        read.append(Path(path).name)
        return real(path, *where)

    monkeypatch.setattr(trace_rows, "_table", counting)
    for id in ids(run)[:120:4]:
        read.clear()
        (copy,) = trace(run, id).copies
        most = copy.events[-1].times + len(copy.events[-1].drawn_by)
        assert len(read) <= most < len(open_run(run).last("mixture").shards) and bool(read) == bool(most)


def test_rows_name_their_documents(run):
    for split in SPLITS:
        count = len(PackedDataset(run, split=split))
        for number in range(0, count, 7):
            row = trace_rows.trace_row(run, f"{split}:{number}")
            assert row.tokens + row.padding == 64 and row.pieces
            for piece in row.pieces:
                (copy,) = (copy for copy in trace(run, piece.id).copies if copy.source == piece.source)
                assert copy.shard == piece.shard
                here = [p for p in copy.events[-1].rows if (p.row, p.offset) == (number, piece.offset)]
                assert [(p.tokens, p.begins) for p in here] == [(piece.tokens, piece.begins)]
                assert here[0].file == row.file and here[0].file_row == row.file_row and here[0].stage == row.stage


def test_documents_of_one_id_are_told_apart(tmp_path):
    """By the tokens that they say they have, in stages that draw some of them more often than others."""
    texts = [f"[{i}] " + " ".join(f"w{i}x{k}" for k in range(1 + 7 * i % 53)) for i in range(40)]
    rows = [json.dumps({"id": f"{i // 2}", "text": text}) for i, text in enumerate(texts)]
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    (tmp_path / "inline.yaml").write_text("executor: inline\n")
    stages = [{"name": f"{n}", "tokens": n} for n in (300, 500, 3000, 5100, 700, 4000)]
    options = {"sequence_length": 64, "packing": "best_fit", "validation": 0, "max_epochs": 9, "stages": stages}
    stage = Mixture(tokenizer=f"{ROOT}/sample/tokenizer.json", **options)
    run_stage(stage, [tmp_path / "a.jsonl"], tmp_path / "run", profile=tmp_path / "inline.yaml")
    flat, ends = stage.encoder().encode(texts)
    documents = [flat[a:b].tolist() for a, b in pairwise(ends)]
    copies = [copy for id in map(str, range(20)) for copy in trace(tmp_path / "run", id).copies]
    assert len(copies) == 40
    for copy in copies:
        assert sum(piece.tokens for piece in copy.events[-1].rows) == copy.events[-1].tokens_written
    found = [(p.row, p.offset) for copy in copies for p in copy.events[-1].rows]
    data = {int(one["rows"]): one["input_ids"].tolist() for one in PackedDataset(tmp_path / "run")}
    said = []
    for number, ids in data.items():
        row = trace_rows.trace_row(tmp_path / "run", str(number))
        for piece in row.pieces:
            mine, here = documents[piece.shard_row], ids[piece.offset : piece.offset + piece.tokens]
            assert here[:-1] == mine[piece.begins : piece.begins + piece.tokens - 1], "the budget may cut its end"
            said.append((number, piece.offset))
    assert sorted(found) == sorted(said), "each piece is of one document"


@pytest.fixture
def plain(tmp_path) -> Path:
    """A mixture that follows its sources directly, one of them a dataset; the ids are in the files alone."""
    counted, inline = tmp_path / "counted", tmp_path / "inline.yaml"
    inline.write_text("executor: inline\n")
    for name, count in (("web", 70), ("books", 30)):
        texts = [f"[{name} {i}] " + "The king went out. " * (1 + i % 9) for i in range(count)]
        rows = pa.table({"id": [f"{name}-{i}" for i in range(count)], "text": texts})
        pq.write_table(rows, tmp_path / f"{name}.parquet", row_group_size=20)
    tokenizer = f"{ROOT}/sample/tokenizer.json"
    run_stage(CountTokens(tokenizer=tokenizer), [tmp_path / "books.parquet"], counted, profile=inline)
    recipe = f"""
name: plain
sources: {{web: {tmp_path}/web.parquet, books: {{dataset: {counted}}}}}
mixture: {{tokenizer: {tokenizer}, sequence_length: 64, packing: best_fit, tokens: 3000, validation: 0.1}}
"""
    run_recipe(loads(recipe), tmp_path / "run", tmp_path / "store", inline, quiet=True)
    return tmp_path / "run"


def test_rows_name_documents_that_only_the_sources_hold(plain, monkeypatch):
    read, real = [], Place.ids
    monkeypatch.setattr(Place, "ids", lambda place, rows: read.append(place.shard) or real(place, rows))
    seen = set()
    for number in range(len(PackedDataset(plain))):
        read.clear()
        row = trace_rows.trace_row(plain, str(number))
        assert len(read) == len(set(read)) == len({p.shard for p in row.pieces}), "each shard is read once"
        for piece in row.pieces:
            (copy,) = trace(plain, piece.id).copies
            assert (copy.source, copy.shard, piece.id) == (
                piece.source,
                piece.shard,
                f"{piece.source}-{piece.shard_row}",
            )
            here = [p.tokens for p in copy.events[-1].rows if (p.row, p.offset) == (number, piece.offset)]
            assert here == [piece.tokens]
            seen.add(piece.id)
    assert any("web" in id for id in seen) and any("books" in id for id in seen)


def test_rows_say_why_they_do_not_name_documents(plain):
    (plain.parent / "web.parquet").unlink()
    rows = [trace_rows.trace_row(plain, str(number)) for number in range(len(PackedDataset(plain)))]
    row = next(row for row in rows if {p.source for p in row.pieces} == {"web", "books"})
    assert {(p.source, p.id is None) for p in row.pieces} == {("web", True), ("books", False)}
    (shard,) = {p.shard for p in row.pieces if p.source == "web"}
    text = row.as_text()
    assert f"of shard {shard} (web)" in text and f"\nids of shard {shard} are not known: " in text
    assert "web.parquet" in text and len(row.notes) == 1 and row.as_json()["notes"] == row.notes
    for path in (plain.parent / "counted").rglob("books-*.parquet"):
        path.unlink()
    row = trace_rows.trace_row(plain, str(row.row))
    assert all(piece.id is None for piece in row.pieces) and len(row.notes) == 2


def test_rows_of_a_run_whose_documents_are_gone(run, tmp_path):
    copied = shutil.copytree(run.parent, tmp_path / "all", symlinks=True)
    row = trace_rows.trace_row(copied / "run", "0")
    assert all(piece.id for piece in row.pieces) and row.notes == []
    for path in (copied / "store").glob("exact-*/*.parquet"):
        if not path.name.endswith(".ledger.parquet"):
            path.unlink()
    row = trace_rows.trace_row(copied / "run", "0")
    assert all(piece.id is None for piece in row.pieces) and "exact are not in the store" in row.as_text()


def test_ids_are_read_up_to_the_last_that_is_wanted(tmp_path, monkeypatch):
    pq.write_table(
        pa.table({"id": list("abcdefgh"), "text": list("abcdefgh")}), tmp_path / "x.parquet", row_group_size=2
    )
    read, real = [], pq.ParquetFile.read_row_group
    monkeypatch.setattr(pq.ParquetFile, "read_row_group", lambda f, i, **k: read.append(i) or real(f, i, **k))
    assert Place("x", tmp_path / "x.parquet").ids({1, 3, 2}) == {1: "b", 2: "c", 3: "d"} and read == [0, 1]
    assert Place("x", tmp_path / "x.parquet").ids(set()) == {} and read == [0, 1]


def test_the_loaders_rows_are_those_that_are_traced(run):
    shards = open_run(run).last("mixture").shards
    for item in list(PackedDataset(run))[::20]:
        row = trace_rows.trace_row(run, str(int(item["rows"])))
        table = pq.read_table(shards[row.file.removesuffix(".parquet")])
        assert table["input_ids"][row.file_row].as_py() == item["input_ids"].tolist()


def test_the_commands(run):
    ran = CliRunner().invoke(app, ["trace", str(run), "books-7"])
    assert ran.exit_code == 0 and " in core" in ran.output and "tokens from token 0 on" in ran.output
    ran = CliRunner().invoke(app, ["trace", str(run), "--row", "0", "--json"])
    assert json.loads(ran.output)["row"] == 0 and json.loads(ran.output)["pieces"][0]["id"]
    ran = CliRunner().invoke(app, ["trace", str(run), "--row", "validation:1"])
    assert ran.output.startswith("row 1 of validation in run rows: core, 0-")
    for words in ([], ["web-1", "--row", "1"]):
        ran = CliRunner().invoke(app, ["trace", str(run), *words])
        assert ran.exit_code == 2 and "Give the id of a document, or a packed row" in ran.output
    for row, told in (("x", "names no row"), ("test:1", "names no row"), ("999999", "has rows 0 to")):
        with pytest.raises(InputError, match=told):
            trace_rows.trace_row(run, row)


def test_many_pieces_are_not_all_shown():
    piece = trace_rows.Piece("train", "core", 1, "0-0.parquet", 1, 0, 64, 0)
    told = trace_rows.told([piece] * 15)
    assert len(told) == 13 and told[-1] == "and 3 more pieces; --json has all"


def test_one_token_is_no_tokens():
    piece = trace_rows.Piece("train", "core", 1, "0-0.parquet", 1, 3, 1, 0)
    assert piece.told().endswith("place 3: 1 token from token 0 on")
    row = trace_rows.TracedRow("r", "train", "core", 1, "0-0.parquet", 1, 1, 1, [], [])
    row.pieces.append(trace_rows.InRow("a", "web", "web-a-0", 0, 0, 1, 1_000))
    assert row.as_text().splitlines()[1:] == [
        "1 token, 1 place of padding",
        "  place 0: 1 token from token 1,000 on, of a (web)",
    ]


def test_empty_rows_have_no_pieces():
    table = pa.table({"starts": [[0]], "sources": [[0]], "documents": [[1]], "begins": [[0]], "length": [5]})
    assert {k: np.asarray(v).tolist() for k, v in trace_rows._pieces_of(table).items()}["size"] == [5]
