"""Which files are read under which names, and that references to their rows stay true when files come and go."""

from __future__ import annotations

import shutil

import pytest
import yaml
from core_tools import write_jsonl

from datacurate.api import run_stage
from datacurate.core.errors import InputError, RecipeError
from datacurate.core.plan import plan
from datacurate.core.recipe import loads
from datacurate.core.registry import stage_class
from datacurate.core.run import execute
from datacurate.core.store import read_parts
from datacurate.executors.inline import Inline
from tests.contract import exam


@pytest.mark.parametrize("stage", ["exact", "minhash"])
def test_a_file_that_sorts_first_does_not_confuse_references(tmp_path, stage):
    """Adding and removing a first file in one store gives what a fresh store gives."""
    texts = {name: [exam.prose(seed) for seed in range(at * 5, at * 5 + 4)] for at, name in enumerate("amz")}
    texts["z"].append(texts["m"][0])
    recipe = {"sources": {"web": str(tmp_path / "in")}, "stages": [stage]}
    results = []
    for names in ("mz", "amz", "mz"):
        shutil.rmtree(tmp_path / "in", ignore_errors=True)
        for name in names:
            write_jsonl(tmp_path / "in" / f"{name}.jsonl", texts[name])
        for store in ("kept", f"fresh-{len(results)}"):
            plan_now = plan(loads(yaml.safe_dump(recipe)), tmp_path / store)
            run = execute(plan_now, Inline(tmp_path / "logs"), tmp_path / f"run-{store}")
            results.append(read_parts([s.path for s in run.dataset().shards])["id"].to_pylist())
            assert exam.books(run)["merged"], "the copy in z is merged"
    assert results[0::2] == results[1::2] and results[0] == results[4]


def test_sources_whose_names_look_alike_are_all_read(tmp_path):
    for folder in ("one", "two"):
        write_jsonl(tmp_path / folder / "x.jsonl", ["some text", "more text"])
    long = "n" * 90
    sources = {"a/b": "one", "a_b": "two", f"{long}1": "one", f"{long}2": "two"}
    given = {name: str(tmp_path / folder / "x.jsonl") for name, folder in sources.items()}
    plan_now = plan(loads(yaml.safe_dump({"sources": given})), tmp_path / "store")
    run = execute(plan_now, Inline(tmp_path / "logs"), tmp_path / "run")
    assert run.manifests[0]["ledger"]["out"]["documents"] == 8


def test_the_same_dataset_twice_is_read_twice(tmp_path):
    source = write_jsonl(tmp_path / "x.jsonl", ["some text", "more text"])
    run_stage(stage_class("exact")(), [source], tmp_path / "made")
    given = {"one": str(tmp_path / "made"), "two": str(tmp_path / "made")}
    plan_now = plan(loads(yaml.safe_dump({"sources": given, "stages": ["exact"]})), tmp_path / "store")
    run = execute(plan_now, Inline(tmp_path / "logs"), tmp_path / "run")
    assert exam.books(run)["in"]["documents"] == 4


def test_where_files_lie_does_not_matter(tmp_path):
    """The same files in folders that sort the other way round: the same keys and the same bytes."""
    for at, (first, second) in enumerate([("d1", "d2"), ("d2", "d1")]):
        write_jsonl(tmp_path / str(at) / first / "x.jsonl", ["same text", "x only"])
        write_jsonl(tmp_path / str(at) / second / "y.jsonl", ["same text", "y only"])
        recipe = {"sources": {"web": str(tmp_path / str(at))}, "stages": ["exact"]}
        plan_now = plan(loads(yaml.safe_dump(recipe)), tmp_path / f"store{at}")
        execute(plan_now, Inline(tmp_path / "logs"), tmp_path / f"run{at}")
    assert exam.digests(tmp_path / "store0") == exam.digests(tmp_path / "store1")


def test_training_needs_a_mixture(tmp_path):
    source = write_jsonl(tmp_path / "x.jsonl", ["some text"])
    recipe = loads(yaml.safe_dump({"sources": {"a": str(source)}, "training": {"steps": 5}}))
    with pytest.raises(RecipeError, match="a training needs a mixture"):
        plan(recipe, tmp_path / "store")


def test_a_stage_that_stored_nothing_is_no_source(tmp_path):
    """A fused stage's folder has books and no shards: reading it would lose every document without a word."""
    source = write_jsonl(tmp_path / "x.jsonl", [exam.prose(seed) for seed in range(3)])
    recipe = loads(yaml.safe_dump({"sources": {"a": str(source)}, "stages": ["gopher_quality", "gopher_repetition"]}))
    execute(plan(recipe, tmp_path / "store"), Inline(tmp_path / "logs"), tmp_path / "run")
    fused = {"sources": {"b": str(tmp_path / "run" / "01-gopher_quality")}, "stages": ["exact"]}
    with pytest.raises(InputError, match="3 documents without storing them"):
        plan(loads(yaml.safe_dump(fused)), tmp_path / "store")


def test_a_dataset_and_no_stages_is_a_run_with_nothing_to_do(tmp_path):
    source = write_jsonl(tmp_path / "x.jsonl", ["some text"])
    run_stage(stage_class("exact")(), [source], tmp_path / "made")
    alone = plan(loads(yaml.safe_dump({"sources": {"one": str(tmp_path / "made")}})), tmp_path / "store")
    assert execute(alone, Inline(tmp_path / "logs"), tmp_path / "run").tasks == 0
