"""Every deduplicating stage is killed in each of its phases and resumed, and ends with the same bytes."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from datacurate.core.phase import chosen
from datacurate.core.registry import stage_class
from tests import killed
from tests.contract import exam

SHARDS, BATCHES = 3, 3


def cases(against: bool = True) -> list[Any]:
    """Every phase of every deduplicating stage; of those that can, when they compare with another dataset (or not)."""
    found = []
    for name in killed.STAGES:
        kind = stage_class(name)
        other = "against" in kind.model_fields
        if other or against:
            phases = kind.phases() if against else chosen(kind.phases(), lambda field: ())
            at = f"{name}{'-against' * (against and other)}"
            found += [pytest.param(name, against and other, p.name, id=f"{at}-{p.name}") for p in phases]
    return found


def with_addresses(tables: list[pa.Table]) -> list[pa.Table]:
    """The documents with addresses, of which few are a document's own."""
    first = 0
    for at, table in enumerate(tables):
        urls = [f"https://example.org/{number % 40}" for number in range(first, first + table.num_rows)]
        first += table.num_rows
        tables[at] = table.append_column("url", pa.array(urls))
    return tables


@pytest.fixture(scope="module")
def docs(tmp_path_factory) -> Path:
    """Prose, half of it twice, with lines and passages that recur, in files of several batches."""
    prose = [exam.prose(seed, 150) for seed in range(30)]
    near = [f"{text} One more word here, {at}." for at, text in enumerate(prose[:15])]
    again = [prose[at].partition("\n")[2] + "\n" + exam.prose(100 + at, 80) for at in range(15)]
    tables = with_addresses(exam.shards([*prose, *near, *again, *prose[5:14], "", "short"], SHARDS))
    size = -(-tables[0].num_rows // BATCHES)
    return exam.write_shards(tmp_path_factory.mktemp("kill") / "docs", tables, row_group_size=size)


@pytest.fixture(scope="module")
def others(tmp_path_factory) -> Path:
    """Another dataset that holds some of the documents, as they are or nearly."""
    folder = tmp_path_factory.mktemp("others")
    texts = [exam.prose(seed, 150) for seed in range(10, 20)] + [
        exam.prose(seed, 150) + " Old." for seed in range(20, 25)
    ]
    exam.run("where", exam.write_shards(folder / "in", with_addresses(exam.shards(texts, 2))), folder / "old")
    return folder / "old"


@pytest.fixture(scope="module")
def undisturbed(docs, others, tmp_path_factory) -> Any:
    """The job of a stage, run to its end once."""

    @cache
    def run(name: str, against: bool, workers: int) -> killed.Job:
        options = {"against": str(others)} if against else {}
        options |= {"column": "url"} if name == "url_dedup" else {}
        options |= {"model": _model(docs.parent), "threshold": 0.999} if name == "semantic" else {}
        out = tmp_path_factory.mktemp(f"{name}-whole")
        job = killed.Job(name, options, str(docs), str(out), workers)
        job.finish()
        [manifest] = (out / "run").glob(f"*-{name}/manifest.json")
        books = json.loads(manifest.read_text())["ledger"]
        assert books["out"] != books["in"], "nothing was removed, so that nothing could come out wrong"
        return job

    return run


def _model(folder: Path) -> str:
    """What looks like a model's folder; `killed.Letters` stands in for the model itself."""
    (folder / "model").mkdir(exist_ok=True)
    (folder / "model" / "config.json").write_text("{}")
    (folder / "model" / "model.safetensors").write_bytes(b"")
    return str(folder / "model")


@pytest.fixture(autouse=True)
def _importable(monkeypatch, root):
    """The process that others are forked from, and workers, find the tests."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")])))


@pytest.mark.parametrize(("name", "against", "phase"), cases())
def test_killed_in_a_phase_and_resumed(name, against, phase, undisturbed, tmp_path):
    _kill_and_resume(undisturbed(name, against, 0), phase, tmp_path, os.killpg)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "against", "phase"), cases(against=False))
def test_killed_in_a_phase_without_other_datasets(name, against, phase, undisturbed, tmp_path):
    _kill_and_resume(undisturbed(name, against, 0), phase, tmp_path, os.killpg)


@pytest.mark.slow
@pytest.mark.parametrize("kill", [os.kill, os.killpg], ids=["supervisor", "all"])
@pytest.mark.parametrize(("name", "against", "phase"), cases())
def test_workers_killed_in_a_phase_and_resumed(name, against, phase, kill, undisturbed, tmp_path):
    """With worker processes; the supervisor alone is killed, too."""
    _kill_and_resume(undisturbed(name, against, 2), phase, tmp_path, kill)


def _kill_and_resume(whole: killed.Job, phase: str, folder: Path, kill: Any) -> None:
    calls = whole.calls(phase).stat().st_size
    job = replace(whole, out=str(folder / "run"), phase=phase, call=calls // 2 + 1)
    process = job.start()
    stopped = _wait_for(job, process)
    assert stopped["phase"] == phase and process.is_alive() and Path(f"/proc/{stopped['process']}").exists()
    kill(process.pid, signal.SIGKILL)
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    _wait_until_gone(stopped["process"])
    wanted = exam.digests(whole.store)
    left = exam.digests(job.store)
    assert _parts(left, whole, phase) < _parts(wanted, whole, phase), "the phase was over when it was killed"
    job.finish()
    assert exam.digests(job.store) == wanted


def _wait_for(job: killed.Job, process: Any) -> dict[str, Any]:
    """What the process that stops in its phase says."""
    end = time.monotonic() + 120
    while not job.marker.exists():
        assert process.is_alive(), (Path(job.out) / "log").read_text()
        assert time.monotonic() < end, f"never in the phase: {killed.described(job)}"
        time.sleep(0.005)
    return json.loads(job.marker.read_text())


def _wait_until_gone(process: int) -> None:
    """Wait for the end of a worker whose supervisor was killed: it looks twice a second."""
    end = time.monotonic() + 30
    while Path(f"/proc/{process}").exists():
        assert time.monotonic() < end, "a worker outlived its supervisor"
        time.sleep(0.01)


def _parts(digests: dict[str, str], job: killed.Job, phase: str) -> set[str]:
    """The finished files of a phase; the last phase's are the documents and the ledgers."""
    last = stage_class(job.stage).phases()[-1].name == phase
    label = job.stage if last else f"{job.stage}.{phase}"
    paths = map(Path, digests)
    return {str(path) for path in paths if path.parent.name.rpartition("-")[0] == label and path.name[0] != "."}
