"""Semantic deduplication: what its model is given, what is compared, what goes, and what is wrong with a model."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from datacurate.api import run_stage
from datacurate.core.errors import InputError
from datacurate.core.phase import Size
from datacurate.kernels import vectors
from datacurate.stages import _embeddings
from datacurate.stages.dedup.semantic import Semantic, number_of_slices, slices
from tests import models
from tests.contract import exam
from tests.quality.paraphrases import TRIPLES

TEXTS = ["", " \n\t ", "river", "stone light water", "a morning by the river " * 30, "paper and stone " * 9, "1 2 3 ?"]


@pytest.fixture(scope="module")
def tiny():
    return models.tiny()


@pytest.fixture(scope="module")
def minilm():
    return models.minilm()


def removed(run, out):
    """`{removed id: (survivor, similarity)}` of a run, and the ids that stay."""
    manifest = run.manifests[-1]
    ledgers = [out / manifest["folder"] / path for path in manifest["ledgers"]]
    rows = [row for path in ledgers for row in pa.parquet.read_table(path).to_pylist()]
    gone = {row["id"]: (row["survivor"], row["similarity"]) for row in rows}
    assert {row["rule"] for row in rows} <= {"semantic_duplicate"}
    return gone, exam.rows(out)["id"].to_pylist()


def dedup(tmp_path, texts, shards=1, name="out", **options):
    """What a run over the texts removes and keeps; ids are numbers in the order of the texts."""
    inputs = exam.write_shards(tmp_path / f"in-{name}", exam.shards(texts, shards))
    run = exam.run("semantic", inputs, tmp_path / name, **options)
    gone, kept = removed(run, tmp_path / name)
    number = {name: int(name.rpartition("-")[2]) for name in [*gone, *kept]}
    return {number[i]: (number[s], value) for i, (s, value) in gone.items()}, sorted(number[i] for i in kept)


def test_paraphrases_go_and_other_texts_of_the_subject_stay(tmp_path, minilm):
    """At 0.75 every paraphrase goes, into the text that it paraphrases; whatever the threshold nothing else does."""
    texts = [text for triple in TRIPLES for text in triple]
    gone, kept = dedup(tmp_path, texts, model=minilm, threshold=0.75, keep="first", min_tokens=1)
    assert {i: s for i, (s, _) in gone.items()} == {3 * at + 1: 3 * at for at in range(len(TRIPLES))}
    assert all(0.75 <= value < 1 for _, value in gone.values()) and len(kept) == 2 * len(TRIPLES)
    strict, _ = dedup(tmp_path, texts, 3, "strict", model=minilm, threshold=0.9, keep="first")
    assert strict == {i: found for i, found in gone.items() if found[1] >= 0.9} and 5 < len(strict) < 12
    # MinHash sees none of them
    run = exam.run("minhash", tmp_path / "in-out", tmp_path / "minhash", verify=0.3)
    assert exam.rows(tmp_path / "minhash").num_rows == len(texts) == exam.books(run)["out"]["documents"]


def test_vectors_are_those_of_sentence_transformers(minilm):
    from sentence_transformers import SentenceTransformer

    texts = [text for triple in TRIPLES[:3] for text in triple] + ["A morning by the river. " * 90]
    theirs = SentenceTransformer(minilm, device="cpu", local_files_only=True).encode(texts, normalize_embeddings=True)
    ours = _embeddings.embedder(minilm, None, False)
    made = ours.vectors([ours.tokens(text) for text in texts])
    assert np.abs(made - theirs).max() < 1e-5
    assert len(ours.tokens(texts[-1])) == ours.limit == 256


@pytest.mark.parametrize("architecture", models.ARCHITECTURES)
def test_models_of_many_kinds(architecture):
    """The vectors of sentence-transformers, in batches of every shape, and no other bits for other company."""
    folder = models.tiny(architecture, models.ARCHITECTURES[architecture])
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(folder, device="cpu", local_files_only=True).encode(TEXTS[2:])
    for rows, step in ((1, 1), (4, 16)):
        model = _embeddings.Embedder(folder, None, rows=rows, step=step)
        ids = [model.tokens(text) for text in TEXTS[2:]]
        made = model.vectors(ids)
        assert np.abs(made - theirs).max() < 1e-6
        assert (np.concatenate([model.vectors([one]) for one in ids]) == made).all()


def test_half_precision_is_close(minilm):
    texts = [text for triple in TRIPLES[:4] for text in triple]
    whole, half = (_embeddings.Embedder(minilm, None, half) for half in (False, True))
    made, rough = (model.vectors([model.tokens(text) for text in texts]) for model in (whole, half))
    assert 0 < np.abs(made @ made.T - rough @ rough.T).max() < 0.02
    assert Semantic(model=minilm, half_precision=True).changed_fields(["half_precision"]) == {"half_precision": True}


@pytest.mark.parametrize("rows, step", [(1, 1), (8, 32), (3, 16)])
def test_vectors_do_not_depend_on_company(tiny, rows, step):
    """Alone, in another order, beside longer texts: the same bits; as on a processor, so in the batches of a GPU."""
    model = _embeddings.Embedder(tiny, None, rows=rows, step=step)
    ids = [model.tokens(text) for text in TEXTS if model.known(model.tokens(text))[0]]
    together = model.vectors(ids)
    assert np.abs(np.linalg.norm(together, axis=1) - 1).max() < 1e-6
    turned = np.random.default_rng(1).permutation(len(ids))
    assert (model.vectors([ids[at] for at in turned]) == together[turned]).all()
    assert (np.concatenate([model.vectors([one]) for one in ids]) == together).all()
    plain = _embeddings.Embedder(tiny, None)
    assert np.abs(plain.vectors(ids) - together).max() < 1e-5


def test_only_the_beginning_is_read(tiny):
    model = _embeddings.Embedder(tiny, 10)
    assert len(model.tokens("river " * 99)) == 10 and len(model.tokens("river stone")) == 4
    assert model.tokens("r" + " " * 159 + "stone").tolist() == model.tokens("r").tolist()
    assert model.known(model.tokens("")) == (0, 0)
    assert model.known(model.tokens("river Ж stone")) == (3, 1)
    assert model.known(model.tokens("river [SEP] [UNK]")) == (2, 1)


def embedded(stage, texts):
    return stage.embed(exam.documents(texts))


def test_what_is_not_compared(tmp_path, tiny):
    """Empty, short and unreadable documents stay, however many are alike; the same text with one more word does not."""
    texts = ["", "", None, " ", "\u200b", "a b", "a b", "ЖЖЖ ДДД ЩЩЩ ЮЮЮ ЯЯЯ", "ЖЖЖ ДДД ЩЩЩ ЮЮЮ ЯЯЯ"]
    table = embedded(Semantic(model=tiny), texts)
    assert table["vector"].null_count == 5 and table["tokens"].to_pylist()[5:8] == [2, 2, 5]
    texts = ["" if text is None else text for text in texts] + ["stone light water paper morning"] * 3
    gone, kept = dedup(tmp_path, texts, 2, model=tiny, threshold=0.99)
    assert gone == {10: (9, 1.0), 11: (9, 1.0)} and len(kept) == 10
    gone, _ = dedup(tmp_path, texts, 2, "all", model=tiny, threshold=0.99, min_tokens=0, max_unknown=1.0)
    assert {1, 2, 3, 4}.isdisjoint(gone) and {6, 8} <= set(gone)


def pairs(table, threshold, order):
    """All pairs with numpy, in an order of standing: the slow twin of clusters, slices and blocks, of one cluster."""
    made = np.stack([np.frombuffer(v, np.int16).astype(np.float64) for v in table["vector"].to_pylist()])
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    alike = made @ made.T
    kept, gone = [], {}
    for one in order:
        best = max(kept, key=lambda other: (alike[one, other], -kept.index(other)), default=None)
        if best is not None and alike[one, best] >= threshold:
            gone[int(one)] = (int(best), pytest.approx(alike[one, best]))
        else:
            kept.append(one)
    return gone


@pytest.mark.parametrize("shards", [1, 4])
def test_one_cluster_is_all_pairs(tmp_path, tiny, shards):
    texts = [exam.prose(seed, 20 + seed % 40) for seed in range(120)]
    order = sorted(range(120), key=lambda at: (-len(texts[at].encode()), at))
    gone, _ = dedup(tmp_path, texts, shards, model=tiny, threshold=0.993)
    assert gone == pairs(embedded(Semantic(model=tiny), texts), 0.993, order) and 10 < len(gone) < 110


def test_clusters_never_remove_what_all_pairs_keep_apart(tmp_path, tiny):
    """In more clusters fewer documents meet; what goes is still as like its survivor, which stays, as `threshold`."""
    texts = [exam.prose(seed, 20 + seed % 40) for seed in range(120)]
    results = [dedup(tmp_path, texts, n, f"out{n}", model=tiny, threshold=0.993, clusters=9)[0] for n in (1, 5)]
    assert results[0] == results[1] and 3 < len(results[0]) < 110
    table = embedded(Semantic(model=tiny), texts)
    made = np.stack([np.frombuffer(v, np.int16) for v in table["vector"].to_pylist()])
    for one, (survivor, value) in results[0].items():
        assert value >= 0.993 and value == vectors.cosines(made[[one]], made[[survivor]])[0, 0]
        assert survivor not in results[0]


def test_the_sample_is_bounded_and_goes_by_ids(tiny):
    stage = Semantic(model=tiny, clusters=2)
    texts = ["", "x", *(f"stone light water paper {at}" for at in range(400))]
    docs = exam.documents(texts)
    embed = stage.embed(docs)
    draw = stage.draw(stage.lots(embed), stage.dealt(16))
    sample = stage.sample(embed, draw)
    assert sample.num_rows == 128 and sample["vector"].null_count == 0
    turned = docs.take(np.arange(docs.num_rows)[::-1])
    again = stage.sample(stage.embed(turned), stage.draw(stage.lots(stage.embed(turned)), stage.dealt(16)))
    assert sorted(again["lot"].to_pylist()) == sorted(sample["lot"].to_pylist())
    assert stage.centroids(again, draw) == stage.centroids(sample, draw)
    other = exam.documents(texts, "other")
    assert set(stage.sample(stage.embed(other), draw)["lot"].to_pylist()).isdisjoint(sample["lot"].to_pylist())


def test_clusters_by_the_number_of_documents(tiny):
    """One for every 8,800."""
    stage = Semantic(model=tiny)
    for count, clusters in ((0, 1), (8800, 1), (8801, 2), (20_000, 3)):
        lots = pa.table({"lot": pa.array(np.arange(count, dtype=np.uint64))})
        assert stage.draw(lots, stage.dealt(16))["clusters"].to_pylist() == [clusters]


def test_slices_grow_with_the_input(tiny):
    stage = Semantic(model=tiny)
    assert number_of_slices(stage, Size(1, 1)) == [(16,)] and len(slices(stage, Size(1, 1))) == 16
    assert len(slices(stage, Size(10 << 30, 9))) == 80


@pytest.mark.parametrize("keep", ["first", "longest", "hard", "easy"])
def test_which_one_stays(tmp_path, tiny, keep):
    texts = ["stone light water paper morning", "stone light water paper  morning", "STONE light water paper morning!"]
    texts += [exam.prose(seed) for seed in range(8)]
    gone, kept = dedup(tmp_path, texts, 2, model=tiny, threshold=0.9 if keep in ("hard", "easy") else 1.0, keep=keep)
    if keep == "first":
        assert gone == {1: (0, 1.0)}
    elif keep == "longest":
        assert gone == {0: (1, 1.0)}
    else:
        table = embedded(Semantic(model=tiny), texts)
        made = np.stack([np.frombuffer(v, np.int16) for v in table["vector"].to_pylist()])
        _, central = vectors.nearest(made, vectors.kmeans(made, 1))
        first = central.argmin() if keep == "hard" else central.argmax()
        assert first in kept and gone


def inline(tmp_path, inputs, stage):
    """Run a stage in this process, in one store."""
    profile = tmp_path / "inline.yaml"
    profile.write_text("executor: inline\n")
    return run_stage(stage, [inputs], tmp_path / "out", store=tmp_path / "store", profile=profile)


def test_a_new_threshold_embeds_nothing_again(tmp_path, tiny):
    inputs = exam.write_shards(tmp_path / "in", exam.shards(exam.ordinary(20), 2))
    store = tmp_path / "store"
    for options in ({}, {"threshold": 0.99}, {"keep": "hard"}, {"clusters": 3}, {"max_loss": None, "min_tokens": 9}):
        inline(tmp_path, inputs, exam.make("semantic", **options))
        assert len(list(store.glob("semantic.embed-*"))) == 1
    inline(tmp_path, inputs, exam.make("semantic", max_tokens=9))
    assert len(list(store.glob("semantic.embed-*"))) == 2


def test_a_new_file_embeds_itself_alone(tmp_path, tiny):
    inputs = exam.write_shards(tmp_path / "in", exam.shards(exam.ordinary(20), 2))
    store = tmp_path / "store"
    inline(tmp_path, inputs, exam.make("semantic"))
    before = {path.name: path.stat().st_mtime_ns for path in store.glob("semantic.embed-*/*.parquet")}
    pa.parquet.write_table(exam.documents([exam.prose(99)], "new"), inputs / "part-7.parquet")
    inline(tmp_path, inputs, exam.make("semantic"))
    after = {path.name: path.stat().st_mtime_ns for path in store.glob("semantic.embed-*/*.parquet")}
    assert len(after) == 3 and {name: after[name] for name in before} == before


def test_the_model_enters_the_key_by_content(tiny, tmp_path):
    stage = Semantic(model=tiny)
    assert stage.changed_fields()["model"] == "(a file)"
    names = {Path(file).relative_to(tiny).as_posix() for file in stage.files()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "modules.json", "1_Pooling/config.json"} <= names
    copy = shutil.copytree(tiny, tmp_path / "copy")
    (copy / "README.md").write_text("hello")
    (copy / "onnx").mkdir()
    (copy / "onnx" / "config.json").write_text("{}")
    assert len(Semantic(model=f"{copy}/").files()) == len(stage.files())
    assert Semantic(model=f"{copy}/").changed_fields() == stage.changed_fields()


def test_wrong_models_are_named(tiny, tmp_path):
    with pytest.raises(
        InputError, match=r"model: .*nothing is no folder\. Name a folder that sentence-transformers saved"
    ):
        Semantic(model=str(tmp_path / "nothing")).files()
    with pytest.raises(InputError, match=r"has no config\.json"):
        Semantic(model=str(tmp_path)).files()
    copy = shutil.copytree(tiny, tmp_path / "copy")
    with pytest.raises(InputError, match=r"max_tokens: 81, but the model in .* reads at most 80"):
        Semantic(model=str(copy), max_tokens=81).files()
    assert Semantic(model=str(copy), max_tokens=80).files()
    (copy / "model.safetensors").write_bytes(b"hello")
    with pytest.raises(InputError, match=r"cannot load the model in .*copy"):
        _embeddings.Embedder(str(copy), None)
    (copy / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"has no weights \(model\.safetensors\)"):
        Semantic(model=str(copy)).files()
    (copy / "model.safetensors").write_bytes(b"hello")
    (copy / "config.json").write_text("[1")
    with pytest.raises(InputError, match=r"config\.json is no JSON object"):
        Semantic(model=str(copy)).files()
    with pytest.raises(ValidationError, match="model"):
        Semantic()


def test_weights_that_are_no_numbers_are_noticed(tiny, tmp_path):
    from safetensors.numpy import load_file, save_file

    copy = shutil.copytree(tiny, tmp_path / "copy")
    weights = load_file(copy / "model.safetensors")
    save_file({name: values * np.nan for name, values in weights.items()}, copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match="vectors that are no numbers"):
        embedded(Semantic(model=str(copy)), ["stone light water"])


def test_a_missing_package_is_named_when_planning(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    monkeypatch.setattr(_embeddings, "find_spec", lambda name: None)
    inputs = exam.write_shards(tmp_path / "in", [exam.documents(["a"])])
    with pytest.raises(InputError, match=r"pip install 'datacurate\[semantic\]'"):
        run_stage(Semantic(model=str(tmp_path)), [inputs], tmp_path / "out")


def test_a_source_that_would_be_gutted_stops_the_run(tmp_path, tiny):
    from datacurate.core.errors import GuardError

    inputs = exam.write_shards(tmp_path / "in", exam.shards(["stone light water paper morning"] * 200, 2))
    with pytest.raises(GuardError, match="max_loss"):
        inline(tmp_path, inputs, Semantic(model=tiny))
    assert json.loads(json.dumps(Semantic(model=tiny, max_loss=None).options()))["max_loss"] is None
