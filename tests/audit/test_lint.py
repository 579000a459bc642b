"""Findings of lint: each where it belongs, none where nothing is wrong."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from audit_runs import Shouting, Twins, run_recipe, write_sources

from datacurate.audit.lint import lint
from datacurate.audit.lint_probe import sample
from datacurate.core.errors import CurateError, InputError
from datacurate.core.recipe import Recipe, load
from datacurate.core.stage import Filter
from datacurate.sources.jsonl import Jsonl
from datacurate.sources.parquet import Parquet
from datacurate.stages.filters.where import Where
from datacurate.stages.language import Language
from datacurate.stages.signals import Signals


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
    patterns = Mixture(tokens=10, tokenizer="t", weights={"w*": 1, "*books*": 1}, limits={"x*": {"at_most": 3}})
    found = lint(Recipe(name="r", sources=sources, mixture=patterns), probe=False)
    assert [line.partition("'. ")[0] for line in found] == ["mixture: limits names no source 'x*"]


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


def probed(source) -> list[int]:
    return [int(text) for docs in sample("s", source) for text in docs["text"].to_pylist()]


@pytest.mark.parametrize("count", [0, 1, 399, 400, 401, 5_000, 50_000])
def test_the_probe_is_spread_evenly(tmp_path, count):
    """From 200 to 400 documents, or one to two in a hundred: each as far from the next."""
    rows = probed(write(tmp_path / "many.jsonl", [str(n) for n in range(count)]))
    assert min(count, 200) <= len(rows) <= max(400, count // 50)
    assert len({after - before for before, after in pairwise(rows)}) <= 1 and rows[:1] == [0][:count]
    assert not rows or count - rows[-1] <= max(count / len(rows), 1)


def test_the_probe_sees_the_end_and_all_files(tmp_path):
    many = write(tmp_path / "many.jsonl", ["calm words"] * 3_000 + ["!!!!!!!!!!"] * 6_000)
    found = lint(Recipe(name="r", sources={"many": many}, stages=[Shouting()]))
    assert "'shouting' removes" in found[0] and "(67%)" in found[0]
    for at in range(3):
        write(tmp_path / f"part{at}.jsonl", [str(at)] * 1_000)
    assert set(probed(Jsonl(path=str(tmp_path / "part*.jsonl")))) == {0, 1, 2}


def test_of_large_sources_parts_are_read(tmp_path, monkeypatch):
    """Spread over files, and over the row groups of a Parquet file."""
    from datacurate.audit import lint_probe

    monkeypatch.setattr(lint_probe, "SPAN", 20_000)
    rows = [str(n) for n in range(100_000)]
    table = pa.table({"id": rows, "text": rows})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2_000)
    seen = probed(Parquet(path=str(tmp_path / "a.parquet")))
    assert 0 in seen and max(seen) > 98_000 and len({at // 2_000 for at in seen}) == lint_probe.PLACES
    for at in range(40):
        write(tmp_path / f"part{at:02d}.jsonl", [str(1_000 * at + n) for n in range(1_000)])
    files = {at // 1_000 for at in probed(Jsonl(path=str(tmp_path / "part*.jsonl")))}
    assert len(files) == lint_probe.PLACES and {0, 39} <= files


def test_a_stage_that_fails_is_told(sources):
    found = lint(Recipe(name="r", sources=sources, stages=[Shouting()]))
    assert found[0].startswith("audit_runs.Shouting: fails on documents of source web: ValueError: boom <b>here</b>.")
    assert found[0].endswith("Documents that it fails on would be quarantined.")
    assert not any("source <b>books</b>: ValueError" in line for line in found)


class Stubborn(Filter):
    """Fails on whatever it is given."""

    measured_with: ClassVar[tuple[str, ...]] = ("refuses",)
    refuses: bool = False

    def measure(self, text: Any) -> dict[str, Any]:
        raise (InputError("no such list. Give another.") if self.refuses else TypeError("never works"))

    def rules(self, length: Any) -> dict[str, Any]:
        return {"length": length > 0}


@pytest.mark.parametrize(
    ("stage", "said"), [(Stubborn(refuses=True), "InputError: no such list. Give another."),
                        (Stubborn(), "TypeError: never works.")]
)  # fmt: skip
def test_a_failure_that_stops_a_run_is_told_as_one(tmp_path, stage, said):
    """An error for the user, and one that even no documents cause, are quarantined by nobody."""
    recipe = Recipe(name="r", sources={"web": write(tmp_path / "a.jsonl", ["a", "b"])}, stages=[stage])
    [finding] = lint(recipe)
    assert finding == f"test_lint.Stubborn: fails on documents of source web: {said} A run would stop there."
    with pytest.raises(CurateError):
        run_recipe(recipe, tmp_path, "run")


def test_a_failure_that_a_run_survives_is_told_as_one(tmp_path):
    texts = ["fine words", "boom"]
    recipe = Recipe(name="r", sources={"web": write(tmp_path / "a.jsonl", texts)}, stages=[Shouting()])
    assert "would be quarantined" in lint(recipe)[0]
    run = run_recipe(recipe.model_copy(update={"quarantine_limit": 1.0}), tmp_path, "run")
    assert (run / "quarantine").is_dir()


# ---- where


def findings(tmp_path, **options) -> list[str]:
    """About a `where` behind `signals`, on one Parquet file with a few columns."""
    columns = {"score": [0.5], "kind": ["a"], "n": [1], "good": [True]}
    pq.write_table(pa.table({"id": ["a"], "text": ["x"], **columns}), tmp_path / "in.parquet")
    source = Parquet(path=str(tmp_path / "in.parquet"))
    return lint(Recipe(name="r", sources={"a": source}, stages=[Signals(), Where(**options)]), probe=False)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"keep": "scores > 1"}, "the rule 'scores <= 1': reads the column 'scores', which nothing before it makes. "
                                 "Did you mean 'score'?"),
        ({"drop": "kind > 1"}, "the rule 'kind > 1': the column 'kind' holds string and is compared with a number, 1."),
        ({"keep": "rps_lines_num_words > 1"}, "holds list<item: int64> and is compared with a number"),
        ({"drop": "rps_doc_frac_chars_top_2gram > 20"}, "removes no document: rps_doc_frac_chars_top_2gram lies "
                                                        "between 0 and 1. Check its bound."),
        ({"keep": "rps_doc_stop_word_fraction >= 1.5"}, "'rps_doc_stop_word_fraction < 1.5' removes every document"),
        ({"keep": "rps_doc_word_count >= 0"}, "removes no document: rps_doc_word_count is never below 0"),
        ({"keep": ["n > 5", "n < 3"]}, "the rules 'n <= 5' and 'n >= 3' together remove every document."),
        ({"keep": "kind = 'a'", "drop": "kind in ['a', 'b']"}, "together remove every document"),
        ({"keep": ["good", "not good"]}, "together remove every document"),
        ({"keep": ["n > 1 or n < 0", "n > 5 or n < -5 or score > 2", "n >= -5", "n <= 5", "score < 1"]},
         "conditions on n, score can never all be true"),
    ],
)  # fmt: skip
def test_conditions_that_cannot_be(tmp_path, options, said):
    found = findings(tmp_path, **options)
    assert len(found) == 1 and found[0].startswith("where: ") and said in found[0]


@pytest.mark.parametrize(
    "options",
    [
        {"keep": ["n >= 5", "n <= 5"]},
        {"keep": ["score > 0.1", "score < 0.2", "kind != 'a'"], "drop": ["n > 5", "good"]},
        {"keep": ["rps_doc_word_count >= 50"], "drop": ["rps_doc_frac_chars_top_2gram > 0.2", "kind = 'b'"]},
        {"keep": [f"n != {at}" for at in range(30)]},
        {"keep": "n is null", "drop": "score > 0.5"},
    ],
)
def test_nothing_to_say_about_conditions_that_can_be(tmp_path, options):
    assert findings(tmp_path, **options) == []


FIXTURE = Path(__file__).parent / "dolma_v1_6_as_published.yaml"
DEAD = [f"gopher_v1__fraction_of_characters_in_most_common_{n}gram" for n in (2, 3, 4)]


def test_dolma_s_three_dead_rules_are_found(root, monkeypatch):
    """The mixer of dolma 1.5 and 1.6 filters on `...2gram`, `...3gram` and `...4gram`; the tagger writes `...grams`."""
    monkeypatch.chdir(root)
    found = lint(load(FIXTURE), probe=False)
    bounds = (0.2, 0.18, 0.16)
    assert found == [
        f"where: the rule '{name} > {bound}': reads the column '{name}', which nothing before it makes. "
        f"Did you mean '{name}s'?"
        for name, bound in zip(DEAD, bounds, strict=True)
    ]


def test_the_mended_recipe_differs_in_these_rules_only(root, monkeypatch):
    monkeypatch.chdir(root)
    mended, published = load(root / "pipelines" / "dolma_v1_6_web.yaml"), load(FIXTURE)
    assert lint(mended, probe=False) == []
    rules = [next(s.drop for s in recipe.stages if isinstance(s, Where)) for recipe in (mended, published)]
    differing = [(ours, theirs) for ours, theirs in zip(*rules, strict=True) if ours != theirs]
    assert differing == [(theirs.replace("gram ", "grams "), theirs) for _, theirs in differing]
    assert [theirs.split()[0] for _, theirs in differing] == DEAD
