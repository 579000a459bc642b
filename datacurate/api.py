"""What the CLI and Python share: load a recipe, change options, run it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from datacurate.core.dataset import Dataset
from datacurate.core.errors import InputError, RecipeError, did_you_mean
from datacurate.core.executor import Executor
from datacurate.core.index import INDEX, Index, add, check_names, dataset_parts, over_phases
from datacurate.core.paths import is_remote
from datacurate.core.recipe import Recipe, explain, load
from datacurate.core.registry import stage_class, stages_in
from datacurate.core.run import Reporter, Run, do, execute, publish_result
from datacurate.core.source import Source
from datacurate.core.stage import Stage


def load_recipe(path: str | Path, changes: list[str] | None = None) -> Recipe:
    """Read a recipe and apply `STAGE.OPTION=VALUE` changes (values as YAML); RecipeError when one does not fit."""
    recipe = load(path)
    for change in changes or []:
        recipe = _changed(recipe, change)
    return recipe


def _changed(recipe: Recipe, change: str) -> Recipe:
    target, equals, text = change.partition("=")
    name, dot, option = target.partition(".")
    if not equals or not dot:
        raise RecipeError(f"--set {change}: write STAGE.OPTION=VALUE, e.g. --set minhash.bands=20.")
    name = name.replace("-", "_")
    names = {stage.name() for stage in recipe.all_stages()}
    if name not in names:
        raise RecipeError(f"--set {change}: no stage '{name}' in this recipe. {did_you_mean(name, names)}")
    try:
        value = {option.replace("-", "_"): yaml.safe_load(text)}
    except yaml.YAMLError as error:
        raise RecipeError(f"--set {change}: not valid YAML: {error}. Quote the value.") from None

    def swap(stage: Stage | None) -> Stage | None:
        return _with(stage, value, change) if stage is not None and stage.name() == name else stage

    stages = [swap(stage) for stage in recipe.stages]
    return recipe.model_copy(
        update={"stages": stages, "mixture": swap(recipe.mixture), "training": swap(recipe.training)}
    )


def _with(stage: Stage, value: dict[str, Any], change: str) -> Stage:
    from pydantic import ValidationError

    try:
        return type(stage)(**{**stage.options(), **value})
    except ValidationError as error:
        lines = [f"--set {change}: {stage.name()}: {explain(one, type(stage))}" for one in error.errors()]
        raise RecipeError("\n".join(lines)) from None


def one_stage(stage: Stage, inputs: list[str | Path]) -> Recipe:
    """The recipe of one stage over files or datasets; sources are named after the files or folders."""
    sources: dict[str, Source] = {}
    for path in inputs:
        plain = str(path).partition("?")[0] if is_remote(path) else str(path)
        name = Path(plain.rstrip("/")).name.split(".")[0].strip("*") or "docs"
        if name in sources:
            name = f"{name}-{len(sources) + 1}"
        sources[name] = open_source(path)
    own: dict[str, Any] = {stage.name(): stage} if stage.name() in ("mixture", "training") else {"stages": [stage]}
    return Recipe(name=stage.name(), sources=sources, **own)


def run_stage(
    stage: Stage,
    inputs: list[str | Path],
    out: str | Path,
    store: str | Path | None = None,
    profile: str | Path | None = None,
    workers: int | None = None,
    quiet: bool = True,
) -> Run:
    """Run one stage over files or datasets: what `curate GROUP STAGE INPUT... --out OUT` does.

    `out` becomes a dataset (the stage's result) and the run's folder; the store is `out`/.store unless given.
    """
    recipe = one_stage(stage, inputs)
    run = run_recipe(recipe, out, store or Path(out) / ".store", profile, workers, quiet)
    publish_result(run)
    return run


def open_source(path: str | Path) -> Source:
    """The source that reads a file, folder, pattern or dataset, chosen by its name."""
    from datacurate.sources import find_format

    return find_format(path)(path=str(path))


def run_recipe(
    recipe: Recipe,
    out: str | Path,
    store: str | Path,
    profile: str | Path | None = None,
    workers: int | None = None,
    quiet: bool = True,
) -> Run:
    """Plan and run a recipe; what is done already is not done again.

    `out` becomes the run's folder; `store` may be shared by many runs. Raises a CurateError for what a user can fix.
    """
    from datacurate.core.plan import plan

    with _working(out, profile, workers, quiet) as (executor, said):
        return execute(plan(recipe, store), executor, out, said)


@contextlib.contextmanager
def _working(
    out: str | Path, profile: str | Path | None, workers: int | None, quiet: bool
) -> Iterator[tuple[Executor, Reporter]]:
    """The executor of a profile, with logs under `out`, and what tells of progress."""
    from datacurate.executors.profile import Profile
    from datacurate.progress import reporter

    own = Profile.load(profile) if profile else Profile()
    own = own.model_copy(update={"workers": workers}) if workers else own
    said = reporter(quiet)
    try:
        yield own.make(Path(out) / "logs"), said
    finally:
        if hasattr(said, "close"):
            said.close()


def index_stage(name: str, changes: list[str]) -> Stage:
    """The stage with `OPTION=VALUE` changes (values as YAML), for `make_index`."""
    from pydantic import ValidationError

    given: dict[str, Any] = {}
    for change in changes:
        option, equals, text = change.partition("=")
        if not equals:
            raise RecipeError(f"--set {change}: write OPTION=VALUE, e.g. --set bands=20.")
        try:
            given[option.replace("-", "_")] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise RecipeError(f"--set {change}: not valid YAML: {error}. Quote the value.") from None
    kind = stage_class(name)
    if not over_phases(kind):
        known = ", ".join(name for name in stages_in("dedup") if over_phases(stage_class(name)))
        raise RecipeError(f"{kind.name()} compares with no other datasets and has no index. Known: {known}.")
    try:
        return kind(**given)
    except ValidationError as error:
        lines = [f"{kind.name()}: {explain(one, kind)}" for one in error.errors()]
        raise RecipeError("\n".join(lines)) from None


def make_index(
    stage: Stage | None,
    datasets: list[str | Path],
    folder: str | Path,
    profile: str | Path | None = None,
    workers: int | None = None,
    quiet: bool = True,
) -> Index:
    """Make an index of datasets for a stage's `against`, or without `stage` extend the one in `folder`.

    Datasets that are in the index already are left out. What is done already is not done again.
    """
    from datacurate.core.plan import Barrier, Plan, PlannedStage

    if stage is None:
        kept = Index.open(folder).manifest["rules"]
        stage = stage_class(kept["stage"])(**kept["options"])
        Index.open(folder).fit(stage)
    elif (Path(folder) / INDEX).exists():
        raise InputError(f"{folder}: an index is there already. Add to it with --extend, or choose another folder.")
    if not over_phases(stage):
        known = [name for name in stages_in("dedup") if over_phases(stage_class(name))]
        raise RecipeError(
            f"{stage.name()} compares with no other datasets: it has no index. Known: {', '.join(known)}."
        )
    parts = [dataset_parts(stage, path, str(folder)) for path in datasets]
    held = Index.open(folder).manifest["datasets"] if (Path(folder) / INDEX).exists() else []
    named = [(path, own) for path, one in zip(datasets, parts, strict=True) for own in one.datasets]
    check_names([*((folder, one) for one in held), *named])
    planned = PlannedStage(1, stage.name(), "", stage, {}, stage.version)
    barrier = Barrier(f"{stage.name()} index", [task for one in parts for task in one.tasks])
    with _working(folder, profile, workers, quiet) as (executor, said):
        do(Plan(one_stage(stage, datasets), str(folder), [planned], [barrier]), executor, said)
    return add(folder, stage, [Dataset.open(path) for path in datasets])
