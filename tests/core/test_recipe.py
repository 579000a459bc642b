"""Recipes: everything wrong is said at once, with its line and the nearest right name."""

from __future__ import annotations

import re

import pytest
import stages_for_tests as own
from core_tools import recipe_of, write_jsonl

from datacurate.api import load_recipe
from datacurate.core.errors import RecipeError
from datacurate.core.recipe import load, loads
from datacurate.stages.dedup.minhash import Minhash
from datacurate.stages.filters.gopher_quality import GopherQuality

GOOD = """
name: good
sources: {web: docs/*.jsonl}
stages:
  - gopher_quality: {min_words: 5, max_words: null}
  - minhash:
      verify: null
"""


def errors(text: str) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        loads(text, "bad.yaml")
    return str(caught.value).splitlines()


def test_a_good_recipe():
    recipe = loads(GOOD)
    assert recipe.name == "good"
    assert recipe.stages == [GopherQuality(min_words=5, max_words=None), Minhash(verify=None)]
    assert recipe.sources["web"].path == "docs/*.jsonl"


def test_everything_wrong_is_said_at_once_with_line_and_nearest_name():
    text = """
nmae: x
sources:
  web: docs/*.docx
  books: {jsonl: b.jsonl, txet: body}
stages:
  - gopher_qualty
  - gopher_quality:
      min_wrds: 5
      max_words: many
  - minhash: {bands: 0}
quarantine_limit: 2
"""
    said = errors(text)
    assert [line.split(" ", 1)[0] for line in said] == [f"bad.yaml:{n}:" for n in (2, 4, 5, 7, 9, 10, 11, 12)]
    for line, words in zip(
        said,
        [
            "unknown key 'nmae'. Did you mean 'name'?",
            "docs/*.docx: the ending names no format",
            "unknown option 'txet'. Did you mean 'text'?",
            "unknown stage 'gopher_qualty'. Did you mean 'gopher_quality'?",
            "gopher_quality: unknown option 'min_wrds'. Did you mean 'min_words'?",
            "max_words: Input should be a valid integer, unable to parse string as an integer, but got 'many'",
            "bands: Input should be greater than or equal to 1, but got 0",
            "quarantine_limit: Input should be less than or equal to 1, but got 2",
        ],
        strict=True,
    ):
        assert words in line


def test_a_key_that_stands_twice():
    assert errors("sources: {a: x.jsonl}\nname: a\nname: b\n") == ["bad.yaml:3: 'name' stands here twice. Remove one."]
    [line] = errors("sources: {a: x.jsonl}\nstages:\n- minhash:\n    bands: 3\n    bands: 4\n")
    assert line.startswith("bad.yaml:5: 'bands' stands here twice")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("name: [1\nsources: x", 2, "not valid YAML"),
        ("a: b: c", 1, "not valid YAML"),
        ("sources: x.jsonl\n\tname: y", 2, "not valid YAML"),
        ("", 1, "sources is a mapping"),
        ("- a\n- b", 1, "a recipe is a mapping"),
        ("just words", 1, "a recipe is a mapping"),
        ("sources: {}", 1, "sources is a mapping"),
        ("sources: {a: x.jsonl}\nstages: minhash", 2, "stages is a list"),
        ("sources: {a: x.jsonl}\nstages: [5]", 2, "a stage is a name"),
        ("sources: {a: x.jsonl}\nstages:\n- {minhash: 5}", 3, "a stage is a name"),
        ("sources: {a: x.jsonl}\nstages:\n- {minhash: {}, exact: {}}", 3, "a stage is a name"),
        ("sources: {a: x.jsonl}\nmixture: 5", 2, "mixture is a mapping"),
        ("sources: {a: {x: y.jsonl}}", 1, "a source names its format once"),
        ("sources: {a: {jsonl: x, parquet: y}}", 1, "a source names its format once"),
        ("sources: {a: {jsonl: 5}}", 1, "path"),
        ("sources: {a: x.jsonl}\nquarantine_limit: -0.1", 2, "greater than or equal to 0"),
        ("sources: {a: x.jsonl}\nquarantine_limit: lots", 2, "valid number"),
        ("sources: {a: x.jsonl}\nname: [1]", 2, "name: Input should be a valid string"),
        ("sources: {a: x.jsonl}\nstages:\n- where", 3, "where: there is no condition. Give 'keep' or 'drop' one"),
        ("sources: {a: x.jsonl}\nstages:\n- where: {keep: [], missing: keep}", 3, "there is no condition"),
        ("sources: {a: x.jsonl}\nstages:\n- gopher_quality: {min_words: 9, max_words: 8}", 3,
         "gopher_quality: min_words 9 is above max_words 8, so nothing passes both. Lower one, raise one."),
        ("sources: {a: x.jsonl}\nstages:\n- gopher_quality: {preset: paper, max_mean_word_length: 2.5}", 3,
         "min_mean_word_length 3 is above max_mean_word_length 2.5"),
        ("sources: {a: x.jsonl}\nstages:\n- unless: {spared: [short]}", 3,
         "unless: gopher_quality has no rule 'short'. Did you mean 'short_words'?"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(text, line, words):
    said = errors(text)
    assert said[0].startswith(f"bad.yaml:{line}:") and words in "\n".join(said)
    assert "Traceback" not in "\n".join(said)


@pytest.mark.parametrize("limit", [0, 0.5, 1])
def test_quarantine_limits_up_to_all(limit):
    assert loads(f"sources: {{a: x.jsonl}}\nquarantine_limit: {limit}").quarantine_limit == limit


def test_weights_are_checked_against_the_sources():
    text = "sources: {web: w.jsonl, books: b.jsonl}\nmixture:\n  tokens: 1000\n  weights:\n    web: 1\n    boks: 2\n"
    said = [line for line in errors(text) if "boks" in line]
    assert said == ["bad.yaml:6: mixture: no source 'boks'. Did you mean 'books'?"]
    text = text.replace("boks: 2", "b*: 2\n  limits:\n    wib: {at_most: 3}")
    said = [line for line in errors(text) if "source '" in line]
    assert said == ["bad.yaml:8: mixture: no source 'wib'. Did you mean 'web'?"], "patterns are not names"


def test_a_recipe_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(RecipeError, match="Give the path of a YAML file"):
        load(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match="Give the path of a YAML file"):
        load(tmp_path / "bytes.yaml")
    with pytest.raises(RecipeError):
        load(tmp_path)


def test_the_name_of_a_recipe_without_one_is_that_of_its_file(tmp_path):
    (tmp_path / "nightly.v2.yaml").write_text("sources: x.jsonl")
    assert load(tmp_path / "nightly.v2.yaml").name == "nightly"


def test_yaml_loads_to_an_equal_recipe(tmp_path):
    source = write_jsonl(tmp_path / "a.jsonl", ["x"])
    recipe = recipe_of(
        {"web": source, "2024: #odd": source},
        GopherQuality(min_words=5, max_words=None, stop_words=("der", "ü", "yes")),
        Minhash(verify=None),
        own.MinChars(min_chars=4),
        own.Upper(),
        quarantine_limit=0.25,
        name="nightly",
    )
    again = loads(recipe.as_yaml())
    assert again == recipe
    assert [type(stage) for stage in again.stages] == [type(stage) for stage in recipe.stages]
    assert again.as_yaml() == recipe.as_yaml()


def test_yaml_keeps_the_mixture():
    text = "name: m\nsources: {web: w.jsonl}\nmixture:\n  tokens: 1000\n  tokenizer: t.json\n  weights: {web: 2.0}\n"
    recipe = loads(text)
    assert loads(recipe.as_yaml()) == recipe and recipe.mixture is not None


def test_a_stage_of_ones_own_is_named_by_its_import_path():
    recipe = loads("sources: x.jsonl\nstages: [stages_for_tests.MinChars: {min_chars: 7}, stages_for_tests.Upper]")
    assert recipe.stages == [own.MinChars(min_chars=7), own.Upper()]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("stages_for_tests.Nothing", "Check the name and PYTHONPATH"),
        ("no_such_module.Stage", "Check the name and PYTHONPATH"),
        ("os.path", "is not a Stage class. Derive it from"),
        ("stages_for_tests.note", "is not a Stage class"),
        ("stages_for_tests.", "cannot import stage"),
        pytest.param(".Upper", "cannot import stage"),
        pytest.param("..", "cannot import stage"),
    ],
)
def test_an_import_path_that_leads_nowhere(name, words):
    [line] = errors(f"sources: x.jsonl\nstages:\n- '{name}'")
    assert line.startswith("bad.yaml:3:") and words in line


def test_a_module_that_fails_when_it_is_imported(tmp_path, monkeypatch):
    (tmp_path / "broken_stage.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    [line] = errors("sources: x.jsonl\nstages: [broken_stage.Some]")
    assert "broken_stage" in line and "division by zero" in line


def test_set_changes_an_option_and_is_checked(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(GOOD)
    recipe = load_recipe(path, ["gopher-quality.min-words=7", "minhash.verify=0.5", "minhash.bands=3"])
    assert recipe.stages == [GopherQuality(min_words=7, max_words=None), Minhash(verify=0.5, bands=3)]
    for change, words in [
        ("minhash.bnds=3", "unknown option 'bnds'. Did you mean 'bands'?"),
        ("minhsh.bands=3", "no stage 'minhsh' in this recipe. Did you mean 'minhash'?"),
        ("minhash.bands=0", "greater than or equal to 1"),
        ("minhash", "write STAGE.OPTION=VALUE"),
        ("minhash.bands", "write STAGE.OPTION=VALUE"),
    ]:
        with pytest.raises(RecipeError) as caught:
            load_recipe(path, [change])
        assert words in str(caught.value) and f"--set {change}" in str(caught.value)


def test_set_with_broken_yaml_is_an_error_of_the_recipe(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(GOOD)
    with pytest.raises(RecipeError):
        load_recipe(path, ["minhash.bands=[1"])


def test_set_leaves_stages_with_path_like_options_whole(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text("sources: x.jsonl\nstages: [stages_for_tests.Journal: {path: a, seconds: 1}]")
    assert load_recipe(path, ["journal.seconds=2"]).stages == [own.Journal(path="a", seconds=2)]


def test_bounds_that_meet_are_no_contradiction():
    loads("sources: {a: x.jsonl}\nstages: [gopher_quality: {min_words: 9, max_words: 9}]")
    loads("sources: {a: x.jsonl}\nstages: [gopher_quality: {min_words: 100, max_words: null}]")


def test_thousands_of_known_words_are_not_listed():
    from datacurate.core.errors import did_you_mean

    said = did_you_mean("zzz", [f"s{i:05d}" for i in range(10_000)])
    assert said.startswith("Known: s00000, s00001") and said.endswith("s00099 and 9,900 more.")
    assert did_you_mean("s0001", [f"s{i:05d}" for i in range(10_000)]).startswith("Did you mean 's0")


def test_a_wrong_name_further_down_gets_the_nearest_of_its_own_level():
    text = "sources: {{a: a.jsonl}}\nmixture: {{tokens: 9, tokenizer: t.json, {}}}\n"
    for options, said in (
        ("stages: [{name: a, tokens: 9, wieghts: {a: 1}}]", "'stages.0.wieghts'. Did you mean 'weights'"),
        ("limits: {a: {at_mots: 5}}", "'limits.a.at_mots'. Did you mean 'at_most'"),
    ):
        with pytest.raises(RecipeError, match=re.escape(said)):
            loads(text.format(options))
