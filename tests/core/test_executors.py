"""Executors: one bad task costs itself only, what is finished is kept, and nothing is done twice."""

from __future__ import annotations

import os
import re
import signal
from collections import Counter
from pathlib import Path

import pytest
import stages_for_tests as own
from core_tools import (
    alive,
    contents,
    curate_process,
    ids,
    recipe_of,
    run,
    start_curate,
    until,
    write_jsonl,
    write_recipe,
)

from datacurate.core.errors import InputError, RecipeError, TaskError
from datacurate.core.plan import plan
from datacurate.executors.inline import Inline
from datacurate.executors.local import Local
from datacurate.executors.profile import Profile


@pytest.fixture
def folder(tmp_path):
    for name in "abcd":
        write_jsonl(tmp_path / "in" / f"{name}.jsonl", [f"text of {name}", "end" if name == "b" else "more"])
    return tmp_path / "in"


def test_a_crash_is_reported_with_its_log_and_costs_its_own_task_only(folder, tmp_path):
    """Every way to end, one after the other on one store; then the rest, to the bytes of an undisturbed run."""
    trigger = tmp_path / "trigger"
    trigger.touch()
    reasons = {"sigkill": "killed by SIGKILL", "exit": "exit status 3", "exception": "ValueError: a bug in this stage"}
    for how, reason in reasons.items():
        recipe = recipe_of(folder, own.EndsWorker(trigger=str(trigger), how=how), own.Upper())
        with pytest.raises(TaskError, match="1 of the tasks failed") as caught:
            run(recipe, tmp_path, how, workers=1 if how == "exit" else 2)
        said = str(caught.value)
        assert reason in said and "ends_worker+upper web-b-" in said
        assert said.endswith("run the same command again to do the rest.")
        log = Path(said.split("log: ")[1].splitlines()[0])
        assert "famous last words" in log.read_text()
        assert len(plan(recipe, tmp_path / "store").missing()) == 1, "the others went on"
    trigger.unlink()
    assert run(recipe, tmp_path).tasks == 1
    run(recipe, tmp_path, "calm", store=tmp_path / "calm-store")
    calm = contents(tmp_path / "calm-store")
    crashed = contents(tmp_path / "store")
    assert calm and {path: crashed[path] for path in calm} == calm


def test_the_log_of_a_failed_task_holds_the_traceback(folder, tmp_path):
    trigger = tmp_path / "trigger"
    trigger.touch()
    for workers in (0, 1):
        with pytest.raises(TaskError) as caught:
            run(recipe_of(folder, own.EndsWorker(trigger=str(trigger), how="exception")), tmp_path, workers=workers)
        log = Path(str(caught.value).split("log: ")[1].splitlines()[0])
        assert "Traceback" in log.read_text() and "stages_for_tests.py" in log.read_text()


def test_an_error_that_a_user_can_fix_reaches_the_user_as_itself(folder, tmp_path):
    trigger = tmp_path / "trigger"
    trigger.touch()
    for workers in (0, 1):
        with pytest.raises(InputError, match=r"^trigger is in the way\. Remove it\.$"):
            run(recipe_of(folder, own.EndsWorker(trigger=str(trigger), how="user")), tmp_path, workers=workers)


def test_the_command_exits_with_4_and_can_be_repeated(folder, tmp_path):
    trigger = tmp_path / "trigger"
    trigger.touch()
    recipe = write_recipe(tmp_path / "r.yaml", recipe_of(folder, own.EndsWorker(trigger=str(trigger))))
    words = ("run", recipe, "--out", tmp_path / "run", "--store", tmp_path / "store", "--workers", 2)
    failed = curate_process(*words)
    assert failed.returncode == 4
    assert "killed by SIGKILL (out of memory?)" in failed.stderr and "Traceback" not in failed.stderr
    trigger.unlink()
    done = curate_process(*words)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^1 tasks? done now", done.stdout, re.M)
    assert "  8" in done.stdout


def test_a_recipe_whose_stage_cannot_be_loaded_by_workers_says_so(folder, tmp_path):
    class Hidden(own.Upper):
        """Not importable, so not picklable."""

    with pytest.raises(Exception, match="Hidden"):
        run(recipe_of(folder, Hidden()), tmp_path, workers=1)


def test_one_worker_and_three_make_the_same_store(folder, tmp_path):
    recipe = recipe_of(folder, own.MinChars(min_chars=4), own.Survey(at_most=3), own.Upper())
    run(recipe, tmp_path, "here", store=tmp_path / "here-store")
    run(recipe, tmp_path, "three", workers=3, store=tmp_path / "three-store")
    assert contents(tmp_path / "here-store") == contents(tmp_path / "three-store")


def descendants(process: int) -> set[int]:
    found: set[int] = set()
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            found |= {child} | descendants(child)
    return found


def test_workers_end_with_a_killed_supervisor(folder, tmp_path):
    journal = tmp_path / "journal"
    recipe = write_recipe(tmp_path / "r.yaml", recipe_of(folder, own.Journal(path=str(journal), seconds=60)))
    command = start_curate("run", recipe, "--out", tmp_path / "run", "--store", tmp_path / "store", "--workers", 2)
    until(lambda: journal.exists() and len(journal.read_text().splitlines()) == 2)
    workers = {int(line.split()[0]) for line in journal.read_text().splitlines()}
    assert workers <= descendants(command.pid)
    everyone = descendants(command.pid)
    os.kill(command.pid, signal.SIGKILL)
    command.communicate(timeout=10)
    until(lambda: not any(map(alive, everyone)), 10)


@pytest.mark.parametrize("executor", ["local", pytest.param("inline")])
def test_a_stopped_command_says_how_to_go_on_and_leaves_nobody(folder, tmp_path, executor):
    journal, profile = tmp_path / "journal", tmp_path / "profile.yaml"
    profile.write_text(f"executor: {executor}\n")
    recipe = write_recipe(tmp_path / "r.yaml", recipe_of(folder, own.Journal(path=str(journal), seconds=60)))
    command = start_curate(
        "run", recipe, "--out", tmp_path / "run", "--store", tmp_path / "store", "--profile", profile
    )
    until(journal.exists)
    everyone = descendants(command.pid)
    os.kill(command.pid, signal.SIGINT)
    try:
        _, said = command.communicate(timeout=10)
    finally:
        command.kill()
    assert command.returncode == 130 and "Traceback" not in said
    assert "What was finished is kept; run the same command again to go on." in said
    until(lambda: not any(map(alive, everyone)), 10)


def test_two_launches_at_once_share_the_work(folder, tmp_path):
    for name in "efgh":
        write_jsonl(folder / f"{name}.jsonl", [f"text of {name}"])
    journal = tmp_path / "journal"
    recipe = recipe_of(folder, own.Journal(path=str(journal), seconds=0.3), own.Survey())
    path = write_recipe(tmp_path / "r.yaml", recipe)
    common = ("--store", tmp_path / "store", "--workers", 2)
    commands = [start_curate("run", path, "--out", tmp_path / name, *common) for name in ("one", "two")]
    for command in commands:
        _, said = command.communicate(timeout=60)
        assert command.returncode == 0, said
    lines = [line.split() for line in journal.read_text().splitlines()]
    assert Counter(shard for _, shard in lines) == Counter(f"{name}-0" for name in "abcdefgh")
    documents = [sorted(path.name for path in (tmp_path / name / "02-survey").iterdir()) for name in ("one", "two")]
    assert documents[0] == documents[1] and len(documents[0]) == 9
    assert not list((tmp_path / "store" / ".claims").iterdir())


def test_a_pool_is_started_once_for_all_barriers(folder, tmp_path, monkeypatch):
    started = []
    spawn = Local._spawn
    monkeypatch.setattr(Local, "_spawn", lambda self: started.append(1) or spawn(self))
    done = run(recipe_of(folder, own.Survey(at_most=4), own.Survey(at_most=3)), tmp_path, workers=2)
    assert len(started) == 2 and done.tasks > 8


def test_nothing_to_do_starts_nobody(folder, tmp_path, monkeypatch):
    run(recipe_of(folder, own.Upper()), tmp_path)
    monkeypatch.setattr(Local, "_spawn", lambda self: pytest.fail("a worker was started"))
    done = run(recipe_of(folder, own.Upper()), tmp_path, "again", workers=2)
    assert done.tasks == 0 and ids(done)[:2] == ["a-0", "a-1"]


def test_profiles_choose_the_executor(tmp_path):
    (tmp_path / "p.yaml").write_text("executor: inline\n")
    assert isinstance(Profile.load(tmp_path / "p.yaml").make(tmp_path), Inline)
    (tmp_path / "p.yaml").write_text("executor: local\nworkers: 3\n")
    made = Profile.load(tmp_path / "p.yaml").make(tmp_path)
    assert isinstance(made, Local) and made.workers == 3
    for text, words in [
        ("executor: slrum", "executor"),
        ("wrokers: 2", "Did you mean 'workers'"),
        ("workers: 0", "greater than or equal to 1"),
        ("[1]", "cannot read the profile"),
        ("a: [", "cannot read the profile"),
    ]:
        (tmp_path / "p.yaml").write_text(text)
        with pytest.raises(RecipeError, match=words):
            Profile.load(tmp_path / "p.yaml")
    with pytest.raises(RecipeError, match="Give a YAML file"):
        Profile.load(tmp_path / "none.yaml")
