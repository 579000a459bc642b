"""Findings of lint: each where it belongs, none where nothing is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest
from audit_runs import Shouting, Twins, write_sources

from datacurate.audit.lint import lint
from datacurate.core.recipe import Recipe
from datacurate.core.stage import Filter
from datacurate.sources.jsonl import Jsonl
from datacurate.stages.language import Language


class Absent(Filter):
    """Keep all, by a column that nothing makes."""

    def measure(self, languge: Any) -> dict[str, Any]:
        return {"length": pc.utf8_length(languge)}

    def rules(self, length: Any) -> dict[str, Any]:
        return {"length": length > 0}


def write(path: Path, texts: list[str]) -> Jsonl:
    path.write_text("".join(json.dumps({"id": str(n), "text": text}) + "\n" for n, text in enumerate(texts)))
    return Jsonl(path=str(path))


@pytest.fixture
def sources(tmp_path) -> dict[str, Jsonl]:
    return write_sources(tmp_path)


def test_nothing_to_say_about_a_sound_recipe(tmp_path):
    texts = ["fine words"] * 80 + ["!!!!!"] * 15 + ["a"] * 15 + ["b" * 50] * 10
    recipe = Recipe(name="r", sources={"web": write(tmp_path / "a.jsonl", texts)}, stages=[Shouting(max_chars=40)])
    assert lint(recipe) == []


def test_a_column_that_nothing_makes(sources):
    recipe = Recipe(name="r", sources=sources, stages=[Language(), Absent()])
    [finding] = lint(recipe, probe=False)
    assert finding == (
        "test_lint.Absent: reads the column 'languge', which nothing before it makes. Did you mean 'language'?"
    )


def test_bounds_that_nothing_passes(sources):
    recipe = Recipe(name="r", sources=sources, stages=[Shouting(min_chars=50, max_chars=49)])
    [finding] = lint(recipe, probe=False)
    assert "min_chars 50 is above max_chars 49" in finding
    assert lint(Recipe(name="r", sources=sources, stages=[Shouting(min_chars=50, max_chars=50)]), probe=False) == []


def test_the_same_stage_twice_in_a_row(sources):
    def findings(*stages):
        return lint(Recipe(name="r", sources=sources, stages=list(stages)), probe=False)

    assert findings(Twins(), Twins()) == ["audit_runs.Twins: stands twice in a row with equal options. Remove one."]
    assert findings(Shouting(), Shouting(max_share=0.1)) == []
    assert findings(Twins(), Shouting(), Twins()) == []


def test_weights_and_sources_that_do_not_meet(sources):
    from datacurate.mixture.mixture import Mixture

    mixture = Mixture(tokens=10, tokenizer="t", weights={"wib": 1, "web": 1})
    found = lint(Recipe(name="r", sources=sources, mixture=mixture), probe=False)
    assert found == [
        "mixture: weights names no source 'wib'. Did you mean 'web'?",
        "mixture: weights does not name the source '<b>books</b>'. Give it a weight; 0 leaves it out.",
    ]


def test_empty_and_missing_files(tmp_path):
    (tmp_path / "a.jsonl").write_text("")
    full = write(tmp_path / "b.jsonl", ["x"])
    some = Jsonl(path=[str(tmp_path / "a.jsonl"), str(full.path)])
    none = Jsonl(path=str(tmp_path / "c.jsonl"))
    found = lint(Recipe(name="r", sources={"some": some, "none": none, "full": full}, stages=[Shouting()]))
    assert len(found) == 2
    assert found[0].startswith("source some: 1 of 2 files are empty, e.g. ")
    assert found[1].startswith("source none: no files match")


def test_the_probe_names_rules_that_remove_nothing_or_too_much(tmp_path):
    loud, calm = ["!!!!!!!!"] * 6 + ["calm words"] * 4, ["calm words"] * 10
    sources = {"loud": write(tmp_path / "a.jsonl", loud), "calm": write(tmp_path / "b.jsonl", calm)}
    found = lint(Recipe(name="r", sources=sources, stages=[Shouting()]))
    name = "audit_runs.Shouting: the rule"
    assert found == [
        f"{name} 'shouting' removes 6 of the 10 documents probed of source loud (60%). Check its bounds.",
        f"note: {name} 'short' removes none of the 20 documents probed. Does it do what it should?",
        f"note: {name} 'long' removes none of the 20 documents probed. Does it do what it should?",
    ]


def test_exactly_half_is_not_too_much(tmp_path):
    source = write(tmp_path / "a.jsonl", ["!!!!!!!!", "calm words"] * 5)
    found = lint(Recipe(name="r", sources={"a": source}, stages=[Shouting()]))
    assert not [line for line in found if "Check its bounds" in line]


def test_the_probe_reads_the_beginning_only(tmp_path):
    many = write(tmp_path / "many.jsonl", ["calm words"] * 200 + ["!!!!!!!!!!"] * 1_000)
    found = lint(Recipe(name="r", sources={"many": many}, stages=[Shouting()]))
    assert "'shouting' removes none of the 200 documents probed" in found[0]
    long = write(tmp_path / "long.jsonl", ["calm words"] * 300 + ["x" * 1_000] * 1_000)
    found = lint(Recipe(name="r", sources={"long": long}, stages=[Shouting()]))
    probed = int(found[0].split(" of the ")[1].split()[0])
    assert 300 < probed < 320, "1 % of about 1 MB is 10 kB: 300 texts of 10 bytes and some of 1,000"


def test_a_stage_that_fails_is_told(sources):
    found = lint(Recipe(name="r", sources=sources, stages=[Shouting()]))
    assert found[0].startswith(
        "audit_runs.Shouting: fails on the beginning of source web: ValueError: boom <b>here</b>."
    )
    assert not any("source <b>books</b>: ValueError" in line for line in found)
