"""Tiny inputs, runs of recipes over them, and what came of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datacurate.core.plan import plan
from datacurate.core.recipe import Recipe
from datacurate.core.run import Run, execute
from datacurate.core.stage import Stage
from datacurate.core.store import read_parts
from datacurate.executors.inline import Inline
from datacurate.executors.local import Local
from datacurate.sources import find_format

COMMAND = [sys.executable, "-c", "from datacurate.cli import main; main()"]


def write_jsonl(path: Path, texts: list[str], name: str | None = None) -> Path:
    """A file with one document per text; ids are NAME-0, NAME-1, ..."""
    path.parent.mkdir(parents=True, exist_ok=True)
    name = name or path.name.split(".")[0]
    rows = [{"id": f"{name}-{at}", "text": text} for at, text in enumerate(texts)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_parquet(path: Path, **columns: list[Any]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def recipe_of(sources: dict[str, Any] | Path, *stages: Stage, **more: Any) -> Recipe:
    """A recipe over one path (source `web`) or several named ones."""
    named = sources if isinstance(sources, dict) else {"web": sources}
    found = {name: path if hasattr(path, "read") else _source(path) for name, path in named.items()}
    return Recipe(**{"name": "test", "quarantine_limit": 1, **more}, sources=found, stages=list(stages))


def _source(path: Path) -> Any:
    first = next(iter(sorted(path.glob("*")))) if path.is_dir() else path
    return find_format(first)(path=str(path))


def run(recipe: Recipe, folder: Path, name: str = "run", workers: int = 0, store: Path | None = None) -> Run:
    """Run a recipe here (no workers) or with worker processes."""
    logs = folder / name / "logs"
    executor = Local(workers, logs) if workers else Inline(logs)
    return execute(plan(recipe, store or folder / "store"), executor, folder / name)


def manifest(run: Run | Path, stage: str) -> dict[str, Any]:
    folder = run.folder if isinstance(run, Run) else run
    [path] = folder.glob(f"*-{stage}/manifest.json")
    return json.loads(path.read_text(encoding="utf-8"))


def books(run: Run | Path, stage: str) -> dict[str, Any]:
    return manifest(run, stage)["ledger"]


def fates(run: Run | Path, stage: str) -> dict[str, int]:
    """Documents in and out, and removed by rule."""
    own = books(run, stage)
    removed = {rule: n["documents"] for fate in ("dropped", "merged", "quarantined") for rule, n in own[fate].items()}
    return {"in": own["in"]["documents"], "out": own["out"]["documents"], **removed}


def ledger_rows(run: Run | Path, stage: str) -> list[dict[str, Any]]:
    folder = run.folder if isinstance(run, Run) else run
    [place] = folder.glob(f"*-{stage}")
    return read_parts([place / path for path in manifest(run, stage)["ledgers"]]).to_pylist()


def ids(run: Run, stage: str | None = None) -> list[str]:
    return run.dataset(stage).table(["id"])["id"].to_pylist()


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder that is no temporary or claim, with its bytes."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if not path.name.startswith(".")}


def stamps(folder: Path, pattern: str) -> dict[str, tuple[int, int]]:
    """Inode and time of change of the files that match: equal when nothing was written again."""
    files = {str(path): path.stat() for path in folder.glob(pattern)}
    assert files, f"no {pattern} in {folder}"
    return {path: (stat.st_ino, stat.st_mtime_ns) for path, stat in files.items()}


def curate(capsys: pytest.CaptureFixture[str], *words: Any) -> tuple[int, str, str]:
    """A command in this process: exit status, standard output, standard error. An unexpected error propagates."""
    from datacurate.cli import main

    before, interrupt = sys.argv, signal.getsignal(signal.SIGINT)
    sys.argv = ["curate", *map(str, words)]
    capsys.readouterr()
    code: Any = 0
    try:
        main()
    except SystemExit as end:
        code = end.code or 0
    finally:
        sys.argv = before
        signal.signal(signal.SIGINT, interrupt)
    said = capsys.readouterr()
    return code, said.out, said.err


def curate_process(*words: Any, **more: Any) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    return subprocess.run([*COMMAND, *map(str, words)], capture_output=True, text=True, timeout=120, **more)


def start_curate(*words: Any) -> subprocess.Popen[str]:
    """A command that is not waited for."""
    quiet: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*COMMAND, *map(str, words)], **quiet)


def write_recipe(path: Path, recipe: Recipe) -> Path:
    path.write_text(recipe.as_yaml(), encoding="utf-8")
    return path


def inline_profile(folder: Path) -> Path:
    path = folder / "inline.yaml"
    path.write_text("executor: inline\n")
    return path


def until(holds: Callable[[], Any], seconds: float = 30) -> Any:
    """Wait until something holds; fail when it does not in time."""
    end = time.monotonic() + seconds
    while not (value := holds()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return value


def alive(process: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def print_peak(recipe: str, out: str) -> None:
    """Run a recipe with one worker and print the worker's peak of resident memory in bytes."""
    import resource

    from datacurate.api import load_recipe, run_recipe

    finished = run_recipe(load_recipe(recipe), out, f"{out}/store", workers=1)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(json.dumps({"peak": peak, "out": len(finished.dataset()), "here": os.getpid()}))
