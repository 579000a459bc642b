"""Documents that share their id: which text stays must not depend on the files that they are in."""

from __future__ import annotations

import json
import random

import pyarrow.parquet as pq
import pytest
import yaml
from against_tools import inline, write

from datacurate.api import run_recipe
from datacurate.core.recipe import loads

STAGES = {
    "exact": {},
    "url_dedup": {},
    "minhash": {},
    "lines": {},
    "sentence_spans": {"min_words": 0, "min_sentences": 0},
    "ngram_bloom": {"fp_rate": 1e-9},
    "substring": {"min_length": 20},
}


def documents() -> list[tuple[str, str]]:
    """Copies of twelve texts under four ids, of one length, that begin alike and end differently, with shared parts."""
    rng = random.Random(5)
    words = ["".join(rng.choices("abcdefghij", k=5)) for _ in range(400)]
    shared = [" ".join(rng.choices(words, k=25)) + "." for _ in range(6)]
    made = []
    for at in range(60):
        body = " ".join(random.Random(at % 12).choices(words, k=60))
        own = " ".join(rng.choices(words, k=3))
        made.append((f"d{at % 4}", f"{shared[at % 6]} {shared[(at + 1) % 6]}\n{shared[at % 6]}\n{body} {own}"))
    return [*made, *made[:9]]


def kept(tmp_path, stage: str, docs: list[tuple[str, str]], shards: int) -> list[tuple[str, str]]:
    recipe = {"sources": {"web": str(write(tmp_path / f"in-{shards}", docs, shards))}}
    if stage == "url_dedup":
        recipe["sources"] = {"web": _with_addresses(tmp_path / f"url-{shards}", docs, shards)}
    recipe["stages"] = [{stage: {**STAGES[stage], "max_loss": None}}]
    out = tmp_path / f"out-{shards}"
    run_recipe(loads(yaml.safe_dump(recipe)), out, tmp_path / f"store-{shards}", inline(tmp_path))
    tables = [pq.read_table(file) for file in sorted(out.glob("01-*/*.parquet"))]
    return sorted((row["id"], row["text"]) for table in tables for row in table.to_pylist())


def _with_addresses(folder, docs, shards) -> str:
    folder.mkdir()
    for shard in range(shards):
        rows = [{"id": i, "text": t, "url": f"http://a.example/{i}"} for i, t in docs[shard::shards]]
        (folder / f"{shard}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(folder)


@pytest.mark.parametrize("stage", ["exact", "minhash"])
def test_texts_of_one_id_that_differ_in_white_space_alone(tmp_path, stage):
    """They are equal to the stage, as long, and begin alike; still one of them is the first, wherever they lie."""
    words = " ".join(f"word{at}" for at in range(60))
    docs = [("one", f"{words}{blank}and{other}the end") for blank in " \n\t" for other in " \n\t"]
    found = set()
    for at in range(6):
        random.Random(at).shuffle(docs)
        [doc] = kept(tmp_path / str(at), stage, docs, 1 + at % 3)
        found.add(doc)
    assert len(found) == 1


@pytest.mark.parametrize("stage", STAGES)
def test_which_text_stays_does_not_depend_on_files(tmp_path, stage):
    docs = documents()
    once = kept(tmp_path, stage, docs, 1)
    random.Random(1).shuffle(docs)
    assert once != sorted(docs), "the stage has something to do"
    assert kept(tmp_path, stage, docs, 5) == once
