"""What semantic deduplication with all-MiniLM-L6-v2 removes from articles at three levels and from versions of pages.

The figures are those of the table in docs/how-to/semantic.md; another processor may move a cosine across a threshold.
"""

from __future__ import annotations

import gzip
import json

import pyarrow as pa
import pytest

from datacurate.api import run_stage
from datacurate.core.store import read_parts
from tests import models
from tests.contract import exam

HOLDS_ANOTHER = {
    ("Royal Baby", "ele"): "Skydiver",
    ("WNL Arctic Ramadan", "ele"): "Arctic mapping",
    ("WNL Use of e-cig", "ele"): "WNL Tributes",
    ("WNL Use of e-cig", "adv"): "WNL Tributes",
    ("WNL Tributes", "ele"): "WNL Use of e-cig",
    ("WNL Tributes", "adv"): "WNL Use of e-cig",
}
"""Files of OneStopEnglish whose text is another article's: the corpus mixed them up."""


def lines(path):
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def merged(tmp_path, texts, threshold):
    """`{position of a removed text: position of its survivor}`; all thresholds share one store."""
    inputs = tmp_path / "in"
    if not inputs.exists():
        exam.write_shards(inputs, exam.shards(texts, 3))
    profile = tmp_path / "inline.yaml"
    profile.write_text("executor: inline\n")
    stage = exam.make("semantic", model=models.minilm(), threshold=threshold, max_loss=None)
    run = run_stage(stage, [inputs], tmp_path / "out", store=tmp_path / "store", profile=profile)
    manifest = run.manifests[-1]
    ledger = read_parts([tmp_path / "out" / manifest["folder"] / path for path in manifest["ledgers"]])
    assert pa.compute.min(ledger["similarity"]).as_py() >= threshold
    ids, survivors = ledger["id"].to_pylist(), ledger["survivor"].to_pylist()
    return {int(one[-5:]): int(other[-5:]) for one, other in zip(ids, survivors, strict=True)}


def right(gone, groups):
    return sum(groups[one] == groups[other] for one, other in gone.items())


@pytest.mark.shared
def test_levels_of_an_article(shared, tmp_path):
    records = lines(shared / "quality" / "onestop_english.jsonl.gz")
    articles = [HOLDS_ANOTHER.get((r["article"], r["level"]), r["article"]) for r in records]
    assert len(articles) - len(set(articles)) == 172
    for threshold, expected in ((0.8, 166), (0.9, 126), (0.95, 51)):
        gone = merged(tmp_path, [r["text"] for r in records], threshold)
        assert right(gone, articles) == len(gone) and abs(len(gone) - expected) <= 3, threshold


@pytest.mark.slow
@pytest.mark.shared
def test_versions_of_a_page(shared, tmp_path):
    records = lines(shared / "neardup" / "18f_handbook_history" / "docs.jsonl.gz")
    pages = [r["cluster"] for r in records]
    for threshold, expected, wrong in ((0.9, 524, 6), (0.92, 512, 0), (0.95, 495, 0)):
        gone = merged(tmp_path, [r["text"] for r in records], threshold)
        assert abs(len(gone) - expected) <= 5 and abs(len(gone) - right(gone, pages) - wrong) <= (2 if wrong else 0)
