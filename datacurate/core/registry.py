"""Finds stages and sources by name: one file, one stage; the file's name is the stage's name."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import Any

from datacurate.core.errors import RecipeError, did_you_mean
from datacurate.core.stage import Stage

GROUPS = {"": "datacurate.stages", "filter": "datacurate.stages.filters", "dedup": "datacurate.stages.dedup"}
"""Command groups and the folders that hold their stages."""
ENDINGS = {"mixture": "datacurate.mixture.mixture", "training": "datacurate.training.train"}
"""The two stages that a recipe names by a key of its own."""


@functools.cache
def stage_modules() -> dict[str, str]:
    """Module path of every stage by name, found by looking at file names; nothing is imported but the packages."""
    found = {}
    for package in GROUPS.values():
        folder = importlib.import_module(package)
        for module in pkgutil.iter_modules(folder.__path__):
            if not module.ispkg and not module.name.startswith("_"):
                found[module.name] = f"{package}.{module.name}"
    return found


def stages_in(group: str) -> list[str]:
    """Names of the stages of a command group, sorted."""
    package = GROUPS[group]
    return sorted(name for name, path in stage_modules().items() if path == f"{package}.{name}")


def stage_class(name: str) -> type[Stage]:
    """The stage with this name, or (dotted) the class at `package.module.Class`. RecipeError when there is none."""
    modules = {**stage_modules(), **ENDINGS}
    known = name.replace("-", "_")
    if known in modules:
        return _only_stage(importlib.import_module(modules[known]), known)
    if "." in name:
        return _imported(name)
    raise RecipeError(f"unknown stage '{name}'. {did_you_mean(known, stage_modules())}")


def _only_stage(module: Any, name: str) -> type[Stage]:
    for value in vars(module).values():
        own = isinstance(value, type) and issubclass(value, Stage) and value.__module__ == module.__name__
        if own and value.name() == name:
            return value
    raise AssertionError(f"{module.__name__} holds no stage called {name}")


def _imported(path: str) -> type[Stage]:
    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:
        raise RecipeError(f"cannot import stage '{path}': {error}. Check the name and PYTHONPATH.") from error
    if not (isinstance(found, type) and issubclass(found, Stage)):
        raise RecipeError(f"'{path}' is not a Stage class. Derive it from datacurate.Stage, Map or Filter.")
    return found
