"""Pages that hang, take memory or kill a library cost themselves only; the process is replaced."""

import os
import signal
import subprocess
import sys
import time

import pyarrow as pa
import pytest

from datacurate.core.errors import CurateError
from datacurate.core.stage import Outcome
from datacurate.stages import _sandbox, extract
from datacurate.stages._sandbox import Failure, Job, Sandbox
from datacurate.stages.extract import Extract
from tests.stages import hostile


@pytest.fixture
def box():
    made = Sandbox()
    yield made
    made.stop()


def job(seconds=0.5, megabytes=1024, options=None, factory=hostile.FACTORY):
    return Job(factory, options, seconds, megabytes)


def pages(*words):
    return [(word.encode(), None, None) for word in words]


def ran(box, *words, **limits):
    """Results as texts, or as the rule that failed."""
    made = box.results(job(**limits), pages(*words))
    return [one.rule if isinstance(one, Failure) else one[0] for one in made]


def test_all_pages_in_order(box):
    words = [f"w{at}" for at in range(1000)]
    assert ran(box, *words) == [word.upper() for word in words]
    assert ran(box) == []
    assert ran(box, "") == [""]


@pytest.mark.parametrize(
    ("word", "rule"),
    [
        ("spin", "timeout"),
        ("allocate", "memory"),
        ("allocate-in-c", "memory"),
        ("segfault", "crash"),
        ("null", "crash"),
        ("abort", "crash"),
        ("exit", "crash"),
        ("raise", "extraction"),
    ],
)
def test_a_hostile_page_costs_itself_only(box, word, rule):
    assert ran(box, "a", "b", word, "c", "d") == ["A", "B", rule, "C", "D"]
    assert ran(box, "after") == ["AFTER"]


def test_memory_of_before_is_not_the_page_s(box):
    """The child's own, and the peak of the parent, which the kernel hands down."""
    assert ran(box, "segfault", "exit", megabytes=64) == ["crash", "crash"]


def test_many_hostile_pages_in_one_batch(box):
    words = ["segfault", "a", "spin", "b", "allocate", "raise", "abort", "c", "exit"]
    rules = ["crash", "A", "timeout", "B", "memory", "extraction", "crash", "C", "crash"]
    assert ran(box, *words, seconds=0.3) == rules


def test_results_that_were_sent_are_not_made_again(box, tmp_path):
    words = [f"w{at}" for at in range(600)]
    assert ran(box, *words, "segfault", "z") == [*(word.upper() for word in words), "crash", "Z"]


def test_failures_say_figures(box):
    [late] = box.results(job(seconds=0.25), pages("spin"))
    assert (late.value, late.bound) == (0.25, 0.25) and "CPU" in late.error
    [dead] = box.results(job(), pages("segfault"))
    assert "SIGSEGV" in dead.error and dead.value == -signal.SIGSEGV
    [full] = box.results(job(megabytes=512), pages("allocate"))
    assert full.bound == 512


def test_a_page_that_waits_forever_is_stopped(box, monkeypatch):
    monkeypatch.setattr(_sandbox, "WALL_LEAST", 2)
    monkeypatch.setattr(_sandbox, "WALL_FACTOR", 0)
    assert ran(box, "a", "sleep", "b") == ["A", "timeout", "B"]


def test_a_page_is_not_blamed_for_what_somebody_else_did(box, tmp_path):
    """The first time the process is killed from outside; alone, the page is fine."""
    assert ran(box, "a", "once:mark", "b", options=str(tmp_path)) == ["A", "ONCE:MARK", "B"]


def test_a_killed_process_is_replaced_between_batches(box):
    assert ran(box, "a") == ["A"]
    box.child.process.kill()
    assert ran(box, "b", "c") == ["B", "C"]


def test_a_factory_that_fails_is_an_error_and_no_quarantine(box):
    with pytest.raises(CurateError, match="no library of this name"):
        box.results(job(factory="tests.stages.hostile:refused"), pages("a"))


def test_a_process_that_cannot_start_is_an_error(box, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(CurateError, match="dies before it starts"):
        box.results(job(), pages("a"))


def test_the_child_ends_with_its_parent(tmp_path):
    """However the parent ends: here it is killed while a page spins."""
    code = (
        "from datacurate.stages._sandbox import Sandbox, Job\n"
        "import threading, time\n"
        "box = Sandbox()\n"
        "box.results(Job('tests.stages.hostile:extractor', None, 600.0, 1024), [(b'a', None, None)])\n"
        "print(box.child.process.pid, flush=True)\n"
        "box.results(Job('tests.stages.hostile:extractor', None, 600.0, 1024), [(b'spin', None, None)])\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path) + os.pathsep + os.getcwd()}
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=env)
    child = int(parent.stdout.readline())
    time.sleep(0.5)
    assert _alive(child)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    while _alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(child)


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_stage_quarantines_with_rule_and_figures(monkeypatch):
    monkeypatch.setattr(extract, "FACTORY", hostile.FACTORY)
    words = [b"a", b"spin", b"segfault", b"raise", b"allocate", b"b"]
    docs = pa.table({"id": list("abcdef"), "html": pa.array(words, pa.binary())})
    made = Extract(page_seconds=0.3, page_megabytes=512).extracted(docs)
    assert isinstance(made, Outcome)
    assert made.docs["text"].to_pylist() == ["A", "B"]
    found = {one.rule: one for one in made.removed}
    assert {rule: one.index.tolist() for rule, one in found.items()} == {
        "timeout": [1], "crash": [2], "extraction": [3], "memory": [4]
    }  # fmt: skip
    assert all(one.fate == "quarantined" for one in made.removed)
    assert found["timeout"].value.tolist() == found["timeout"].bound.tolist() == [0.3]
    assert found["memory"].bound.tolist() == [512]
    assert "RuntimeError" in found["extraction"].error[0]
