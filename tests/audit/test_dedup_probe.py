"""A probe predicts what a run needs: disk of every phase within 25 %, memory of its tasks; it leaves nothing behind."""

from __future__ import annotations

import os
import random
import tempfile
from collections import defaultdict

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from datacurate.audit import probe as module
from datacurate.audit.probe import label_of, probe
from datacurate.audit.probe_fit import growth
from datacurate.audit.probe_measure import Peak, content, shrinks
from datacurate.audit.probe_sample import COUNTS, Count, Sampled
from datacurate.cli import app
from datacurate.core.errors import InputError
from datacurate.core.plan import plan
from datacurate.core.recipe import Recipe
from datacurate.core.store import PartWriter
from datacurate.describe_forecast import forecast_as_json, forecast_as_text
from datacurate.sources.parquet import Parquet
from datacurate.stages.dedup._sample import lots
from datacurate.stages.dedup.exact import Exact
from datacurate.stages.dedup.minhash import Minhash

DOCUMENTS, FILES = 24_000, 4
SHARE = 0.1


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Short documents, of which a tenth have exact and a fifth have near duplicates, in four files."""
    folder, draw = tmp_path_factory.mktemp("probe"), random.Random(11)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 9))) for _ in range(9_000)]
    texts: list[str] = []
    while len(texts) < DOCUMENTS:
        own = draw.choices(words, k=max(8, min(400, int(draw.lognormvariate(3.4, 0.7)))))
        texts.append(" ".join(own))
        kind = draw.random()
        for _ in range(draw.randint(1, 3) if kind < 0.3 else 0):
            copy = list(own)
            if kind > 0.1:
                copy[draw.randrange(len(copy))] = draw.choice(words)
            texts.append(" ".join(copy))
    draw.shuffle(texts)
    for at in range(FILES):
        mine = texts[at::FILES]
        ids = [f"{at}-{draw.randrange(10**9):09d}" for _ in mine]
        pq.write_table(pa.table({"id": ids, "text": mine}), folder / f"{at}.parquet")
    return folder


@pytest.fixture(scope="module")
def recipe(corpus):
    return Recipe(name="p", sources={"s": Parquet(path=f"{corpus}/*.parquet")}, stages=[Exact(), Minhash(max_loss=0.9)])


def test_disk_of_every_phase_is_within_a_quarter(recipe, tmp_path):
    forecast = probe(recipe, tmp_path / "store", SHARE)
    assert not (tmp_path / "store").exists()
    assert forecast.count.documents >= DOCUMENTS and forecast.count.sampled < 0.13 * forecast.count.documents
    actual: dict[str, int] = defaultdict(int)
    for task in plan(recipe, tmp_path / "store").tasks:
        task.attempt()
        for out in task.outputs:
            actual[label_of(out)] += os.path.getsize(out)
    assert actual.keys() == forecast.made.keys()
    whole = sum(actual.values())
    large = {label: size for label, size in actual.items() if size > 0.01 * whole}
    assert {"exact.digest", "minhash.sketch", "minhash.shingles", "minhash"} <= large.keys()
    off = {label: round(forecast.made[label].disk / size - 1, 3) for label, size in large.items()}
    assert max(map(abs, off.values())) < 0.25, off
    assert abs(forecast.disk / whole - 1) < 0.15


def test_the_sample_has_the_duplicates_of_the_whole(corpus):
    """Sampling documents one by one would have a tenth of the pairs."""
    docs = pa.concat_tables(pq.read_table(path) for path in sorted(corpus.glob("*.parquet")))
    chosen = lots(docs) < np.uint64(2**64 // 10)
    texts = np.array(docs["text"].to_pylist())

    def repeated(some) -> float:
        _, counts = np.unique(some, return_counts=True)
        return counts[counts > 1].sum() / len(some)

    assert chosen.mean() == pytest.approx(0.1, abs=0.015)
    assert repeated(texts[chosen]) == pytest.approx(repeated(texts), rel=0.15)


def test_growth_tells_documents_from_bytes():
    counts = {f"{n}": Count(1_000 * (n + 1), 10_000 * (7 - n), 10 * (n + 1), 200 * (7 - n)) for n in range(5)}
    documents = sum(c.documents for c in counts.values()) / sum(c.sampled for c in counts.values())
    text = sum(c.bytes for c in counts.values()) / sum(c.sampled_bytes for c in counts.values())
    assert growth({name: 16 * c.sampled for name, c in counts.items()}, counts) == pytest.approx(documents)
    assert growth({name: 3 * c.sampled_bytes for name, c in counts.items()}, counts) == pytest.approx(text)
    both = {name: 16 * c.sampled + 3 * c.sampled_bytes for name, c in counts.items()}
    parts = [sum(16 * c.sampled for c in counts.values()), sum(3 * c.sampled_bytes for c in counts.values())]
    assert growth(both, counts) == pytest.approx((parts[0] * documents + parts[1] * text) / sum(parts))
    assert growth({"elsewhere": 5}, counts) == 1.0, "other datasets are never sampled"


def test_a_small_input_is_sampled_more(tmp_path):
    rows = [{"id": str(n), "text": f"document {n} says {n * 7} and {n * n} and more"} for n in range(300)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "docs.parquet")
    small = Recipe(name="p", sources={"s": Parquet(path=str(tmp_path / "docs.parquet"))}, stages=[Exact()])
    forecast = probe(small, tmp_path / "store")
    assert forecast.share == 1.0 and forecast.count.sampled == forecast.count.documents == 300
    with pytest.raises(InputError, match="above 0 and at most 1"):
        probe(small, tmp_path / "store", 0)


def test_a_sample_may_have_nothing_of_a_preferred_source(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ENOUGH", 10)
    pq.write_table(pa.table({"id": ["a"], "text": ["three words only"]}), tmp_path / "tiny.parquet")
    sources = {"tiny": Parquet(path=str(tmp_path / "tiny.parquet")), "s": Parquet(path=str(corpus / "0.parquet"))}
    stages = [Exact(priority=("tiny",), max_loss=0.001)]
    forecast = probe(Recipe(name="p", sources=sources, stages=stages), tmp_path / "store", 0.01)
    assert 10 < forecast.count.sampled < 500


def test_a_sampled_source_hands_on_the_same_documents_each_time(corpus):
    source = Sampled.over(Parquet(path=f"{corpus}/*.parquet"), 0.05)
    file = corpus / "0.parquet"
    first, second = ([row for read in source.read(file, "s") for row in read.docs["id"].to_pylist()] for _ in "ab")
    assert first == second and 0 < len(first) < 0.1 * COUNTS[str(file)].documents


def test_the_command(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ENOUGH", 200)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    path = tmp_path / "p.yaml"
    path.write_text(recipe.as_yaml())
    said = CliRunner().invoke(app, ["plan", str(path), "--probe", "--store", str(tmp_path / "store")])
    assert said.exit_code == 0, said.output
    assert "minhash.shingles" in said.output and "At most" in said.output and "(assumed)" in said.output
    assert not list((tmp_path / "tmp").iterdir()) and not (tmp_path / "store").exists()


def test_memory_and_figures(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ENOUGH", 200)
    forecast = probe(recipe, tmp_path / "store", 0.02)
    value = forecast_as_json(forecast)
    assert value["memory"] == max(one["memory"] for one in value["tasks"].values()) >= value["base_memory"] > 50 << 20
    assert value["disk"] == sum(one["disk"] for one in value["phases"].values())
    assert f"{forecast.count.documents:,} documents" in forecast_as_text(forecast)


def _part(path, table, by=()):
    writer = PartWriter(path, by)
    writer.write(table)
    writer.commit({})
    return str(path)


def test_small_files_compress_less_well_and_that_is_reckoned_with(tmp_path):
    """Of texts that repeat each other from file to file, not of hashes."""
    draw = random.Random(3)
    words = ["".join(draw.choices("abcdefgh", k=7)) for _ in range(300)]
    texts = [[" ".join(draw.choices(words, k=60)) for _ in range(40)] for _ in range(8)]
    parts = [_part(tmp_path / f"{at}.parquet", pa.table({"text": some})) for at, some in enumerate(texts)]
    whole = _part(tmp_path / "whole.parquet", pa.table({"text": [text for some in texts for text in some]}))
    apart = sum(map(content, parts))
    assert shrinks(parts, (), tmp_path) * apart == pytest.approx(content(whole), rel=0.02)
    assert content(whole) < 0.92 * apart
    others = [
        _part(tmp_path / f"o{at}.parquet", pa.table({"text": some, "url": some})) for at, some in enumerate(texts)
    ]
    both = sum(map(content, others)) + apart
    assert shrinks(parts + others, (), tmp_path) * both < 0.95 * both, "files of two sources, with other columns"
    hashes = [
        pa.table({"slice": pa.array([0, 1] * 500, pa.int32()), "hash": [draw.getrandbits(62) for _ in range(1000)]})
        for _ in range(8)
    ]
    parts = [_part(tmp_path / f"h{at}.parquet", table, ("slice",)) for at, table in enumerate(hashes)]
    assert shrinks(parts, ("slice",), tmp_path) > 0.98
    assert shrinks(parts[:1], ("slice",), tmp_path) == 1.0


def test_memory_of_reading_is_measured(tmp_path):
    """Ten megabytes of text in one batch take more than that."""
    texts = ["x" * 10_000 + str(at) for at in range(2_000)]
    pq.write_table(pa.table({"id": list(map(str, range(2_000))), "text": texts}), tmp_path / "docs.parquet")
    assert Peak().of_reading(Parquet(path="unused"), str(tmp_path / "docs.parquet")) > 10 << 20


def test_tasks_are_told_apart_by_their_phases(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ENOUGH", 200)
    needs = probe(recipe, tmp_path / "store", 0.02).needs
    assert {"exact: census, digest", "exact: apply + minhash: census, sketch", "minhash.verdict"} <= needs.keys()
