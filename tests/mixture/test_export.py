"""Exports, read back by hand: all tokens, in order, as in the mixture's receipt."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import struct
from itertools import pairwise
from pathlib import Path

import export_runs
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from export_runs import LENGTH, SPLITS
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from datacurate import PackedDataset
from datacurate.api import load_recipe, run_recipe, run_stage
from datacurate.audit.run_folder import open_run
from datacurate.cli import app
from datacurate.core.errors import InputError, LedgerError
from datacurate.core.store import read_parts
from datacurate.mixture import marks, pack
from datacurate.mixture.export import files, samples
from datacurate.mixture.export.datatrove_ds import people
from datacurate.mixture.export.run import export
from datacurate.mixture.mixture import Mixture
from datacurate.stages.tokenize import Tokenize

FORMATS = ["megatron", "datatrove", "mds", "litdata", "numpy", "huggingface", "packed"]


@pytest.fixture(scope="module", params=["concatenate", "best_fit"])
def mix(tmp_path_factory, tokenizer, request):
    return export_runs.run(tmp_path_factory.mktemp("export"), tokenizer, request.param)


def flat(lists) -> list[int]:
    return [token for one in lists for token in one]


@pytest.mark.parametrize("name", FORMATS)
def test_the_receipt_is_the_mixtures(mix, tmp_path, name):
    receipt = export(mix, name, tmp_path / "out")
    stage = open_run(mix).last("mixture")
    for row in read_parts(stage.phase("receipt").values()).to_pylist():
        told = receipt["splits"][SPLITS[row["split"]]]["sources"][row["source"]]
        assert told["tokens"] == row["written_tokens"]
    assert receipt["splits"]["train"]["tokens"] == 20_000
    assert json.loads((tmp_path / "out" / "export.json").read_text()) == receipt
    found = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert found == {file["name"] for file in receipt["files"]} | {"export.json"}
    for file in receipt["files"]:
        data = (tmp_path / "out" / file["name"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file["bytes"], file["sha256"])
    documents = sum(told["documents"] for told in receipt["splits"].values())
    assert documents == sum(one.count(0) for s in SPLITS for one in export_runs.documents(mix, s))
    export(mix, name, tmp_path / "again")
    assert json.loads((tmp_path / "again" / "export.json").read_text()) == receipt, "the same bytes each time"


@pytest.mark.parametrize("unit", ["documents", "rows"])
def test_megatron(mix, tmp_path, unit):
    export(mix, "megatron", tmp_path / "out", unit=unit)
    for split in SPLITS:
        index = (tmp_path / "out" / f"{split}.idx").read_bytes()
        assert index[:9] == b"MMIDIDX\x00\x00"
        version, code, count, bounds = struct.unpack("<QBQQ", index[9:34])
        assert (version, code, bounds) == (1, 8, count + 1)
        lengths = np.frombuffer(index, "<i4", count, 34)
        places = np.frombuffer(index, "<i8", count, 34 + 4 * count)
        assert np.frombuffer(index, "<i8", count + 1, 34 + 12 * count).tolist() == list(range(count + 1))
        tokens = np.fromfile(tmp_path / "out" / f"{split}.bin", "<u2")
        made = [tokens[p // 2 : p // 2 + n].tolist() for p, n in zip(places, lengths, strict=True)]
        rows = [row["input_ids"] for row in export_runs.rows(mix, split)]
        assert made == (rows if unit == "rows" else export_runs.documents(mix, split))


def test_an_index_of_many_sequences_is_put_together_in_blocks(mix, tmp_path, monkeypatch):
    export(mix, "megatron", tmp_path / "whole")
    for module in ("files", "megatron"):
        monkeypatch.setattr(f"datacurate.mixture.export.{module}.BLOCK", 7)
    export(mix, "megatron", tmp_path / "blocks")
    for split in SPLITS:
        one, other = ((tmp_path / way / f"{split}.idx").read_bytes() for way in ("whole", "blocks"))
        assert one == other


def test_numpy_as_nanogpt_reads_it(mix, tmp_path):
    export(mix, "numpy", tmp_path / "out")
    for split, name in zip(SPLITS, ("train.bin", "val.bin"), strict=True):
        made = np.memmap(tmp_path / "out" / name, dtype=np.uint16, mode="r")
        assert made.tolist() == flat(export_runs.documents(mix, split))
        in_rows = flat(row["input_ids"][: row["length"]] for row in export_runs.rows(mix, split))
        assert sorted(made.tolist()) == sorted(in_rows)
    meta = pickle.loads((tmp_path / "out" / "meta.pkl").read_bytes())
    assert meta["vocab_size"] == 400 and meta == json.loads((tmp_path / "out" / "meta.json").read_text())


def test_datatrove_has_every_token_and_the_ends_of_documents(mix, tmp_path):
    receipt = export(mix, "datatrove", tmp_path / "out")
    for split in SPLITS:
        documents = export_runs.documents(mix, split)
        base = tmp_path / "out" / split / "00000.ds"
        assert np.fromfile(base, "<u2").tolist() == flat(documents)
        ends = np.fromfile(f"{base}.index", "<u8")
        assert ends.tolist() == np.cumsum([len(d) for d in documents]).tolist()
        note = (base.parent / "00000.ds.metadata").read_text().splitlines()
        assert note == ["mix|2", str(len(flat(documents))), people(receipt["splits"][split]["tokens"])]


def test_huggingface_documents_have_sources_and_rows_have_starts(mix, tmp_path):
    export(mix, "huggingface", tmp_path / "rows")
    export(mix, "huggingface", tmp_path / "documents", unit="documents")
    for split in SPLITS:
        rows = export_runs.rows(mix, split)
        made = pq.read_table(tmp_path / "rows" / "data" / f"{split}-00000.parquet").to_pylist()
        names = ["books", "web"]
        for ours, row in zip(made, rows, strict=True):
            assert ours["sources"] == [names[i] for i in row["sources"]]
            assert [ours[k] for k in ("input_ids", "starts", "length")] == [
                row[k] for k in ("input_ids", "starts", "length")
            ]
        table = pq.read_table(tmp_path / "documents" / "data" / f"{split}-00000.parquet")
        assert table["input_ids"].to_pylist() == export_runs.documents(mix, split)
        assert set(table["source"].to_pylist()) == set(names)
    assert "| train | web |" in (tmp_path / "rows" / "README.md").read_text()


def test_packed_rows_train_as_those_of_the_run(mix, tmp_path):
    export(mix, "packed", tmp_path / "out")
    for split in SPLITS:
        made = [item["input_ids"].tolist() for item in PackedDataset(tmp_path / "out", split=split, seed=None)]
        assert made == [row["input_ids"] for row in export_runs.rows(mix, split)]


@pytest.mark.parametrize("name", ["mds", "litdata", "huggingface", "packed"])
def test_many_files_hold_what_one_does(mix, tmp_path, name, monkeypatch):
    one = export(mix, name, tmp_path / "one")
    for module, constant in (("mds", "SHARD_BYTES"), ("litdata_chunks", "SHARD_BYTES"), ("tables", "FILE_BYTES")):
        monkeypatch.setattr(f"datacurate.mixture.export.{module}.{constant}", 3000)
    many = export(mix, name, tmp_path / "many")
    assert len(many["files"]) >= len(one["files"]) + (3 if name in ("huggingface", "packed") else 10)
    assert many["splits"] == one["splits"]


def test_documents_do_not_depend_on_batches(mix, monkeypatch):
    """One that several batches hold is joined; the oracle sees each part at once."""
    whole = samples.read_batches

    def in_pieces(path):
        for batch in whole(path):
            yield from (batch.slice(i, 3) for i in range(0, batch.num_rows, 3))

    monkeypatch.setattr(samples, "read_batches", in_pieces)
    (origin,) = samples.open_origins(mix)
    for split in SPLITS:
        made = [
            one.tokens[a:b].tolist()
            for one in origin.samples(split, "documents", [0, 1])
            for a, b in pairwise(one.offsets)
        ]
        assert made == export_runs.documents(mix, split)


def test_documents_that_lack_their_end_are_counted(mix, tmp_path):
    """Their rest lies in another part: with concatenation at most one of each part and split."""
    receipt = export(mix, "megatron", tmp_path / "out")
    for split in SPLITS:
        documents = export_runs.documents(mix, split)
        told = receipt["splits"][split]
        assert told["cut"] == sum(ids[-1] != 0 for ids in documents)
        assert told["samples"] == len(documents) and told["documents"] == len(documents) - told["cut"]
        assert max(map(len, documents)) > 2 * LENGTH
        parts = len({row["part"] for row in export_runs.rows(mix, split)})
        assert told["cut"] <= parts or "packing" in open_run(mix).last("mixture").manifest["fields"]


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=4), max_size=12), st.randoms())
def test_pieces_of_a_document_find_each_other(sizes, rng):
    """Whatever the order of the pieces, also of a document that was drawn twice: none is lost, none left apart."""
    pieces, expected = [], []
    for number, cuts in enumerate(sizes):
        document, begin = number // 2, 0
        cuts = sizes[number - 1] if number % 2 else cuts
        for size in cuts:
            pieces.append((document, begin, [document * 1000 + begin + i for i in range(size)]))
            begin += size
        expected.append([document * 1000 + i for i in range(begin)])
    rng.shuffle(pieces)
    offsets = np.cumsum([0] + [len(tokens) for *_, tokens in pieces])
    document, begins = (np.array([piece[i] for piece in pieces], np.int64) for i in (0, 1))
    tokens = np.array(flat(piece[2] for piece in pieces), np.int32)
    given_pieces = pack.Stretches(tokens, offsets, document.astype(np.int32), document.astype(np.uint64), begins)
    made = samples._documents(iter([samples._together(given_pieces)]), list(range(20)))
    found = [one.tokens[a:b].tolist() for one in made for a, b in pairwise(one.offsets)]
    assert sorted(found) == sorted(expected)


def test_pieces_of_two_sources_are_of_two_documents():
    """Also when they follow each other, and the one's place is where the other stops: ids may be alike."""
    ones = pack.Stretches(*(np.array(v) for v in ([1, 2, 3, 4, 0], [0, 3, 5], [0, 1], [7, 7], [0, 3])))
    made = [one for one in samples._documents(iter([ones]), [0, 1]) if len(one)]
    assert [one.tokens[a:b].tolist() for one in made for a, b in pairwise(one.offsets)] == [[1, 2, 3], [4, 0]]
    assert [one.sources.tolist() for one in made] == [[0], [1]]


@pytest.mark.parametrize("packing", ["concatenate", "best_fit", "document"])
@pytest.mark.parametrize("tokens", [5_300, 30_000])
def test_different_documents_of_one_id_stay_apart(tmp_path, tokenizer, packing, tokens):
    """Whether they are drawn in part or several times."""
    texts = [f"[{i}] " + " ".join(f"w{i}x{k}" for k in range(1 + 7 * i % 53)) for i in range(60)]
    for name, mine in (("a", texts[:40]), ("b", texts[40:])):
        rows = [json.dumps({"id": "same" if i % 4 else f"{i}", "text": text}) for i, text in enumerate(mine)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(rows))
    (tmp_path / "inline.yaml").write_text("executor: inline\n")
    stage = Mixture(tokens=tokens, tokenizer=tokenizer, sequence_length=64, validation=0, packing=packing, max_epochs=9)
    inputs = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    run_stage(stage, inputs, tmp_path / "mix", profile=tmp_path / "inline.yaml")
    receipt = export(tmp_path / "mix", "huggingface", tmp_path / "out", unit="documents")
    whole = {tuple(ids) for ids in np.split(*_and_cuts(stage.encoder().encode(texts)))}
    made = pq.read_table(tmp_path / "out" / "data" / "train-00000.parquet")["input_ids"].to_pylist()
    parts = [ids for ids in made if tuple(ids) not in whole]
    assert receipt["splits"]["train"]["tokens"] == tokens == sum(map(len, made))
    assert all(any(_within(ids[:-1], one) for one in whole) for ids in parts), "but for the end, of one document"
    if packing == "document":
        assert len(parts) <= 2, "those that the budget cuts short"


def _and_cuts(encoded):
    return encoded[0], encoded[1][1:-1]


def _within(ids, document) -> bool:
    return any(tuple(ids) == document[i : i + len(ids)] for i in range(len(document) - len(ids)))


@settings(deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(1, 200), st.randoms())
def test_a_copy_that_the_budget_cut_short_leaves_the_others_whole(cuts, stop, rng):
    """Pieces of two whole copies of a document, and of one that ends early."""
    begins = np.cumsum([0, *cuts[:-1]]).tolist()
    whole = [(begin, list(range(begin, begin + size))) for begin, size in zip(begins, cuts, strict=True)]
    short = [(begin, tokens[: stop - begin]) for begin, tokens in whole if begin < stop]
    pieces = [*whole, *whole, *short]
    rng.shuffle(pieces)
    offsets = np.cumsum([0] + [len(tokens) for _, tokens in pieces])
    names = (np.zeros(len(pieces), np.int32), np.zeros(len(pieces), np.uint64), np.array([b for b, _ in pieces]))
    given_pieces = pack.Stretches(np.array(flat(tokens for _, tokens in pieces), np.int32), offsets, *names)
    made = samples._documents(iter([samples._together(given_pieces)]), [0])
    lengths = sorted(len(one.tokens[a:b]) for one in made for a, b in pairwise(one.offsets))
    assert lengths == sorted([sum(cuts), sum(cuts), min(stop, sum(cuts))])


def test_one_source_alone(mix, tmp_path):
    receipt = export(mix, "numpy", tmp_path / "out", "train", ["books"])
    assert list(receipt["splits"]) == ["train"] and list(receipt["splits"]["train"]["sources"]) == ["books"]
    whole = export(mix, "huggingface", tmp_path / "all", "train", unit="documents")
    table = pq.read_table(tmp_path / "all" / "data" / "train-00000.parquet").to_pylist()
    books = flat(row["input_ids"] for row in table if row["source"] == "books")
    assert np.fromfile(tmp_path / "out" / "train.bin", "<u2").tolist() == books
    assert len(books) == whole["splits"]["train"]["sources"]["books"]["tokens"]


def test_a_dataset_of_token_ids(mix, tmp_path, tokenizer):
    stage = Tokenize(tokenizer=tokenizer)
    run_stage(stage, [mix.parent / "books.jsonl", mix.parent / "web.jsonl"], tmp_path / "tokens")
    receipt = export(tmp_path / "tokens", "megatron", tmp_path / "out")
    expected = [
        ids
        for p in sorted((tmp_path / "tokens").glob("*.parquet"))
        for ids in pq.read_table(p)["token_ids"].to_pylist()
    ]
    tokens = np.fromfile(tmp_path / "out" / "train.bin", "<u2").tolist()
    assert sorted(tokens) == sorted(flat(expected)) and receipt["splits"]["train"]["samples"] == 360
    with pytest.raises(InputError, match="documents alone"):
        export(tmp_path / "tokens", "packed", tmp_path / "no")
    with pytest.raises(InputError, match="no split 'validation'"):
        export(tmp_path / "tokens", "numpy", tmp_path / "no", "validation")


def test_a_dataset_of_token_ids_knows_its_tokenizer(tmp_path, tokenizer):
    """Also behind later stages, and when its documents use few of the ids."""
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"id": str(i), "text": "a"}) + "\n" for i in range(50)))
    (tmp_path / "recipe.yaml").write_text(
        f"name: ids\nsources: {{a: {tmp_path}/a.jsonl}}\n"
        f"stages: [{{tokenize: {{tokenizer: {tokenizer}, end_of_text: <|user|>}}}}, "
        "{where: {keep: [tokens < 9]}}]\n"
    )
    made = run_recipe(load_recipe(tmp_path / "recipe.yaml"), tmp_path / "run", tmp_path / "store")
    receipt = export(made.dataset("where").folder, "numpy", tmp_path / "out")
    meta = json.loads((tmp_path / "out" / "meta.json").read_text())
    assert (meta["vocab_size"], meta["end_of_text"]) == (400, 1) == (receipt["vocabulary"], receipt["end_of_text"])
    assert receipt["splits"]["train"]["documents"] == 50 and receipt["splits"]["train"]["cut"] == 0


@pytest.mark.parametrize("name", ["megatron", "datatrove", "numpy"])
def test_the_types_of_a_dataset_of_token_ids_go_by_its_vocabulary(tmp_path, name):
    """A trainer that continues with other documents maps the files with one type."""
    ids = pa.array([[5, 6, 7]], pa.list_(pa.int32()))
    table = marks.marked(pa.table({"source": ["a"], "token_ids": ids}), marks.Marks(100_000, 7))
    pq.write_table(table, tmp_path / "0.parquet")
    shard = {"name": "0", "path": "0.parquet", "rows": 1, "bytes": 1}
    (tmp_path / "manifest.json").write_text(json.dumps({"key": "k", "shards": [shard]}))
    receipt = export(tmp_path, name, tmp_path / "out")
    path = tmp_path / "out" / ("train/00000.ds" if name == "datatrove" else "train.bin")
    assert np.fromfile(path, "<u4").tolist() == [5, 6, 7] and receipt["vocabulary"] == 100_000


def test_token_ids_of_others_say_how_many_there_are(tmp_path):
    pq.write_table(pa.table({"source": ["a"], "token_ids": [[5, 6, 7]]}), tmp_path / "0.parquet")
    shard = {"name": "0", "path": "0.parquet", "rows": 1, "bytes": 1}
    (tmp_path / "manifest.json").write_text(json.dumps({"key": "k", "shards": [shard]}))
    receipt = export(tmp_path, "numpy", tmp_path / "out")
    assert (receipt["vocabulary"], receipt["end_of_text"]) == (8, None)


@pytest.mark.parametrize("to", [".", "link", "hanging", "there/"])
def test_an_empty_folder_is_filled_however_it_is_named(mix, tmp_path, monkeypatch, to):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    (tmp_path / "hanging").symlink_to("new")
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd" if to == "." else tmp_path)
    before = os.stat(to).st_ino if to != "hanging" else None
    receipt = export(mix, "numpy", to)
    assert before in (None, os.stat(to).st_ino), "a shell in it stays in it"
    assert {p.name for p in Path(to).iterdir()} == {file["name"] for file in receipt["files"]} | {"export.json"}
    assert (tmp_path / "link").is_symlink() and (tmp_path / "hanging").is_symlink()


@pytest.mark.parametrize("to", ["file", "file/x", "file/x/y", "round", "round/x", "/"])
def test_a_folder_that_cannot_be_made_is_told(mix, tmp_path, to):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(InputError, match=r"[Nn]ame another folder"):
        export(mix, "numpy", tmp_path / to)
    assert {p.name for p in tmp_path.iterdir()} == {"file", "round"}
    assert (tmp_path / "file").read_text() == "mine"


def test_what_cannot_be_is_told_and_leaves_nothing(mix, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    for told, how in {
        "not empty": {"to": tmp_path / "full"},
        "no source is called 'wab'.*Did you mean 'web'": {"sources": ["wab"], "format": "numpy"},
        "rows hold documents of several sources. Give --unit documents": {"sources": ["web"]},
        "no format is called": {"format": "tfrecord"},
        "no mixture here.*is a stage of the run": {"run": mix / "01-mixture"},
    }.items():
        given = {"run": mix, "format": "mds", "to": tmp_path / "out", **how}
        with pytest.raises(InputError, match=told):
            export(**given)
    with pytest.raises(InputError, match=r"cannot hold documents.*rows"):
        export(mix, "packed", tmp_path / "out", unit="documents")
    assert [p.name for p in tmp_path.iterdir()] == ["full"]


def test_a_split_without_tokens_is_left_out(tmp_path, tokenizer):
    (tmp_path / "a.jsonl").write_text(
        "".join(json.dumps({"id": str(i), "text": "The king. " * 9}) + "\n" for i in range(50))
    )
    stage = Mixture(tokens=500, tokenizer=tokenizer, sequence_length=16, validation=0)
    run_stage(stage, [tmp_path / "a.jsonl"], tmp_path / "mix")
    for name in FORMATS:
        receipt = export(tmp_path / "mix", name, tmp_path / name)
        assert list(receipt["splits"]) == ["train"] and receipt["splits"]["train"]["tokens"] == 500
        assert not any("val" in file["name"] for file in receipt["files"])
    with pytest.raises(InputError, match=r"no tokens to write[.] Choose another --split"):
        export(tmp_path / "mix", "mds", tmp_path / "no", "validation")


def test_a_run_that_has_not_finished_is_told(mix, tmp_path):
    shutil.copytree(mix, tmp_path / "half", symlinks=True)
    shutil.rmtree(tmp_path / "half" / "01-mixture")
    with pytest.raises(InputError, match=r"has not finished[.] Run the same command again"):
        export(tmp_path / "half", "numpy", tmp_path / "out")
    (tmp_path / "half" / "plan.json").write_text("{}")
    with pytest.raises(InputError, match="cannot read the plan"):
        export(tmp_path / "half", "numpy", tmp_path / "out")


def test_an_export_that_fails_midway_leaves_nothing(mix, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.HashedFile, "write", full)
    with pytest.raises(InputError, match="No space left"):
        export(mix, "megatron", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_lost_tokens_are_a_ledger_error(mix, tmp_path, monkeypatch):
    whole = samples.Mixture.samples
    monkeypatch.setattr(samples.Mixture, "samples", lambda *given: list(whole(*given))[1:])
    with pytest.raises(LedgerError, match=r"export of train: tokens do not balance \(books: [\d,]+ in the receipt"):
        export(mix, "numpy", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_large_vocabulary_takes_wider_types(tmp_path):
    shared = {"split": "train", "unit": "documents", "name": "x", "sources": ["a"], "end_of_text": 7}
    tokens = np.array([65_500, 70_000, 7], np.int32)
    made = samples.Samples(tokens, np.array([0, 3]), np.array([0]), np.array([3]), np.array([0]))
    for name, vocabulary, dtype in (
        ("megatron", 65_499, "<u2"), ("megatron", 65_500, "<i4"), ("datatrove", 65_536, "<u2"),
        ("datatrove", 65_537, "<u4"), ("numpy", 65_536, "<u2"), ("numpy", 65_537, "<u4"),
    ):  # fmt: skip
        from datacurate.mixture.export.run import format_class

        folder = files.Files(tmp_path / f"{name}{vocabulary}")
        folder.folder.mkdir()
        writer = format_class(name)(folder, files.About(**shared, vocabulary=vocabulary, sequence_length=None))
        writer.add(made)
        writer.close()
        path = folder.folder / ("train/00000.ds" if name == "datatrove" else "train.bin")
        assert np.fromfile(path, dtype).tolist() == tokens.astype(dtype).tolist()


def test_the_command(mix, tmp_path):
    ran = CliRunner().invoke(app, ["export", str(mix), "--format", "numpy", "--to", str(tmp_path / "out")])
    assert ran.exit_code == 0, ran.output
    assert "train" in ran.output and "20,000" in ran.output and "val.bin" not in ran.output
    again = CliRunner().invoke(app, ["export", str(mix), "--format", "numpy", "--to", str(tmp_path / "two"), "--json"])
    assert json.loads(again.output)["splits"]["train"]["tokens"] == 20_000
    assert json.loads(again.output)["sequence_length"] == LENGTH


def test_tokens_for_people():
    assert [people(n) for n in (0, 999, 1000, 123_456)] == ["0.00 T", "999 T", "1.00 kT", "123 kT"]
