"""A run that is killed at any moment and resumed ends in the same store as one that was left alone."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract import exam

MOMENTS = [*range(6), *(pytest.param(moment, marks=pytest.mark.slow) for moment in range(6, 20))]
"""A moment takes 16 s of CPU, so `make test` has six of them and `make test-all` all."""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory, root) -> Path:
    """Filters, both dedup stages and a mixture over 4 shards."""
    folder = tmp_path_factory.mktemp("kill")
    exam.write_shards(folder / "in", exam.shards(exam.ordinary(400), 4))
    path = folder / "recipe.yaml"
    path.write_text(
        f"sources: {{docs: {folder / 'in'}}}\n"
        "stages: [language, gopher_quality, exact, minhash]\n"
        f"mixture: {{tokenizer: {root / 'sample' / 'tokenizer.json'}, tokens: 20000, sequence_length: 128}}\n"
    )
    return path


def launch(recipe: Path, out: Path) -> subprocess.Popen:
    """`curate run` with two workers, in a process group of its own."""
    words = ["run", str(recipe), "--out", str(out / "run"), "--store", str(out / "store"), "--workers", "2"]
    code = "from datacurate.cli import main; main()"
    log = subprocess.DEVNULL
    return subprocess.Popen([sys.executable, "-c", code, *words], start_new_session=True, stdout=log, stderr=log)


def files(store: Path) -> int:
    return sum(len(names) for folder, _, names in os.walk(store) if not folder.endswith(".claims"))


@pytest.fixture(scope="module")
def undisturbed(recipe) -> dict[str, str]:
    out = recipe.parent / "undisturbed"
    assert launch(recipe, out).wait() == 0
    return exam.digests(out / "store")


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_and_resumed(moment, recipe, undisturbed, tmp_path):
    """SIGKILL to all processes (every third time only to the supervisor) once a random number of files is there."""
    wanted = random.Random(moment).randrange(0, len(undisturbed) * 9 // 10)
    process = launch(recipe, tmp_path)
    while process.poll() is None and files(tmp_path / "store") < wanted:
        pass
    assert process.poll() is None, "the run ended before it could be killed"
    (os.kill if moment % 3 == 2 else os.killpg)(process.pid, signal.SIGKILL)
    process.wait()
    assert launch(recipe, tmp_path).wait() == 0
    assert exam.digests(tmp_path / "store") == undisturbed
    shutil.rmtree(tmp_path / "store")
