"""Profiles: where and how a plan runs. They never enter a key."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from datacurate.core.errors import RecipeError
from datacurate.core.executor import Executor
from datacurate.core.recipe import explain
from datacurate.core.types import Positive


class Profile(BaseModel):
    """Where and how tasks are run."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    executor: Literal["inline", "local"] = "local"
    """inline: in this process, one task at a time. local: worker processes on this machine."""
    workers: Positive | None = None
    """Worker processes; as many as this process may use cores when not given."""

    @classmethod
    def load(cls, path: str | Path) -> Profile:
        """Read a profile; RecipeError lists what is wrong with it."""
        try:
            value = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
            return cls(**value)
        except ValidationError as error:
            lines = [f"{path}: {explain(one, cls)}" for one in error.errors()]
            raise RecipeError("\n".join(lines)) from None
        except (OSError, yaml.YAMLError, TypeError) as error:
            raise RecipeError(f"{path}: cannot read the profile: {error}. Give a YAML file with 'executor:'.") from None

    def make(self, logs: Path) -> Executor:
        """The executor that the profile describes."""
        if self.executor == "inline":
            from datacurate.executors.inline import Inline

            return Inline(logs)
        from datacurate.executors.local import Local

        return Local(self.workers or len(os.sched_getaffinity(0)), logs)
