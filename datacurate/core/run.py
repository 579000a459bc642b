"""Runs a plan: barrier by barrier, the tasks that are not done; then names the results for people."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from datacurate.core import ledger
from datacurate.core.dataset import MANIFEST, Dataset
from datacurate.core.errors import CurateError, LedgerError, QuarantineError, TaskError
from datacurate.core.executor import Executor, Failure
from datacurate.core.plan import Barrier, Plan, PlannedStage
from datacurate.core.stage import Stage
from datacurate.core.store import Parts, explain_os_error, make_folder, read_footer, read_parts, write_json, write_text
from datacurate.core.task import Task

QUARANTINE_LINES = 10_000
"""At most this many quarantined records of a stage are listed in the run's quarantine folder; ledgers hold all."""


class Reporter(Protocol):
    """Told of progress; prints it, or not."""

    def barrier(self, barrier: Barrier, missing: int) -> None: ...
    def finished(self, task: Task) -> None: ...
    def failed(self, failure: Failure) -> None: ...


class Silent:
    """Prints nothing."""

    def barrier(self, barrier: Barrier, missing: int) -> None: ...
    def finished(self, task: Task) -> None: ...
    def failed(self, failure: Failure) -> None: ...


@dataclass
class Run:
    """A finished run: its folder and the manifest of every stage."""

    folder: Path
    manifests: list[dict[str, Any]] = field(default_factory=list)
    tasks: int = 0
    """Tasks that this launch had to do."""

    def dataset(self, stage: str | None = None) -> Dataset:
        """The dataset of a stage (by name or folder), or of the last stage that has one."""
        names = [m["folder"] for m in self.manifests if m["shards"]]
        wanted = [name for name in names if stage in (None, name, name.split("-", 1)[1])]
        return Dataset.open(self.folder / wanted[-1])


def execute(plan: Plan, executor: Executor, folder: str | Path, reporter: Reporter | None = None) -> Run:
    """Do what is missing of a plan and publish the result under `folder`.

    Raises TaskError when tasks failed (the rest of their barrier is done first), QuarantineError when too much of the
    input is unusable, LedgerError when books do not balance. What was finished is kept in every case.
    """
    folder = make_folder(folder)
    make_folder(plan.store)
    reporter = reporter or Silent()
    write_json(folder / "plan.json", {"recipe": plan.recipe.name, "stages": [s.identity() for s in plan.stages]})
    write_text(folder / "recipe.yaml", plan.recipe.as_yaml(secrets=False))
    run = Run(folder, tasks=len(plan.missing()))
    try:
        if run.tasks:
            do(plan, executor, reporter)
        _check(plan, set())
    except BaseException:
        with contextlib.suppress(CurateError, OSError):
            _publish_all(plan, folder)
        raise
    run.manifests = _publish_all(plan, folder)
    if unfinished := [stage.folder for stage in plan.stages if not stage.finished()]:
        raise LedgerError(f"{unfinished[0]}: all tasks are done, but files are missing. Please report this bug.")
    reads = any(stage.name == "read" for stage in plan.stages)
    _check_chain(run.manifests, {} if reads else plan.brought)
    return run


def _publish_all(plan: Plan, folder: Path) -> list[dict[str, Any]]:
    """Publish the stages that are finished, up to the first that refuses what it did."""
    try:
        sound = itertools.takewhile(_is_sound, plan.stages)
        return [publish(plan.recipe.name, stage, folder) for stage in sound if stage.finished()]
    except OSError as error:
        raise explain_os_error(error, folder) from error


def do(plan: Plan, executor: Executor, reporter: Reporter) -> None:
    """Do what is missing of a plan, barrier by barrier."""
    executor.start([stage.stage for stage in plan.stages if stage.stage is not None])
    checked: set[int] = set()
    try:
        for barrier in plan.barriers:
            missing = [task for task in barrier.tasks if not task.done()]
            reporter.barrier(barrier, len(missing))
            failures = executor.run(missing, reporter.finished) if missing else []
            for failure in failures:
                reporter.failed(failure)
            if failures:
                raise _as_error(failures)
            _check(plan, checked)
    finally:
        executor.stop()


def _as_error(failures: list[Failure]) -> Exception:
    """The error itself when a user can fix it; else one that lists the failed tasks and their logs."""
    own = {str(failure.error): failure.error for failure in failures if failure.error is not None}
    if len(own) == 1 and all(failure.error is not None for failure in failures):
        return next(iter(own.values()))
    lines = [f"  {failure.task}: {failure.message}\n    log: {failure.log}" for failure in failures[:20]]
    more = f"\n  and {len(failures) - 20} more" if len(failures) > 20 else ""
    return TaskError(
        f"{len(failures)} of the tasks failed:\n" + "\n".join(lines) + more + "\n"
        "What was finished is kept. Read the log, then run the same command again to do the rest."
    )


def _check(plan: Plan, checked: set[int]) -> None:
    """Raise when too much is quarantined, or a stage whose ledgers are there, and was not yet asked, refuses them."""
    _check_quarantine(plan)
    for stage in plan.stages:
        if stage.number not in checked and _refuse(stage):
            checked.add(stage.number)


def _refuse(planned: PlannedStage) -> bool:
    """Whether the stage could be asked; raises what it says when its work must not be published."""
    stage = planned.stage
    if stage is None or type(stage).refuse is Stage.refuse:
        return False
    books: dict[str, dict[str, Any]] = {}
    if stage.judged_by:
        judged = planned.phases.get(stage.judged_by)  # an index is made without it
        if judged is None or not all(Path(path).exists() for path in judged.paths):
            return False
    elif planned.ledgers and planned.finished():
        books = by_source(planned.ledgers)
    else:
        return False
    stage.refuse(books, lambda phase: Parts(planned.phases[phase].paths))
    return True


def _is_sound(planned: PlannedStage) -> bool:
    try:
        _refuse(planned)
    except CurateError:
        return False
    return True


def _check_quarantine(plan: Plan) -> None:
    done = [s for s in plan.stages if s.ledgers and all(Path(path).exists() for path in s.ledgers)]
    books = [totals(stage.ledgers) for stage in done]
    if not books:
        return
    came = max(b["in"]["documents"] for b in books)
    bad = sum(ledger.total(b, "quarantined") for b in books)
    if came and bad / came > plan.recipe.quarantine_limit:
        worst = max(done, key=lambda s: ledger.total(totals(s.ledgers), "quarantined"))
        error = _first_error(worst)
        raise QuarantineError(
            f"{bad} of {came} documents ({bad / came:.1%}) are quarantined, more than quarantine_limit "
            f"{plan.recipe.quarantine_limit:.1%} allows; most of them by {worst.name}, for example: {error}. "
            f"Look at the ledgers in {Path(worst.ledgers[0]).parent}, mend the input, or raise "
            "quarantine_limit in the recipe (`curate run`)."
        )


def _first_error(stage: PlannedStage) -> str:
    for path in stage.ledgers:
        for row in read_parts([path], ["fate", "rule", "error"]).to_pylist():
            if row["fate"] == "quarantined":
                return f"{row['rule']}: {row['error']}"
    return "none recorded"


def totals(ledgers: Iterable[str]) -> dict[str, Any]:
    """The books of a stage over all shards and sources."""
    return _sum(by_source(ledgers))


def _sum(sources: dict[str, dict[str, Any]]) -> dict[str, Any]:
    books = ledger.nothing()
    for own in sources.values():
        ledger.add(books, own)
    return books


def by_source(ledgers: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The books of a stage over all shards, by source."""
    books: dict[str, dict[str, Any]] = {}
    for path in ledgers:
        for source, own in read_footer(path)["books"].items():
            ledger.add(books.setdefault(source, ledger.nothing()), own)
    return books


def publish(recipe: str, stage: PlannedStage, run: Path) -> dict[str, Any]:
    """Write a finished stage's manifest into the run's folder, with links to its files in the store."""
    folder = make_folder(run / stage.folder)
    for old in folder.glob("*.parquet"):
        old.unlink()
    product = stage.product.paths if stage.product else stage.documents
    shards = [_shard(path, folder) for path in product if Path(path).exists()]
    for shard in shards:
        os.symlink(shard["path"], folder / f"{shard['name']}.parquet")
    manifest = {
        "stage": stage.name, "folder": stage.folder, "key": stage.key, "version": stage.version,
        "recipe": recipe, "fields": stage.fields, **_books(stage),
        **_left_out(stage), "shards": shards,
        "ledgers": [os.path.relpath(path, folder) for path in stage.ledgers],
        "phases": {
            name: {"key": made.key, "parts": [os.path.relpath(p, folder) for p in made.paths if Path(p).exists()]}
            for name, made in stage.phases.items()
        },
    }  # fmt: skip
    write_json(folder / MANIFEST, manifest)
    _list_quarantine(stage, run / "quarantine")
    return manifest


def _left_out(stage: PlannedStage) -> dict[str, Any]:
    """How many files of folders are not read, by source and ending, where there are any."""
    left = {name: about["left_out"] for name, about in stage.sources.items() if about.get("left_out")}
    return {"left_out": left} if left else {}


def _shard(path: str, folder: Path) -> dict[str, Any]:
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(path)
    footer = json.loads((metadata.metadata or {}).get(b"datacurate", b"{}"))
    size = sum(books["out"]["bytes"] for books in footer.get("books", {}).values())
    target = os.path.relpath(path, folder.resolve())
    return {"name": Path(path).stem, "path": target, "rows": metadata.num_rows, "bytes": size or os.path.getsize(path)}


def _books(stage: PlannedStage) -> dict[str, Any]:
    if not stage.ledgers:
        return {}
    lengths: dict[str, int] = {}
    languages: dict[str, int] = {}
    for path in stage.ledgers:
        footer = read_footer(path)
        for mine, more in ((lengths, footer["lengths"]), (languages, footer["languages"])):
            for name, count in more.items():
                mine[name] = mine.get(name, 0) + count
    sources = by_source(stage.ledgers)
    for source, amounts in stage.brought.items():
        brought = {**ledger.nothing(), "in": amounts, "out": amounts}
        ledger.add(sources.setdefault(source, ledger.nothing()), brought)
    return {
        "ledger": _sum(sources), "sources": {name: sources[name] for name in sorted(sources)},
        "lengths": dict(sorted(lengths.items(), key=lambda item: int(item[0]))),
        "languages": dict(sorted(languages.items())),
    }  # fmt: skip


def _list_quarantine(stage: PlannedStage, folder: Path) -> None:
    """Quarantined records with their errors as JSON lines, for people to read."""
    path = folder / f"{stage.folder}.jsonl"
    path.unlink(missing_ok=True)
    lines: list[str] = []
    for file in stage.ledgers:
        if any(books["quarantined"] for books in read_footer(file)["books"].values()):
            lines += _quarantine_lines(file)
    if lines:
        write_text(path, "\n".join(lines[:QUARANTINE_LINES]) + "\n")


def _quarantine_lines(file: str) -> list[str]:
    rows = read_parts([file], ["id", "source", "fate", "rule", "error", "bytes", "payload"]).to_pylist()
    lines = []
    for row in rows:
        if row.pop("fate") == "quarantined":
            row["payload"] = (row["payload"] or b"")[:300].decode("utf-8", "backslashreplace")
            lines.append(json.dumps({**row, "ledger": file}, ensure_ascii=True))
    return lines


def publish_result(run: Run) -> None:
    """Make the run's folder itself a dataset: that of the last stage."""
    last = [m for m in run.manifests if m["shards"]][-1]
    for old in run.folder.glob("*.parquet"):
        old.unlink()
    manifest = dict(last)
    for name in ("shards", "ledgers", "phases"):
        manifest[name] = _nearer(last[name], last["folder"])
    for shard in manifest["shards"]:
        os.symlink(shard["path"], run.folder / f"{shard['name']}.parquet")
    write_json(run.folder / MANIFEST, manifest)


def _nearer(value: Any, folder: str) -> Any:
    """Paths that are relative to a stage's folder, relative to the folder above it."""
    if isinstance(value, dict):
        return {k: _nearer(v, folder) if k in ("path", "parts") or isinstance(v, dict) else v for k, v in value.items()}
    if isinstance(value, list):
        return [_nearer(item, folder) for item in value]
    return os.path.normpath(os.path.join(folder, value))


def _check_chain(manifests: list[dict[str, Any]], brought: dict[str, dict[str, int]] | None = None) -> None:
    """What one stage hands on is what the next one gets, to the document and the byte.

    `brought` is what datasets hold that the first stage reads in place.
    """
    kept = [m for m in manifests if "ledger" in m]
    if brought and kept:
        out = {unit: sum(amounts[unit] for amounts in brought.values()) for unit in ("documents", "bytes")}
        came = {unit: kept[0]["ledger"]["in"][unit] for unit in out}
        if came != out:
            raise LedgerError(f"the datasets hold {out}, but {kept[0]['folder']} got {came}. Please report this bug.")
    for manifest in kept:
        ledger.check(manifest["ledger"], manifest["folder"])
    for before, after in itertools.pairwise(kept):
        if before["ledger"]["out"] != after["ledger"]["in"]:
            raise LedgerError(
                f"{before['folder']} handed on {before['ledger']['out']}, but {after['folder']} got "
                f"{after['ledger']['in']}. Please report this bug."
            )
