"""What differs between two runs: exactly the documents that flipped, and why."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from audit_runs import Shouting, Twins, characters, make_run, run_recipe, write_sources

from datacurate.audit.diff import Field, diff
from datacurate.core.recipe import Recipe
from datacurate.sources.jsonl import Jsonl


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("diff")


@pytest.fixture(scope="module")
def run(folder) -> Path:
    return make_run(folder, "a")


def flips(difference) -> dict:
    return {(f.a, f.b): [(s["source"], s["id"]) for s in f.samples] for f in difference.flips}


def test_a_run_equals_itself(run):
    difference = diff(run, run)
    assert (difference.sources, difference.fields, difference.flips, difference.changed) == ([], [], [], 0)
    assert "Every document has the same fate in both." in difference.as_text()


def test_a_threshold_flips_exactly_the_documents_between(folder, run):
    looser = make_run(folder, "b", max_share=0.31)
    difference = diff(run, looser)
    assert flips(difference) == {("dropped by shouting.shouting", "kept"): [("web", "loud-30")]}
    assert difference.changed == 1
    assert difference.fields == [Field("shouting", "max_share", None, 0.31)]
    totals = {s.stage: s.documents for s in difference.stages}
    assert totals == {"read": (36, 36), "shouting": (28, 29), "twins": (25, 26)}
    assert re.search(r"shouting +28 +29 +\+1 \(\+3\.6 %\)", difference.as_text())
    assert "1 document changed fate:\n  1: dropped by shouting.shouting → kept\n    loud-30" in difference.as_text()


def test_a_removal_upstream_takes_kept_and_merged_documents(folder, run):
    stricter = make_run(folder, "c", min_chars=40)
    difference = diff(run, stricter)
    calm = [("web", f"calm-{n:02d}") for n in range(20)]
    books = [("<b>books</b>", f"book-{n}") for n in range(6)]
    assert flips(difference)["kept", "dropped by shouting.short"] == books[:3] + calm[:2]
    gone = [flip for flip in difference.flips if flip.a == "merged by twins.twin"]
    assert [(flip.b, flip.documents) for flip in gone] == [("dropped by shouting.short", 3)]
    assert flips(difference)["merged by twins.twin", "dropped by shouting.short"] == books[3:]
    assert difference.changed == 20 + 6


def test_a_stage_that_one_run_lacks(folder, run, tmp_path):
    recipe = Recipe(name="d", sources=write_sources(folder), stages=[Shouting()], quarantine_limit=1)
    shorter = run_recipe(recipe, folder, "d")
    difference = diff(run, shorter)
    books = [("<b>books</b>", f"book-{n}") for n in (3, 4, 5)]
    assert flips(difference) == {("merged by twins.twin", "kept"): books}
    assert difference.fields == [Field("twins", "stage", "present", "absent")]
    assert {s.stage: s.documents for s in difference.stages}["twins"] == (25, None)
    back = diff(shorter, run)
    assert flips(back) == {("kept", "merged by twins.twin"): books}
    assert [s.stage for s in back.stages] == ["read", "shouting", "twins"]


def test_other_inputs_are_said_and_their_documents_are_not_called_kept(folder, run, tmp_path):
    sources = write_sources(tmp_path)
    extra = tmp_path / "extra.jsonl"
    extra.write_text(json.dumps({"id": "new", "text": "A new document."}) + "\n")
    web = sources["web"].path
    recipe = Recipe(
        name="e",
        sources={"web": Jsonl(path=[web, str(extra)])},
        stages=[Shouting(), Twins()],
        quarantine_limit=1,
    )
    difference = diff(run, run_recipe(recipe, tmp_path, "e"))
    assert difference.sources == ["<b>books</b>: files only in A 1, only in B 0", "web: files only in A 0, only in B 1"]
    found = flips(difference)
    assert found["not in this run", "kept"] == [("web", "new")]
    assert found["kept", "not in this run"] == [
        ("<b>books</b>", id) for id in ("book-0", "book-1", "book-2", "calm-00")
    ]
    assert found["merged by twins.twin", "not in this run"] == [("<b>books</b>", f"book-{n}") for n in (3, 4, 5)]
    assert found["quarantined by read.not_json", "not in this run"] == [("<b>books</b>", "source1.jsonl:8")]
    assert difference.changed == 9


def test_samples_are_bounded_and_counts_are_not(folder, run):
    difference = diff(run, make_run(folder, "f", min_chars=0, max_chars=1))
    flip = next(f for f in difference.flips if f.a == "kept")
    assert (flip.b, flip.documents, len(flip.samples)) == ("dropped by shouting.long", 25, 5)
    assert "and 20 more" in difference.as_text()


def test_json(folder, run):
    value = json.loads(json.dumps(diff(run, make_run(folder, "b", max_share=0.31)).as_json()))
    assert value["changed"] == 1
    assert value["flips"][0]["samples"] == [{"source": "web", "id": "loud-30"}]
    assert value["stages"][1] == {"stage": "shouting", "documents": [28, 29], "bytes": value["stages"][1]["bytes"]}


def test_a_run_that_stores_no_documents_is_said(folder, run, tmp_path):
    from datacurate.mixture.mixture import Mixture

    mixture = Mixture(tokens=500, tokenizer=characters(tmp_path), sequence_length=16)
    sources = {"web": Jsonl(path=write_sources(tmp_path)["web"].path, max_bytes=10_000)}
    other = run_recipe(Recipe(name="m", sources=sources, mixture=mixture, quarantine_limit=1), tmp_path, "m")
    difference = diff(run, other)
    assert difference.sources[1:] == [
        "web: read with other options",
        "B stores no documents: those that no ledger names count as kept",
    ]
    assert flips(difference)["dropped by shouting.shouting", "kept"]
    assert not [flip for flip in difference.flips if flip.b == "not in this run"]
