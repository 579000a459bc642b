"""Tokens of each cell in a training stage, from what there is of each and what earlier stages have drawn."""

from __future__ import annotations

import re
from fnmatch import translate
from typing import Protocol

from datacurate.core.errors import RecipeError
from datacurate.mixture import allocate
from datacurate.mixture.groups import Tokens
from datacurate.mixture.stages import TrainingStage

TRAIN, VALIDATION = 0, 1


class Supply(Protocol):
    """Tokens of cells, as rings of documents have them or as manifests say."""

    def tokens(self, split: int, stage: int, fresh: bool = False) -> Tokens:
        """Tokens of each cell that a stage may draw; with `fresh`, of documents that no earlier stage has drawn.

        Or, instead of a stage, another bit of documents' masks (`stages.weighing`).
        """

    def used(self, stage: int) -> Tokens:
        """Tokens that earlier stages have drawn, of what a stage may draw."""


def shares(
    supply: Supply, stage: TrainingStage, number: int, noun: str = "source", weighing: int | None = None
) -> Tokens:
    """Training tokens of each cell; they sum to the stage's budget. RecipeError when that cannot be.

    `weighing` is the bit of the documents by whose tokens cells are weighed, if not the stage's own.
    """
    fresh, even = stage.seen == "exclude", stage.strategy == "unimax"
    have, used = supply.tokens(TRAIN, number, fresh), supply.used(number)
    policy = "rescale" if even and not stage.weights else stage.on_shortfall
    temperature = float("inf") if even else stage.temperature
    bit = number if weighing is None else weighing
    weighed, all_weighed = supply.tokens(TRAIN, bit, fresh), supply.tokens(TRAIN, bit)
    asked = {name: have[name] for name in _asked(stage, number, weighed)}
    left = allocate.Left(supply.tokens(TRAIN, number), used, fresh, weighed, all_weighed)
    how = (stage.max_epochs, policy, stage.limits, temperature, noun, left)
    try:
        made = allocate.plan(stage.budget, stage.weights, asked, *how)
    except RecipeError as error:
        raise RecipeError(_told(stage, number, str(error), supply, have)) from None
    return dict.fromkeys(have, 0) | made


def _asked(stage: TrainingStage, number: int, have: Tokens) -> list[str]:
    """Cells with something to draw, but for rules of length, and those that weights or limits claim."""
    named = {*(stage.weights or {}), *stage.limits}
    keys = [re.compile(translate(key)) for key in named]
    filtered = number or stage.where
    return [n for n in have if have[n] or not filtered or n in named or any(key.match(n) for key in keys)]


def _told(stage: TrainingStage, number: int, message: str, supply: Supply, have: Tokens) -> str:
    """The message with what else binds: the training stage, those before it, its conditions."""
    if not any(have.values()):
        if any(supply.tokens(TRAIN, number).values()):
            message = (
                "mixture: no tokens to train on: earlier training stages have drawn all documents that it may draw, "
                "and it says 'seen: exclude'. Say 'seen: count', or give earlier stages fewer tokens."
            )
        elif stage.where:
            message += f" Its condition, '{stage.where}', leaves no document that has tokens."
        elif stage.short_share < 1:
            message += f" No document of {stage.long_tokens:,} tokens or more is left: lower long_tokens."
    if number or stage.name != "train":
        message = message.replace("mixture:", f"mixture: training stage '{stage.name}':", 1)
    return message
