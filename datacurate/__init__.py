"""Turn raw crawl into token-budgeted training mixtures, and account for every document on the way."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "datacurate.api": ("load_recipe", "run_recipe", "run_stage"),
    "datacurate.core.dataset": ("Dataset",),
    "datacurate.core.errors": ("CurateError",),
    "datacurate.core.plan": ("Plan", "plan"),
    "datacurate.executors.profile": ("Profile",),
    "datacurate.core.recipe": ("Recipe",),
    "datacurate.core.run": ("Run",),
    "datacurate.core.source": ("Read", "Source", "Unread"),
    "datacurate.core.phase": ("by", "each", "once"),
    "datacurate.core.stage": ("Filter", "Map", "Outcome", "Removed", "Stage"),
    "datacurate.core.registry": ("stage_class",),
    "datacurate.training.loader": ("PackedDataset",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first used, so that `import datacurate` stays light."""
    if name not in _HOME:
        raise AttributeError(f"module 'datacurate' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)
