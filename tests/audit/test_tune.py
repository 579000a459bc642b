"""What-if answers: equal to a rerun, exact about how far they reach, and clear about what they cannot tell."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path
from unittest import mock

import pyarrow.parquet as pq
import pytest
import tune_runs as own
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from datacurate.audit import replay
from datacurate.audit.run_folder import open_run
from datacurate.audit.stored_signals import pairs, way
from datacurate.audit.tune import tune
from datacurate.audit.tune_rules import overview
from datacurate.core.errors import InputError, RecipeError
from datacurate.core.stage import Filter
from datacurate.stages.dedup.exact import Exact
from datacurate.stages.filters.c4 import C4
from datacurate.stages.filters.where import Where

WORDS = st.sampled_from(
    ["a", "b!", "cat", "!!!", "#x", "#long-tag", "z", "élan", "unmeasurable", "crash", "many " * 5, "\U0001d518"]
)
BREAKS = st.sampled_from(["\n", "\r", "\r\n", "\x85", "\u2028", "\u2029", "\n[1]\u2028"])
LINED = st.lists(
    st.tuples(st.sampled_from(["cat.", "a b!", "menu", "A. B.[2]", "{."]), BREAKS).map("".join), max_size=6
)
TEXTS = st.one_of(st.just("null"), st.lists(WORDS, max_size=6).map(" ".join), LINED.map("".join))
FILE = st.lists(TEXTS, max_size=12)
DOCS = st.fixed_dictionaries({"web": st.lists(FILE, min_size=1, max_size=2), "books": st.tuples(FILE).map(list)})
SCORES = [None, 0.5, float("nan"), 0.75, -1.0] * 3
OPTIONS = {
    own.Size: st.one_of(
        st.builds(own.Size, min_chars=st.integers(0, 20) | st.none(), max_chars=st.integers(20, 60) | st.none()),
        st.builds(own.Size, min_chars=st.none(), max_chars=st.integers(0, 60)),
    ),
    own.Even: st.builds(own.Even, max_rest=st.integers(0, 6)),
    own.Marks: st.builds(
        own.Marks,
        max_share=st.sampled_from([0, 0.1, 0.25, 0.5, 1]),
        max_words=st.integers(0, 8),
        not_first=st.sampled_from(["z", "abz", ""]),
    ),
    own.Tongue: st.builds(own.Tongue, keep=st.sampled_from([["-", "a"], ["-", "a", "b", "c"], ["-", "a", "c", "d"]])),
    C4: st.builds(
        C4, min_sentences=st.sampled_from([None, 0, 1, 3]), curly_bracket=st.booleans(), min_words_per_line=st.just(1)
    ),
    own.Trim: st.builds(own.Trim, min_left=st.integers(0, 10)),
    Where: st.builds(
        Where,
        keep=st.sampled_from([("score > 0.5",), ("score <= 0.5", "chars > 3"), ("chars > 9 or score >= 0",)]),
        missing=st.sampled_from(["drop", "keep", "quarantine"]),
    ),
}
RECIPES = [
    (own.Nulls, own.Size, own.Marks, own.Tongue),
    (own.Nulls, own.Size, own.Even, own.Marks),
    (own.Tongue, own.Marks, own.Trim),
    (own.Nulls, own.Size, own.Trim, own.Marks),
    (own.Marks, own.Crash, own.Size),
    (own.Marks, own.Crash),
    (own.Size, Where, own.Marks),
    (own.Size, own.Marks, own.Tongue, own.Even, Where),
    (own.Marks, own.Size, own.Marks, own.Even, own.Trim),
    (own.Trim, own.Size, own.Upper, own.Marks),
    (own.Size, own.Upper),
    (own.Marks, Exact, own.Size),
    (C4, own.Size),
    (own.Size, C4, own.Marks, own.Trim),
]


@st.composite
def twice(draw):
    """The stages of a recipe with some options and with others."""
    kinds = draw(st.sampled_from(RECIPES))
    now, then = ([draw(OPTIONS[kind]) if kind in OPTIONS else kind() for kind in kinds] for _ in range(2))
    keep = draw(st.lists(st.booleans(), min_size=len(kinds), max_size=len(kinds)))
    return now, [a if same else b for a, b, same in zip(now, then, keep, strict=True)]


ODD = [
    "\u2028First line of it.\rAnd its second.\u2028menu\u2028The third of them.\x85And the very last.\u2028",
    "One line of it.\u2029Then another one.\x85[1] [2] [3]\u2028",
    "A {b} c d.\r\nOne more of them.\x85The third of them.\u2028And the very last.",
    "null",
    "Line feeds are plain.\nThey are as they were.",
]


def c4_with(**options):
    """C4 in front of a filter, with loose thresholds and with others."""
    size = own.Size(max_chars=70)
    return [C4(min_sentences=1), size], [C4(**{"min_sentences": 1, **options}), size]


@settings(max_examples=20, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(docs=DOCS, stages=twice(), window=st.sampled_from([3, 1000]))
@example(docs={"web": [ODD, ODD[1:]], "books": [ODD[:2]]}, stages=c4_with(min_sentences=3), window=3)
@example(docs={"web": [ODD, ODD[1:]], "books": [ODD[:2]]}, stages=c4_with(curly_bracket=False), window=1000)
def test_a_replay_equals_a_rerun(docs, stages, window):
    with tempfile.TemporaryDirectory() as name, mock.patch.object(replay, "WINDOW", window):
        folder = Path(name)
        before, after = (own.recipe_of(folder / "in", docs, chosen, score=SCORES) for chosen in stages)
        run, rerun = own.finish(before, folder / "a", "a"), own.finish(after, folder / "b", "b")
        staged = pairs(run, before, after)
        filters = [at for at, (_, a, _) in enumerate(staged) if isinstance(a, Filter)]
        first = next((at for at, (_, a, b) in enumerate(staged) if a != b), filters[0])
        if any(measured(a) != measured(b) for a, b in zip(*stages, strict=True) if isinstance(a, Filter)):
            with pytest.raises(RecipeError, match="changes what is measured"):
                tune(run, before, after)
            return
        tally = own.Names(way(run, staged, first)).run()
        check_against(rerun, tally)
        reached = {step.label for step in tally.way.steps}
        if {done.label for done, a, b in staged if a != b} - reached:
            with pytest.raises(RecipeError, match="stored signals tell no further than in front of"):
                tune(run, before, after)
            return
        answer = tune(run, before, after)
        assert answer.total.documents[1] == len(tally.named[1])
        assert sum(one.documents for one in answer.unknown) == len(tally.unknown)
        assert json.dumps(answer.as_json()) and answer.as_text()


def measured(stage):
    return stage.changed_fields(stage.measured_with)


def check_against(rerun, tally):
    """Every stage of the rerun removes and hands on what the replay says, but for documents that it calls unknown."""
    came = own.names_of(rerun.folder.parent.parent / "in")
    stages = {stage.label: stage for stage in rerun.booked}
    for stage in rerun.booked:
        if stage.label == tally.way.steps[0].label:
            break
        came -= own.ledger(stage).keys()
    for at, step in enumerate(tally.way.steps):
        stage = stages[step.label]
        rows = [row for path in stage.ledgers.values() for row in pq.read_table(path).to_pylist()]
        known = [row for row in rows if (row["source"], row["id"]) not in tally.unknown]
        came -= {(row["source"], row["id"]) for row in rows}
        if not step.is_filter:
            continue
        counts, sizes, broken = Counter(), Counter(), Counter()
        for row in known:
            counts[row["rule"]] += row["fate"] == "dropped"
            sizes[row["rule"]] += row["bytes"] if row["fate"] == "dropped" else 0
            broken += Counter(documents=1, bytes=row["bytes"]) if row["fate"] == "quarantined" else Counter()
        dropped = {c.rule: c.dropped for c in tally.rules.values() if c.step == at}
        assert Counter({rule: n.documents[1] for rule, n in dropped.items()}) == counts
        assert Counter({rule: n.bytes[1] for rule, n in dropped.items()}) == sizes
        assert Counter({unit: getattr(tally.broken[at], unit)[1] for unit in ("documents", "bytes")}) == broken
        if not tally.unknown:
            out = {unit: getattr(tally.out[at], unit)[1] for unit in ("documents", "bytes")}
            assert out == {unit: stage.books["out"][unit] for unit in out}
    assert tally.named[1] == came - tally.unknown


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tune")


LINES = ["calm words here", "loud!!!!!!!", "", None, "many " * 9, "#tag gone", "unmeasurable", "z last", "a! b! c!"]
ROW = [own.Size(max_chars=20), own.Marks(max_share=0.2, max_words=4), own.Tongue()]


@pytest.fixture(scope="module")
def recipe(folder):
    return own.recipe_of(folder / "in", {"web": [LINES * 3, LINES], "books": [LINES[:3]]}, ROW)


@pytest.fixture(scope="module")
def run(folder, recipe):
    return own.finish(recipe, folder, "run")


def changed(recipe, stage, **options):
    """The recipe with other options of the stage at a position."""
    stages = list(recipe.stages)
    stages[stage] = type(stages[stage])(**{**stages[stage].options(), **options})
    return recipe.model_copy(update={"stages": stages})


def test_figures_by_source_language_and_rule(run, recipe):
    answer = tune(run, recipe, changed(recipe, 1, max_share=1))
    assert [(s.name, s.documents) for s in answer.sources] == [("books", (1, 2)), ("web", (8, 16))]
    assert {k.name: k.documents for k in answer.languages} == {"-": (4, 9), "a": (0, 4), "c": (5, 5)}
    assert answer.stop is None and answer.unknown == [] and answer.tokens is None
    assert answer.total.documents == (9, 18)


def test_thresholds_in_front_of_a_filter_that_reads_an_added_column(folder):
    """Its signals cover what the filter that adds the column hands on: nothing is unknown behind another one."""
    row = [own.Size(max_chars=20), own.Marks(max_share=0.2, max_words=2), own.Even(max_rest=2)]
    recipe = own.recipe_of(folder / "added", {"web": [LINES * 3, LINES]}, row)
    run = own.finish(recipe, folder / "added", "run")
    then = changed(recipe, 1, max_share=1, max_words=8)
    answer = tune(run, recipe, then)
    assert answer.unknown == [] and answer.total.documents[1] > answer.total.documents[0]
    rerun = own.finish(then, folder / "added", "rerun")
    assert answer.total.documents[1] == rerun.stages[-1].books["out"]["documents"]
    longer = tune(run, recipe, changed(changed(recipe, 1, max_words=9), 0, max_chars=60))
    assert [(one.stage, one.documents) for one in longer.unknown] == [("even", 4)]


def test_nothing_changed_changes_nothing(run, recipe):
    answer = tune(run, recipe, recipe)
    assert answer.changed == [] and answer.total.documents[0] == answer.total.documents[1] > 0


def test_refused_options_name_the_command(run, recipe, folder):
    for options, named in (({"every": 2}, "every"), ({"preset": "half"}, "every")):
        with pytest.raises(
            RecipeError, match=rf"size\.{named}.*: this changes what is measured.*curate run .*--set x=1"
        ):
            tune(run, recipe, changed(recipe, 0, **options), ["x=1"])


def test_a_preset_that_measures_alike_is_a_change_of_thresholds(folder):
    recipe = own.recipe_of(folder / "preset", {"web": [LINES]}, [own.Size()])
    run = own.finish(recipe, folder / "preset", "run")
    answer = tune(run, recipe, changed(recipe, 0, preset="tight"))
    assert [c.option for c in answer.changes] == ["preset", "max_chars"]
    assert answer.changed[0].then == "dropped by size.long"


def test_options_of_stages_that_are_no_filters_are_refused(folder):
    recipe = own.recipe_of(folder / "exact", {"web": [LINES]}, [own.Marks(), Exact()])
    run = own.finish(recipe, folder / "exact", "run")
    with pytest.raises(RecipeError, match=r"exact\.ignore_case: this is no threshold over stored signals"):
        tune(run, recipe, changed(recipe, 1, ignore_case=True))
    answer = tune(run, recipe, changed(recipe, 0, max_words=0))
    assert (answer.stop, answer.upto, answer.behind) == ("exact", "marks", ["exact"])


def test_a_run_without_filters_is_refused(folder):
    recipe = own.recipe_of(folder / "none", {"web": [LINES]}, [own.Nulls()])
    run = own.finish(recipe, folder / "none", "run")
    with pytest.raises(RecipeError, match="no filters"):
        tune(run, recipe, recipe)


def test_signals_that_are_gone_or_of_another_version_are_an_error(folder, monkeypatch):
    recipe = own.recipe_of(folder / "gone", {"web": [LINES]}, [own.Marks()])
    run = own.finish(recipe, folder / "gone", "run")
    monkeypatch.setattr(own.Marks, "version", 2)
    with pytest.raises(InputError, match="ran as version 1 and is now version 2"):
        tune(run, recipe, recipe)
    monkeypatch.setattr(own.Marks, "version", 1)
    monkeypatch.setattr(own.Marks, "rules", lambda self, share, words: {"marks": share <= 0, "words": words <= 8})
    with pytest.raises(InputError, match="do not give its ledger"):
        tune(run, recipe, recipe)
    monkeypatch.setattr(own.Marks, "rules", lambda self, share, hashes: {})
    with pytest.raises(InputError, match="rules compare hashes, which the run has not stored"):
        tune(run, recipe, recipe)
    monkeypatch.undo()
    [part] = run.stages[-1].phase("measured").values()
    part.unlink()
    with pytest.raises(InputError, match="not in the store any more"):
        tune(open_run(run.folder), recipe, recipe)


def test_samples_say_who_flips_at_which_figure_and_show_the_text(run, recipe):
    [lost] = tune(run, recipe, changed(recipe, 1, not_first="cz")).changed
    assert (lost.now, lost.then, lost.documents, len(lost.samples)) == ("kept", "dropped by marks.first", 5, 5)
    assert {(s["value"], s["bound_now"], s["excerpt"]) for s in lost.samples} == {(None, None, LINES[0])}
    answer = tune(run, recipe, changed(recipe, 1, max_share=1))
    gained = answer.changed[0]
    assert (gained.now, gained.then) == ("dropped by marks.marks", "kept")
    sample = gained.samples[0]
    assert sample["rule"] == "marks.marks" and (sample["bound_now"], sample["bound_then"]) == (0.2, 1.0)
    assert sample["value"] > 0.2 and sample["excerpt"] in LINES and sample["bytes"] == len(sample["excerpt"])


def test_documents_that_newly_reach_a_stage_without_signals_are_counted_apart(folder):
    recipe = own.recipe_of(folder / "open", {"web": [LINES]}, [own.Marks(max_words=1), own.Trim(), own.Size()])
    run = own.finish(recipe, folder / "open", "run")
    answer = tune(run, recipe, changed(recipe, 0, max_words=8))
    [unknown] = answer.unknown
    assert (unknown.stage, unknown.documents) == ("size", 3)
    assert answer.total.documents[0] == answer.total.documents[1]
    assert "would newly reach size, which has stored nothing of them" in answer.as_text()
    assert tune(run, recipe, changed(recipe, 0, max_words=0)).unknown == []


@pytest.mark.parametrize("kind", ["column", "mixture", "nothing"])
def test_tokens_are_counted_estimated_or_left_out(folder, kind):
    more = {"tokens": list(range(100))} if kind == "column" else {}
    recipe = own.recipe_of(folder / kind, {"web": [LINES]}, [own.Marks()], **more)
    if kind == "mixture":
        from audit_runs import characters

        from datacurate.mixture.mixture import Mixture

        mixture = Mixture(tokenizer=characters(folder), sequence_length=8, tokens=16, weights={"web": 1})
        recipe = recipe.model_copy(update={"mixture": mixture})
    answer = tune(own.finish(recipe, folder / kind, "run"), recipe, changed(recipe, 0, max_words=2))
    if kind == "column":
        assert answer.tokens == "counted by the documents' column `tokens`"
        assert answer.total.tokens == (0 + 2 + 5 + 6 + 8, 2 + 5 + 6)
    elif kind == "mixture":
        assert answer.tokens.startswith("estimated") and "≈ tokens" in answer.as_text()
        assert answer.total.bytes == (44, 21)
        assert answer.total.tokens == (48, 23)  # characters, and the ends of 4 texts
    else:
        assert answer.tokens is None and answer.total.tokens is None


def curate(capsys, monkeypatch, *words):
    """Exit status, standard output and standard error of a command."""
    from datacurate.cli import main

    monkeypatch.setattr("sys.argv", ["curate", *map(str, words)])
    code = 0
    try:
        main()
    except SystemExit as end:
        code = end.code or 0
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_command_prints_text_and_json(run, capsys, monkeypatch):
    words = ("tune", run.folder, "--set", "marks.max-share=1")
    code, said, _ = curate(capsys, monkeypatch, *words)
    assert code == 0 and "marks.max_share: 0.2 → 1.0" in said and "curate run" in said
    code, said, _ = curate(capsys, monkeypatch, *words, "--json")
    answer = json.loads(said)
    assert code == 0 and answer["total"]["documents"] == [9, 18] and answer["changes"][0]["then"] == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("marks.max_share=2", "less than or equal to 1"),
        ("marks.max_shar=1", "Did you mean 'max_share'"),
        ("mark.max_share=1", "Did you mean 'marks'"),
        ("marks", "write STAGE.OPTION=VALUE"),
        ("size.preset=paper", "no preset 'paper'"),
        ("size.every=2", "changes what is measured"),
    ],
)
def test_wrong_changes_are_errors_as_elsewhere(run, capsys, monkeypatch, change, said):
    code, _, error = curate(capsys, monkeypatch, "tune", run.folder, "--set", change)
    assert code == 2 and said in error


def test_a_folder_that_is_no_run_is_an_error(tmp_path, capsys, monkeypatch):
    code, _, error = curate(capsys, monkeypatch, "tune", tmp_path)
    assert code == 3 and "is not the folder of a run" in error


NEAR = [own.Size(min_chars=8, max_chars=14), own.Marks(max_share=0.4, max_words=4), own.Tongue()]


@pytest.mark.parametrize("stages", [NEAR, [own.Size(max_chars=10), own.Even(max_rest=1), own.Marks(max_words=2)]])
def test_a_moved_threshold_of_the_overview_is_what_tune_says(folder, stages):
    place = folder / f"overview{len(list(folder.iterdir()))}"
    recipe = own.recipe_of(place / "in", {"web": [LINES * 3, LINES], "books": [LINES[:3]]}, stages)
    run = own.finish(recipe, place, "run")
    made = overview(run, recipe)
    books = {stage.label: stage.books["dropped"] for stage in run.booked}
    assert sum(rule.dropped for rule in made.rules) == sum(n["documents"] for b in books.values() for n in b.values())
    moved = [(rule, one) for rule in made.rules for one in (rule.lower, rule.higher) if one is not None]
    assert len(moved) >= 6 and any(one.documents for _, one in moved) and made.as_text() and json.dumps(made.as_json())
    for rule, one in moved:
        at = next(at for at, stage in enumerate(stages) if stage.name() == rule.stage)
        answer = tune(run, recipe, changed(recipe, at, **{rule.option: one.value}))
        assert one.documents == answer.total.documents[1] - answer.total.documents[0]
        assert one.bytes == answer.total.bytes[1] - answer.total.bytes[0]
        assert one.unknown <= sum(unknown.documents for unknown in answer.unknown)


def test_the_overview_moves_whole_numbers_by_one_and_shares_up_to_one(folder):
    stage = own.Marks(max_share=0.95, max_words=5)
    recipe = own.recipe_of(folder / "near", {"web": [LINES]}, [stage, own.Size(min_chars=2, max_chars=None)])
    rules = {rule.rule: rule for rule in overview(own.finish(recipe, folder / "near", "run"), recipe).rules}
    assert [(r.lower.value, r.higher.value) for r in (rules["marks"], rules["words"])] == [(0.855, 1), (4.5, 5.5)]
    assert (rules["short"].lower.value, rules["short"].higher.value) == (1, 3)
    assert rules["first"].option is None and rules["first"].lower is None and "long" not in rules


def test_the_command_plots(run, capsys, monkeypatch):
    code, said, _ = curate(capsys, monkeypatch, "tune", run.folder, "chars", "--plot")
    assert code == 0 and said.strip() == str(run.folder / "signals.html")
    assert (run.folder / "signals.html").read_text(encoding="utf-8").count("<svg") == 1
    assert curate(capsys, monkeypatch, "tune", run.folder, "--plot", "--out", run.folder / "x.png")[0] == 3
    for words in (["words"], ["--by", "language"], ["--out", run.folder / "x.svg", "words"]):
        code, said, _ = curate(capsys, monkeypatch, "tune", run.folder, *words)
        assert code == 0 and "<svg" in Path(said.strip()).read_text(encoding="utf-8"), "no --plot is needed"
    for words in (["--plot"], ["words"], ["--by", "source"]):
        code, _, error = curate(capsys, monkeypatch, "tune", run.folder, *words, "--set", "marks.max_share=1")
        assert code == 2 and "leave --set out" in error
