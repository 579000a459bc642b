"""The guard of stages that cut parts out of documents: it trips on what a source loses, before anything is there."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml
from against_tools import inline, write
from hypothesis import given, settings
from hypothesis import strategies as st

from datacurate.api import run_recipe
from datacurate.core.errors import GuardError
from datacurate.core.recipe import loads
from datacurate.kernels import parts_lost
from datacurate.kernels.arrow import bytes_and_offsets

NOTICE = "One sentence that stands on all of the pages. Another one behind it! And a third of some length, to be sure."
STAGES = {
    "lines": {},
    "sentence_spans": {"min_words": 0, "min_sentences": 0},
    "ngram_bloom": {"fp_rate": 1e-9},
    "substring": {"min_length": 12},
}


def _word(rng: random.Random) -> str:
    return "".join(rng.choices("abcdefghij", k=5))


def sources(tmp_path: Path, shards: int, seed: int = 0) -> dict[str, str]:
    """A source of 150 pages that say next to nothing but a notice, one that has many of these, and a small one."""
    rng = random.Random(seed)
    web = [(f"w{at:03d}", f"{NOTICE}\n{at}") for at in range(150)]
    books = [(f"b{at:03d}", f"{NOTICE}\n" + " ".join(_word(rng) for _ in range(60))) for at in range(150)]
    few = [(f"f{at}", NOTICE) for at in range(5)]
    made = {}
    for name, docs in (("web", web), ("books", books), ("few", few)):
        rng.shuffle(docs)
        made[name] = str(write(tmp_path / f"{name}-{shards}", docs, shards))
    return made


def run(tmp_path: Path, stages: list, shards: int = 1, workers: int | None = None, name: str = "out", store: str = "s"):
    profile = None if workers else inline(tmp_path)
    recipe = loads(yaml.safe_dump({"sources": sources(tmp_path, shards), "stages": stages}))
    return run_recipe(recipe, tmp_path / name, tmp_path / store, profile, workers=workers)


@pytest.mark.parametrize("stage", STAGES)
def test_a_source_of_which_hardly_anything_is_left_stops_the_run(tmp_path, stage):
    """The message is the same in any sharding, with workers, and when everything is computed already."""
    said = set()
    for shards, workers in ((1, None), (3, None), (3, 2), (3, None)):
        with pytest.raises(GuardError) as caught:
            run(tmp_path, [{stage: STAGES[stage]}, "fineweb"], shards, workers, store=f"s{shards}")
        assert not list(tmp_path.glob("out/0[12]-*")), "nothing that lost its texts is published"
        text = str(caught.value)
        said.add(text[: text.index("in all")])
    assert len(said) == 1
    assert f"{stage} would take more of a source's text than max_loss: 0.95 allows:\n  web: 1" in text
    assert "books" not in text and "few" not in text and "raise max_loss" in text
    assert f"{NOTICE[:30]}" in text and "documents of web" in text


@pytest.mark.parametrize("stage", STAGES)
def test_another_bound_lets_it_pass_and_computes_nothing(tmp_path, stage):
    with pytest.raises(GuardError):
        run(tmp_path, [{stage: STAGES[stage]}])
    files = {str(path): path.stat().st_mtime_ns for path in (tmp_path / "s").rglob("*.parquet")}
    for most in (None, 1.0):
        run(tmp_path, [{stage: {**STAGES[stage], "max_loss": most}}])
    assert files == {str(path): path.stat().st_mtime_ns for path in (tmp_path / "s").rglob("*.parquet")}
    with pytest.raises(GuardError, match=r"books.*\n.*web(?s:.*)in at least 1(49|50) documents of books"):
        run(tmp_path, [{stage: {**STAGES[stage], "max_loss": 0.1}}])


def test_documents_that_are_dropped_count_as_a_whole(tmp_path):
    """What is left of books is dropped for being little: all of it is lost, though less than half was cut out."""
    with pytest.raises(GuardError, match=r"books: ([\d,]+) of [\d,]+ bytes .*with 149 documents that are dropped"):
        run(tmp_path, [{"lines": {"min_left": 1000}}])


rows = st.lists(st.lists(st.sampled_from(["a", "bb", "", "é"]), max_size=5), max_size=8)


@settings(deadline=None)
@given(rows, st.lists(st.integers(0, 1), min_size=8, max_size=8))
def test_equal_parts_are_counted_together(docs, groups):
    text = pa.array(["x" + "".join(parts) for parts in docs], pa.string()) if docs else pa.array([], pa.string())
    sizes = [[len(part.encode()) for part in parts] for parts in docs]
    starts = np.array([1 + sum(own[:k]) for own in sizes for k in range(len(own))], np.int64)
    ends = starts + np.array([size for own in sizes for size in own], np.int64)
    at = np.cumsum([0, *map(len, docs)])
    found = parts_lost.together(*bytes_and_offsets(text), np.array(groups[: len(docs)], np.int64), at, starts, ends)
    got = {}
    for d, a, b, count, size in zip(found.documents, found.starts, found.ends, found.counts, found.bytes, strict=True):
        part = text[int(d)].as_py().encode()[a:b]
        got[groups[int(d)], part] = (count, size)
    expected: dict = {}
    for number, parts in enumerate(docs):
        for part in set(parts):
            count, size = expected.get((groups[number], part.encode()), (0, 0))
            expected[groups[number], part.encode()] = (count + 1, size + parts.count(part) * len(part.encode()))
    assert got == expected
