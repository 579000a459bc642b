"""Plans: keys come from content alone, only what is missing runs, and the plan says why something runs again."""

from __future__ import annotations

import json
import pickle
import shutil
from typing import Any, ClassVar

import pyarrow.parquet as pq
import pytest
import stages_for_tests as own
from core_tools import contents, ids, recipe_of, run, stamps, write_jsonl

from datacurate.core.errors import InputError, RecipeError
from datacurate.core.explain import explain_changes
from datacurate.core.plan import plan
from datacurate.describe import plan_as_json
from datacurate.stages.dedup.exact import Exact
from datacurate.stages.dedup.minhash import Minhash


@pytest.fixture
def folder(tmp_path):
    write_jsonl(tmp_path / "in" / "a.jsonl", ["a", "bb", "ccc", "dddd"])
    write_jsonl(tmp_path / "in" / "b.jsonl", ["eeeee", "f", "gg"])
    return tmp_path / "in"


def keys(made) -> dict[str, Any]:
    return {stage.name: (stage.key, {name: p.key for name, p in stage.phases.items()}) for stage in made.stages}


def labels(made) -> list[str]:
    return [task.label for task in made.missing()]


def why(recipe, before, store) -> list[str]:
    past = {"stages": [stage.identity() for stage in plan(before, store).stages]}
    return explain_changes(plan(recipe, store), json.loads(json.dumps(past)))


def test_keys_and_shard_names_do_not_depend_on_where_things_are(folder, tmp_path):
    stages = (own.MinChars(), own.Survey())
    here = plan(recipe_of(folder, *stages), tmp_path / "store")
    shutil.copytree(folder, tmp_path / "elsewhere" / "moved")
    there = plan(recipe_of(tmp_path / "elsewhere" / "moved", *stages, name="other"), tmp_path / "other-store")
    assert keys(here) == keys(there)
    assert [task.label for task in here.tasks] == [task.label for task in there.tasks]


def test_a_moved_input_folder_leaves_nothing_to_do(folder, tmp_path):
    run(recipe_of(folder, own.MinChars(), own.Survey()), tmp_path)
    folder.rename(tmp_path / "moved")
    assert plan(recipe_of(tmp_path / "moved", own.MinChars(), own.Survey()), tmp_path / "store").missing() == []


def test_the_source_name_and_its_options_are_part_of_the_keys(folder, tmp_path):
    first = keys(plan(recipe_of(folder, own.MinChars()), tmp_path))
    assert keys(plan(recipe_of({"books": folder}, own.MinChars()), tmp_path)) != first


def test_a_changed_file_is_another_shard(folder, tmp_path):
    recipe = recipe_of(folder, own.MinChars())
    run(recipe, tmp_path)
    write_jsonl(folder / "a.jsonl", ["a", "bb", "ccc", "ddd!"])
    [label] = labels(plan(recipe, tmp_path / "store"))
    assert label.startswith("min_chars web-a-")
    assert ids(run(recipe, tmp_path)) == ["a-2", "a-3", "b-0"]


def test_a_new_file_runs_its_own_tasks_and_the_barriers(folder, tmp_path):
    run(recipe_of(folder, own.MinChars(min_chars=1), own.Survey()), tmp_path)
    write_jsonl(folder / "c.jsonl", ["h", "ii"])
    recipe = recipe_of(folder, own.MinChars(min_chars=1), own.Survey())
    todo = labels(plan(recipe, tmp_path / "store"))
    each = [label for label in todo if label.startswith("min_chars+survey ")]
    assert len(each) == 1 and "web-c-" in each[0], "only the new file is read"
    assert [label for label in todo if "counts" in label or "summary" in label] == [
        "survey.counts 0",
        "survey.counts 1",
        "survey.counts 2",
        "survey.summary all",
    ]
    run(recipe, tmp_path)
    fresh = run(recipe, tmp_path, "fresh", store=tmp_path / "fresh-store")
    assert ids(run(recipe, tmp_path)) == ids(fresh)


def test_a_new_threshold_reads_the_stored_signals(folder, tmp_path):
    run(recipe_of(folder, own.MinChars(), own.MaxChars(max_chars=4)), tmp_path)
    before = stamps(tmp_path / "store", "*.measured-*/*.parquet")
    recipe = recipe_of(folder, own.MinChars(min_chars=2), own.MaxChars(max_chars=4))
    fresh, again = plan(recipe, tmp_path / "fresh"), plan(recipe, tmp_path / "store")
    assert [s.phases["measured"].key for s in again.stages[1:]] == [s.phases["measured"].key for s in fresh.stages[1:]]
    assert {path for task in again.missing() for path in task.outputs if "measured" in path} <= set(before)
    done = run(recipe, tmp_path)
    assert ids(done) == ["a-1", "a-2", "a-3", "b-2"]
    assert stamps(tmp_path / "store", "*.measured-*/*.parquet") == before, "no signal was measured again"


def test_a_new_threshold_gives_the_bytes_of_a_fresh_run(folder, tmp_path):
    recipe = recipe_of(folder, own.MinChars(min_chars=2), own.MaxChars(max_chars=4), own.Survey())
    run(recipe_of(folder, own.MinChars(), own.MaxChars(max_chars=4), own.Survey()), tmp_path)
    run(recipe, tmp_path)
    run(recipe, tmp_path, "fresh", store=tmp_path / "fresh-store")
    changed, fresh = contents(tmp_path / "store"), contents(tmp_path / "fresh-store")
    assert fresh and all(changed[path] == data for path, data in fresh.items())


def test_fields_that_a_phase_does_not_use_do_not_change_its_key(folder, tmp_path):
    few = plan(recipe_of(folder, own.Survey(at_most=1)), tmp_path).stages[-1].phases
    many = plan(recipe_of(folder, own.Survey(at_most=9)), tmp_path).stages[-1].phases
    slots = plan(recipe_of(folder, own.Survey(modulo=2)), tmp_path).stages[-1].phases
    same = [name for name in few if few[name].key == many[name].key]
    assert same == ["lengths", "counts", "summary"]
    assert [name for name in few if few[name].key == slots[name].key] == []


def test_only_the_phases_that_see_a_changed_field_run_again(folder, tmp_path):
    run(recipe_of(folder, own.Survey(at_most=1)), tmp_path)
    again = plan(recipe_of(folder, own.Survey(at_most=9)), tmp_path / "store")
    assert [label.split()[0] for label in labels(again)] == ["survey", "survey"], "one `apply` per shard"


def test_a_first_run_needs_no_explanation(folder, tmp_path):
    assert explain_changes(plan(recipe_of(folder, own.MinChars()), tmp_path), None) == []


def test_nothing_changed_says_nothing(folder, tmp_path):
    assert why(recipe_of(folder, own.MinChars()), recipe_of(folder, own.MinChars()), tmp_path) == []


def test_nothing_changed_says_nothing_of_a_stage_that_stands_twice(folder, tmp_path):
    recipe = recipe_of(folder, own.MinChars(), own.Upper(), own.MinChars(min_chars=5))
    assert why(recipe, recipe, tmp_path) == []


def test_a_changed_threshold_is_explained_with_both_values(folder, tmp_path):
    lines = why(recipe_of(folder, Minhash(verify=0.7)), recipe_of(folder, Minhash(verify=0.8)), tmp_path)
    assert lines == ["minhash.verdict: verify 0.8 → 0.7"]


def test_a_changed_field_is_explained_with_the_phase_that_it_moves(folder, tmp_path):
    before = recipe_of(folder, own.MinChars(), own.Survey(at_most=5))
    assert why(recipe_of(folder, own.MinChars(min_chars=4), own.Survey(at_most=5)), before, tmp_path) == [
        "min_chars: min_chars 3 → 4",
        "survey.lengths: what it reads has changed",
    ]
    assert why(recipe_of(folder, own.MinChars(), own.Survey()), before, tmp_path) == ["survey: at_most 5 → 1000"]
    assert why(recipe_of(folder, own.MinChars(), own.Survey(at_most=5, modulo=2)), before, tmp_path) == [
        "survey.lengths: modulo 3 → 2"
    ]


def test_a_version_bump_and_new_and_removed_stages_are_explained(folder, tmp_path):
    class MinChars(own.MinChars):
        """The same, mended."""

        version: ClassVar[int] = 2

    before = recipe_of(folder, own.MinChars(), own.Upper())
    assert why(recipe_of(folder, MinChars(), own.Upper()), before, tmp_path) == [
        "min_chars.measured: version 1 → 2",
        "upper: what it reads has changed",
    ]
    assert why(recipe_of(folder, own.MinChars(), own.Lengths()), before, tmp_path) == [
        "lengths: new in this recipe",
        "upper: no longer in this recipe",
    ]


def test_new_and_lost_files_are_explained(folder, tmp_path):
    past = {"stages": [stage.identity() for stage in plan(recipe_of(folder, own.MinChars()), tmp_path).stages]}
    (folder / "b.jsonl").unlink()
    write_jsonl(folder / "c.jsonl", ["x"])
    write_jsonl(folder / "d.jsonl", ["y"])
    lines = explain_changes(plan(recipe_of(folder, own.MinChars()), tmp_path), past)
    assert "read: source web: 2 new and 1 gone of 4 files" in lines


def test_a_recipe_without_stages_reads_counts_and_stores(folder, tmp_path):
    done = run(recipe_of(folder), tmp_path)
    assert sorted(ids(done)) == sorted([*(f"a-{n}" for n in range(4)), *(f"b-{n}" for n in range(3))])
    assert done.manifests[0]["ledger"]["out"]["documents"] == 7
    assert plan(recipe_of(folder), tmp_path / "store").missing() == []


@pytest.mark.parametrize(
    ("stage", "kept"), [(own.MinChars(), 3), (own.Survey(at_most=2), 1), (own.Doubled(), 7), (Exact(), 7)]
)
def test_a_stage_may_stand_twice_in_a_row(folder, tmp_path, stage, kept):
    done = run(recipe_of(folder, stage, stage), tmp_path)
    assert [m["folder"] for m in done.manifests] == ["00-read", f"01-{stage.name()}", f"02-{stage.name()}"]
    first, second = done.manifests[1:]
    assert first["ledger"]["out"]["documents"] == kept
    assert second["ledger"]["in"] == first["ledger"]["out"]
    assert len(ids(done)) == second["ledger"]["out"]["documents"]


def test_doubling_twice_makes_four(folder, tmp_path):
    done = run(recipe_of(folder, own.Doubled(), own.Doubled()), tmp_path)
    assert done.dataset().table(["text"])["text"][0].as_py() == "a a a a"


def test_fused_and_separate_stages_make_the_same_documents(folder, tmp_path):
    stages = [own.MinChars(min_chars=2), own.Upper(), own.Survey(at_most=2), own.MaxChars(max_chars=4)]
    together = run(recipe_of(folder, *stages), tmp_path, "together")
    from datacurate.sources.dataset import Dataset

    source: Any = folder
    for number, stage in enumerate(stages):
        last = run(recipe_of(source, stage), tmp_path, f"alone{number}", store=tmp_path / "alone")
        source = Dataset(path=str(last.folder / last.manifests[-1]["folder"]))
    assert last.dataset().key == together.dataset().key
    paths = [[shard.path.read_bytes() for shard in done.dataset().shards] for done in (together, last)]
    assert paths[0] == paths[1]


def test_a_filter_may_measure_a_column_that_an_earlier_filter_adds(folder, tmp_path):
    stages = [own.MaxChars(max_chars=4), own.MinChars(min_chars=2), own.EvenChars()]
    done = run(recipe_of(folder, *stages), tmp_path)
    assert ids(done) == ["a-1", "a-3", "b-2"]
    again = run(recipe_of(folder, own.MaxChars(max_chars=5), *stages[1:]), tmp_path)
    assert ids(again) == ["a-1", "a-3", "b-2"]
    assert again.manifests[-1]["ledger"]["in"]["documents"] == 5


def measured_rows(done, stage) -> int:
    """Documents of which a stage's signals are stored."""
    parts = next(m for m in done.manifests if m["stage"] == stage)["phases"]["measured"]["parts"]
    folder = next(done.folder.glob(f"*-{stage}"))
    return sum(pq.read_metadata(folder / part).num_rows for part in parts)


def test_a_filter_measures_right_behind_the_one_that_adds_its_column(folder, tmp_path):
    """Not behind the whole row: a threshold in between then needs no measuring, and none of the signals are missing."""
    stages = [own.MaxChars(max_chars=4), own.MinChars(min_chars=2), own.EvenChars()]
    done = run(recipe_of(folder, *stages), tmp_path)
    assert measured_rows(done, "even_chars") == 6, "all that max_chars hands on, though min_chars drops two of them"
    assert measured_rows(done, "min_chars") == measured_rows(done, "max_chars") == 7
    before = stamps(tmp_path / "store", "*.measured-*/*.parquet")
    loose = [stages[0], own.MinChars(min_chars=1), stages[2]]
    again = run(recipe_of(folder, *loose), tmp_path, "again")
    assert stamps(tmp_path / "store", "*.measured-*/*.parquet") == before, "nothing is measured again"
    fresh = run(recipe_of(folder, *loose), tmp_path, "fresh", store=tmp_path / "fresh")
    assert ids(again) == ids(fresh) and again.manifests[-1]["key"] == fresh.manifests[-1]["key"]
    tight = run(recipe_of(folder, own.MaxChars(max_chars=2), *stages[1:]), tmp_path, "tight")
    assert measured_rows(tight, "even_chars") == 4, "of other documents it measures others, under another key"


def test_a_column_that_a_filter_two_rows_before_added_is_there_at_once(folder, tmp_path):
    stages = [own.MaxChars(max_chars=4), own.Lengths(), own.MinChars(min_chars=2), own.EvenChars()]
    done = run(recipe_of(folder, *stages), tmp_path)
    assert measured_rows(done, "even_chars") == 6, "in front of its own row"


def test_a_filter_behind_one_that_reads_an_added_column_measures_what_its_key_says(folder, tmp_path):
    stages = [own.EvenChars(), own.MinChars(min_chars=2)]
    narrow = run(recipe_of(folder, own.MaxChars(max_chars=3), *stages), tmp_path, "narrow")
    wide = run(recipe_of(folder, own.MaxChars(max_chars=1000), *stages), tmp_path, "wide")
    fresh = recipe_of(folder, own.MaxChars(max_chars=1000), *stages)
    assert ids(narrow) != ids(wide) == ids(run(fresh, tmp_path, "fresh", store=tmp_path / "other"))


def test_a_column_that_nothing_makes_is_an_error_before_anything_runs(folder, tmp_path):
    with pytest.raises(RecipeError, match=r"needs_colour needs the column 'txet'.*Did you mean 'text'\?"):
        plan(recipe_of(folder, own.NeedsColour()), tmp_path)
    with pytest.raises(RecipeError, match="needs the column 'chars'"):
        plan(recipe_of(folder, _NeedsChars()), tmp_path)
    plan(recipe_of(folder, own.Lengths(), _NeedsChars()), tmp_path)
    plan(recipe_of(folder, own.MaxChars(), _NeedsChars()), tmp_path)


class _NeedsChars(own.EvenChars):
    """Says what it needs."""

    needs: ClassVar[tuple[str, ...]] = ("text", "chars")


def test_files_that_are_not_there_are_an_error_before_anything_runs(folder, tmp_path):
    from datacurate.sources.jsonl import Jsonl

    with pytest.raises(InputError, match="no files match"):
        plan(recipe_of({"web": Jsonl(path=str(tmp_path / "nowhere" / "*.jsonl"))}, own.MinChars()), tmp_path)


def test_equal_files_are_two_shards(tmp_path):
    for name in ("x", "y"):
        write_jsonl(tmp_path / name / "part.jsonl", ["same"])
    done = run(recipe_of(_below(tmp_path, "x/part.jsonl", "y/part.jsonl"), own.MinChars()), tmp_path)
    assert len(done.dataset().shards) == 2 and ids(done) == ["part-0", "part-0"]


def _below(folder, *names) -> dict[str, Any]:
    from datacurate.sources.jsonl import Jsonl

    return {"web": Jsonl(path=[str(folder / name) for name in names])}


def test_a_plan_is_json_and_its_tasks_travel(folder, tmp_path):
    made = plan(recipe_of(folder, own.MinChars(), own.Survey(), Minhash()), tmp_path / "store")
    value = plan_as_json(made, None)
    assert json.loads(json.dumps(value)) == value
    assert sum(barrier["tasks"] for barrier in value["barriers"]) == len(made.tasks)
    for task in made.tasks:
        copy = pickle.loads(pickle.dumps(task))
        assert copy == task and copy.outputs == task.outputs
    first = pickle.loads(pickle.dumps(made.tasks[0]))
    first.attempt()
    assert first.done() and made.tasks[0].done()


def test_phases_read_columns_pieces_and_their_own_part_and_no_side_table_is_made_twice(folder, tmp_path):
    log = tmp_path / "log"
    for factor in (1, 10):
        done = run(recipe_of(folder, own.Selective(log=str(log), factor=factor)), tmp_path)
        halves = [row["half"] for row in done.dataset().table().to_pylist()]
        assert halves == [factor * (2 + 4 + 2) / 2, factor * (1 + 3 + 5 + 1) / 2]
    assert len(log.read_text().splitlines()) == 2, "once per shard, and not again for another factor"
    barriers = plan(recipe_of(folder, own.Selective(log=str(log))), tmp_path / "store").barriers
    [barrier] = [one for one in barriers if one.label == "selective.halved"]
    assert [len(task.tables["summed"]) for task in barrier.tasks] == [1, 1]
