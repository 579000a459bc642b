"""The command line: help is quick and light, output is for people or machines, and web text cannot drive a terminal."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time

import pytest
import stages_for_tests as own
from core_tools import curate, fates, inline_profile, recipe_of, run, write_jsonl, write_recipe

from datacurate.api import one_stage
from datacurate.core.plan import plan
from datacurate.core.recipe import load
from datacurate.core.registry import stages_in
from datacurate.stages.filters.gopher_quality import GopherQuality

HEAVY = ("torch", "transformers", "vllm", "numba", "pyarrow", "numpy")
VERBS = ["run", "plan", "lint", "show", "audit", "trace", "diff", "tune", "explain", "stages", "schema", "mix", "train"]
STAGES = [(name.replace("_", "-"),) for name in stages_in("")]
STAGES += [(group, name.replace("_", "-")) for group in ("filter", "dedup") for name in stages_in(group)]
HOSTILE = "nice\x1b[31m\x1b]0;owned\x07 text\r\x00 \x9b2J \u202egnp.exe\u2066 \u2028 \u200f end"


@pytest.fixture
def source(tmp_path):
    return write_jsonl(tmp_path / "in" / "a.jsonl", ["one", "a longer text", HOSTILE, "x"])


@pytest.fixture
def done(source, tmp_path):
    """A run of two stages."""
    return run(recipe_of(source, own.MinChars(), own.Survey()), tmp_path)


@pytest.mark.parametrize("words", [(), *((verb,) for verb in VERBS), ("filter",), ("dedup",), *STAGES], ids=" ".join)
def test_every_command_has_help(capsys, words):
    code, said, _ = curate(capsys, *words, "--help")
    assert code == 0 and re.match(rf"Usage: .*curate {' '.join(words)}", said)
    assert len(said.splitlines()) > 5
    for raw in ("None", "<function", "Annotated", "PydanticUndefined", "typing."):
        assert raw not in said


def test_help_of_a_stage_comes_from_its_class(capsys):
    _, said, _ = curate(capsys, "filter", "gopher-quality", "--help")
    words = " ".join(said.split())
    assert "Keep documents that read like prose" in words
    for name, field in GopherQuality.model_fields.items():
        assert f"--{name.replace('_', '-')}" in words
        assert " ".join(str(field.description).split())[:30] in words


def test_help_lists_every_command_with_its_first_line(capsys):
    _, said, _ = curate(capsys, "--help")
    listed = {line.split()[0]: line.split()[1:] for line in said.splitlines() if re.match(r"  [a-z]", line)}
    assert set(VERBS) <= set(listed) and all(listed.values())
    _, said, _ = curate(capsys, "filter", "--help")
    assert "Keep documents that read like prose" in " ".join(said.split())


@pytest.mark.parametrize("words", [["--help"], ["filter", "--help"], ["run", "--help"]])
def test_help_imports_nothing_heavy(words):
    code = f"""
import sys
from datacurate.cli import main
sys.argv = ["curate", *{words!r}]
try:
    main()
finally:
    print("HEAVY", [name for name in {HEAVY!r} if name in sys.modules])
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert said.stdout.splitlines()[-1] == "HEAVY []"


def test_output_for_machines_is_json(source, tmp_path, capsys, done):
    recipe = write_recipe(tmp_path / "r.yaml", recipe_of(source, own.MinChars(min_chars=2), own.Survey()))
    where = ("--out", tmp_path / "second", "--store", tmp_path / "store")

    def said(*words) -> object:
        code, out, errors = curate(capsys, *words, "--json")
        assert errors == "" and code in (0, 2), errors
        return json.loads(out)

    planned = said("plan", recipe, *where)
    assert sum(barrier["missing"] for barrier in planned["barriers"]) > 0
    assert [stage["name"] for stage in planned["stages"]] == ["read", "min_chars", "survey"]
    finished = said("run", recipe, *where, "--profile", inline_profile(tmp_path))
    assert [m["ledger"]["out"]["documents"] for m in finished["stages"]] == [4, 3, 3]
    assert sum(barrier["missing"] for barrier in said("plan", recipe, *where)["barriers"]) == 0
    shown = said("show", tmp_path / "second" / "02-survey", "--rows", 1)
    assert shown["rows"] == 3 and len(shown["first"]) == 1
    assert "a-3" in json.dumps(said("trace", done.folder, "a-3"))
    assert said("diff", done.folder, tmp_path / "second")
    assert isinstance(said("lint", recipe), list)
    assert said("explain", "gopher_quality")["name"] == "gopher_quality"
    assert "minhash" in said("stages")


def test_schema_is_json_and_holds_every_stage(capsys):
    code, out, _ = curate(capsys, "schema")
    assert code == 0 and '"gopher_quality"' in out and json.loads(out)["required"] == ["sources"]
    code, out, _ = curate(capsys, "schema", "minhash")
    assert "bands" in json.loads(out)["properties"]


def test_a_stage_command_is_the_recipe_of_that_stage(source, tmp_path, capsys):
    words = ("filter", "gopher-quality", source, "--out", tmp_path / "out", "--profile", inline_profile(tmp_path))
    code, _, said = curate(capsys, *words, "--min-words", 2, "--max-words", "null", "--stop-words", "[a, longer]")
    assert code == 0, said
    stage = GopherQuality(min_words=2, max_words=None, stop_words=("a", "longer"))
    assert load(tmp_path / "out" / "recipe.yaml").stages == [stage]
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["key"] == plan(one_stage(stage, [source]), tmp_path).stages[-1].key
    code, said, _ = curate(capsys, "show", tmp_path / "out")
    assert code == 0 and re.search("1 rows? in 1 shards?", said) and "a longer text" in said


def test_set_changes_a_run(source, tmp_path, capsys):
    recipe = write_recipe(tmp_path / "r.yaml", recipe_of(source, own.MinChars()))
    where = ("--out", tmp_path / "run", "--store", tmp_path / "store", "--profile", inline_profile(tmp_path))
    code, _, said = curate(capsys, "run", recipe, *where, "--set", "min-chars.min-chars=4")
    assert code == 0, said
    assert fates(tmp_path / "run", "min_chars") == {"in": 4, "out": 2, "short": 2}
    assert load(tmp_path / "run" / "recipe.yaml").stages == [own.MinChars(min_chars=4)]


def test_plan_says_why(source, tmp_path, capsys):
    recipe = write_recipe(tmp_path / "r.yaml", recipe_of(source, own.MinChars()))
    where = ("--out", tmp_path / "run", "--store", tmp_path / "store")
    curate(capsys, "run", recipe, *where, "--profile", inline_profile(tmp_path))
    code, said, _ = curate(capsys, "plan", recipe, *where, "--set", "min_chars.min_chars=5")
    assert code == 0 and "Since the last run:" in said and "min_chars: min_chars 3 → 5" in said
    _, said, _ = curate(capsys, "plan", recipe, *where)
    assert "Since the last run" not in said


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["run", "none.yaml"], 2, "Give the path of a YAML file"),
        (["run"], 2, "Missing argument"),
        (["rnu"], 2, "No such command"),
        (["filter", "gopher-qualty"], 2, "Did you mean 'gopher-quality'?"),
        (["dedup", "minhash", "x.jsonl", "--out", "out", "--bands", "0"], 2, "--bands: bands: Input should be greater"),
        (["dedup", "minhash", "x.jsonl", "--out", "out", "--bands", "many"], 2, "valid integer"),
        (["dedup", "minhash", "x.jsonl", "--out", "out", "--verify", "[1"], 2, "not valid YAML"),
        (["filter", "gopher-quality", "x.jsonl", "--out", "out", "--min-words", "100", "--max-words", "10"], 2,
         "curate: min_words 100 is above max_words 10, so nothing passes both."),
        (["filter", "where", "x.jsonl", "--out", "out"], 2, "there is no condition. Give 'keep' or 'drop' one"),
        (["dedup", "minhash", "nowhere.jsonl", "--out", "out"], 3, "no files match"),
        (["dedup", "minhash", "x.docx", "--out", "out"], 3, "the ending names no format"),
        (["show", "."], 3, "no manifest.json here"),
        (["trace", ".", "id"], 3, ""),
        (["diff", ".", "."], 3, ""),
        (["audit", "."], 3, ""),
        (["explain", "minhsh"], 2, "Did you mean 'minhash'?"),
        (["schema", "minhsh"], 2, "Did you mean 'minhash'?"),
        (["lint", "none.yaml"], 2, "Give the path of a YAML file"),
        (["run", "r.yaml", "--profile", "none.yaml"], 2, "cannot read the profile"),
        (["run", "r.yaml", "--workers", "0"], 2, "workers"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_what_a_user_can_mend_has_its_exit_status(tmp_path, monkeypatch, capsys, words, code, says):
    monkeypatch.chdir(tmp_path)
    write_recipe(tmp_path / "r.yaml", recipe_of(write_jsonl(tmp_path / "x.jsonl", ["long text"]), own.MinChars()))
    got, _, said = curate(capsys, *words)
    assert (got, says in " ".join(said.replace("│", " ").split())) == (code, True), said
    assert "Traceback" not in said and said.strip()


def test_a_ledger_that_does_not_balance_exits_with_6(source, tmp_path, capsys):
    recipe = write_recipe(tmp_path / "r.yaml", recipe_of(source, own.LosesRow()))
    where = ("--out", tmp_path / "run", "--store", tmp_path / "store", "--profile", inline_profile(tmp_path))
    code, _, said = curate(capsys, "run", recipe, *where)
    assert code == 6 and "loses_row: 4 documents came in, 3 went on" in said


def odd(text: str) -> set[str]:
    """Characters that drive a terminal."""
    return {c for c in text if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160 or c in "\u202e\u2066\u2028\u200f"}


@pytest.mark.parametrize("how", [[], ["--json"]])
def test_web_text_does_not_drive_the_terminal(tmp_path, capsys, how):
    path = tmp_path / "h.jsonl"
    path.write_text(json.dumps({"id": f"id{HOSTILE}", "text": HOSTILE, "url": HOSTILE}) + "\n")
    made = run(recipe_of({f"s{HOSTILE}": path}, own.MinChars(min_chars=1)), tmp_path)
    for words in (["show", made.folder / "01-min_chars"], ["trace", made.folder, f"id{HOSTILE}"]):
        code, said, errors = curate(capsys, *words, *how)
        assert code == 0 and not odd(said + errors), words
        assert re.search(r"nice(\\+u001b|\[U\+001B\])", said), "shown as an escape"


def test_errors_about_hostile_names_do_not_drive_the_terminal(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "evil\x1b[31m.docx"
    path.touch()
    _, _, said = curate(capsys, "filter", "gopher-quality", path, "--out", tmp_path / "out")
    assert said and not odd(said)


def test_progress_is_plain_lines_in_a_log(source, tmp_path, capsys):
    recipe = write_recipe(tmp_path / "r.yaml", recipe_of(source, own.MinChars()))
    where = ("--out", tmp_path / "run", "--store", tmp_path / "store", "--profile", inline_profile(tmp_path))
    began = time.monotonic()
    code, out, said = curate(capsys, "run", recipe, *where)
    assert time.monotonic() - began < 30 and code == 0
    assert re.fullmatch(r"\[ +\d+\.\d s\] read \+ min_chars: 1 of 1 tasks\n", said)
    assert "01-min_chars" in out and "\x1b" not in out + said


def test_a_preset_that_does_not_exist_is_named(capsys, source, tmp_path):
    words = ["filter", "gopher-quality", str(source), "--preset", "gohper", "--out", str(tmp_path / "out")]
    code, _, error = curate(capsys, *words)
    assert code == 2 and "no preset 'gohper'" in error and "All: datatrove, paper, dolma" in error


def test_presets_are_listed_once(capsys, source, tmp_path):
    _, _, error = curate(capsys, "filter", "gopher-quality", source, "--preset", "xyz", "--out", tmp_path / "out")
    assert error.count("dolma") == 1 and "Known" not in error and "no preset 'xyz'. All: datatrove" in error


def test_the_guards_alarm_is_said_once(capsys, tmp_path):
    path = tmp_path / "same.jsonl"
    path.write_text("".join(json.dumps({"id": str(at), "text": "all the same"}) + "\n" for at in range(100)))
    where = ("--out", tmp_path / "out", "--profile", inline_profile(tmp_path))
    code, _, error = curate(capsys, "dedup", "exact", path, "--max-loss", "0.5", *where)
    assert code == 7 and error.count("would remove more of a source") == 1 and error.count("raise max_loss") == 1
    assert "failed: " not in error
