"""What is suspicious about a recipe, before it runs: dead rules, missing columns, empty files."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any

from datacurate.audit.lint_conditions import impossible
from datacurate.audit.lint_probe import NOTE, Probe
from datacurate.core.conditions import mismatch
from datacurate.core.errors import CurateError, did_you_mean
from datacurate.core.heads import columns_of, types_of
from datacurate.core.recipe import Recipe, stage_reference
from datacurate.core.source import Source
from datacurate.core.stage import Stage, holds, is_derived
from datacurate.stages.filters.where import Where

__all__ = ["NOTE", "lint"]


def lint(recipe: Recipe, probe: bool = True) -> list[str]:
    """Findings, one line each; none means that nothing looks wrong.

    `probe` also reads a part of every source and measures it in memory, to name rules that remove nothing or more than
    half of a source.
    """
    lacking = dict(_columns(recipe))
    findings = [line for lines in lacking.values() for line in lines]
    findings += [*_conditions(recipe), *_repeated(recipe), *_languages(recipe), *_weights(recipe)]
    unreadable = [line for name, source in recipe.sources.items() for line in _files(name, source)]
    findings += unreadable
    return findings + (Probe(recipe, set(lacking)).findings() if probe and not unreadable else [])


def _columns(recipe: Recipe) -> Iterator[tuple[int, list[str]]]:
    """By the number of a stage: columns that it reads and that nothing before it makes, or that hold something else."""
    sources = list(recipe.sources.values())
    if (columns := columns_of(sources)) is None:
        return
    known: dict[str, Any] = {**dict.fromkeys(columns), **types_of(sources)}
    for number, stage in enumerate(recipe.all_stages()):
        if stage.result != "model" and (lines := list(_misread(stage, known))):
            yield number, lines
        made = stage.made(known)
        if stage.rewrites:
            known = {column: kind for column, kind in known.items() if not is_derived(column)}
        known |= made


def _misread(stage: Stage, known: dict[str, Any]) -> Iterator[str]:
    """What a stage reads wrongly: of a `where` each condition, of others each column."""
    if isinstance(stage, Where):
        for rule, node in stage.conditions().items():
            for column in dict.fromkeys(node.columns()):
                wrong = _absent(column, known) or _mismatch(node, column, known)
                if wrong:
                    yield f"{_name(stage)}: the rule '{rule}': {wrong}"
        return
    for column, needed in stage.reads().items():
        if needed and not holds(known, column):
            yield f"{_name(stage)}: {_absent(column, known)}"


def _absent(column: str, known: dict[str, Any]) -> str | None:
    if holds(known, column):
        return None
    return f"reads the column '{column}', which nothing before it makes. {did_you_mean(column, known)}"


def _mismatch(node: Any, column: str, known: dict[str, Any]) -> str | None:
    kind = known.get(column)
    return None if kind is None else mismatch(node, column, kind)


def _name(stage: Stage) -> str:
    return stage_reference(type(stage))


def _conditions(recipe: Recipe) -> Iterator[str]:
    """Conditions of `where` that nothing or everything fulfils, alone or together."""
    for stage in recipe.all_stages():
        if isinstance(stage, Where):
            yield from (f"{_name(stage)}: {line}" for line in impossible(stage.conditions()))


def _repeated(recipe: Recipe) -> Iterator[str]:
    for before, after in pairwise(recipe.all_stages()):
        if before == after:
            yield f"{_name(after)}: stands twice in a row with equal options. Remove one."


def _languages(recipe: Recipe) -> Iterator[str]:
    for stage in recipe.stages:
        if stage.name() == "language" and not getattr(stage, "model", None):
            from datacurate.stages.language import LANGUAGES

            for language in sorted(set(getattr(stage, "keep", [])) - LANGUAGES):
                hint = did_you_mean(language, LANGUAGES)
                yield f"language: keep names '{language}', which lid.176 does not know. {hint}"


def _weights(recipe: Recipe) -> Iterator[str]:
    """Weights and limits for sources that do not exist; datasets bring source names of their own."""
    mixture: Any = recipe.mixture
    if mixture is None or any(source.dataset() for source in recipe.sources.values()) or mixture.by != ("source",):
        return
    for stage in mixture.training_stages:
        weights, label = stage.weights or {}, f"mixture: stage '{stage.name}'," if mixture.stages else "mixture:"
        for field, keys in (("weights", weights), ("limits", stage.limits)):
            for key in keys:
                if not any(fnmatchcase(name, key) or name == key for name in recipe.sources):
                    yield f"{label} {field} names no source '{key}'. {did_you_mean(key, recipe.sources)}"
        for name in recipe.sources:
            if weights and not any(fnmatchcase(name, key) or name == key for key in weights):
                yield f"{label} weights does not name the source '{name}'. Give it a weight; 0 leaves it out."


def _files(name: str, source: Source) -> Iterator[str]:
    """What is wrong with a source's files."""
    if source.dataset():
        return
    try:
        files = source.files()
        source.check(files)
    except CurateError as error:
        yield f"source {name}: {error}"
        return
    empty = [file for file in files if not file.stat().st_size]
    if empty:
        yield f"source {name}: {len(empty)} of {len(files)} files are empty, e.g. {empty[0]}. Remove or replace them."
