"""Training stages: parts of a training with budgets of their own; and the options that each may set for itself."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate, count, pairwise
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_serializer

from datacurate.core.condition_text import parse
from datacurate.core.types import Fraction as Share
from datacurate.mixture.groups import Epochs, Limit
from datacurate.mixture.weights import exact

BUCKET_TOKENS = 2**24
"""Tokens that one shuffle task holds in memory, about."""
Budget = Annotated[int, Field(ge=1, le=10**15)]
"""Tokens. Far above all text there is, and so that sums of some thousand of them fit into 64 bits."""
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""A share in any unit."""
MOST = 62
"""Training stages that a mixture may have: one bit each of a number of 64 bits, or two with `short_share`."""


class DrawOptions(BaseModel):
    """What is drawn in which shares, and how it becomes rows: of a mixture, or of one of its training stages."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    weights: dict[str, Weight] | None = None
    """Share of the budget per cell (see `by`), in any unit; unset, cells share as `strategy` says.

    A pattern (`wiki_*`) gives its share to all cells that it fits together, but for those that are named themselves.
    """
    strategy: Literal["tokens", "unimax"] = "tokens"
    """How cells share that no weight tells apart: by tokens, or evenly as far as `max_epochs` allows (UniMax)."""
    temperature: Annotated[float, Field(ge=0.01, allow_inf_nan=False)] = 1.0
    """Shares by tokens go by their power of 1 / `temperature`: 1 is in proportion, more favours small cells."""
    limits: dict[str, Limit] = {}
    """Bounds per cell or pattern: `at_least` and `at_most` in tokens, `min_share`, `max_share`, `max_epochs`."""
    max_epochs: Epochs = 4.0
    """How often a cell may be passed over, in all training stages so far together; up to 4 epochs are nearly as good
    as fresh text."""
    on_shortfall: Literal["error", "rescale"] = "error"
    """When a cell has too little for its share: stop, or let the other cells fill in, in proportion."""
    sequence_length: Annotated[int, Field(ge=1, le=BUCKET_TOKENS)] = 512
    """Tokens per packed row."""
    packing: Literal["concatenate", "best_fit", "document"] = "concatenate"
    """Documents end to end, cut where a row ends; or few of them cut and rows padded; or rows of one document each."""
    long_documents: Literal["split", "crop"] = "split"
    """With `document`: what does not fit into a row goes into more rows, or is left out and counted."""
    where: str | None = None
    """A condition on columns, such as `quality >= 4`: only documents that fulfil it are drawn, and no document of which
    it cannot be decided because a value is missing. The grammar is that of the filter `where`."""
    long_tokens: Budget = 4096
    """Tokens from which on a document is long; for `short_share`."""
    short_share: Share = 1.0
    """Share of the shorter documents, by hash, that may be drawn. With 0.1 long documents make up more of every cell,
    whose share of the budget stays what it is (Fu et al. 2024, for contexts of 128K)."""

    @field_validator("where")
    @classmethod
    def _readable(cls, given: str | None) -> str | None:
        """The condition as it is written out again, so that spaces and brackets do not enter the key."""
        return None if given is None else str(parse(given))

    @property
    def crop(self) -> bool:
        """Whether what does not fit into a row is left out."""
        return self.long_documents == "crop"

    def problem(self) -> str | None:
        """What is wrong with these options together."""
        if self.weights is not None and not self.weights:
            return "weights are empty. Give a source a weight, or leave weights out"
        if self.weights and not any(self.weights.values()):
            return "all weights are 0. Give at least one source a weight above 0"
        if self.strategy == "unimax" and self.temperature != 1:
            return "strategy unimax makes shares even, so temperature has no meaning. Leave one of them out"
        if self.crop and self.packing != "document":
            return f"packing {self.packing} crops nothing. Set packing to document, or leave long_documents out"
        return None


class TrainingStage(DrawOptions):
    """One part of a training. What it does not set is as the mixture says."""

    name: str
    """Its name, in receipts."""
    tokens: Budget | None = None
    """Training tokens of this stage, end-of-text tokens included; or give `share`."""
    share: Weight | None = None
    """Its part of the mixture's `tokens`, in any unit, when all training stages give one: a whole training scales."""
    seen: Literal["count", "exclude"] = "count"
    """Documents that earlier stages have drawn: `count` goes on behind the last one drawn, and around again, and epochs
    of all stages are capped together; `exclude` takes only documents that no earlier stage has drawn, each once."""

    @field_validator("name")
    @classmethod
    def _named(cls, given: str) -> str:
        if not given.strip():
            raise ValueError("a training stage needs a name, such as core or anneal")
        return given

    @model_serializer(mode="wrap")
    def _as_given(self, inner: Any) -> dict[str, Any]:
        """What was set, also where it is as by default: the mixture may say something else."""
        made = inner(self)
        fields = type(self).model_fields
        said = {name: fields[name].get_default() for name in fields if name in self.model_fields_set}
        return {name: made.get(name, value) for name, value in said.items()}

    @property
    def budget(self) -> int:
        """Its tokens, once they are known."""
        return self.tokens or 0

    @property
    def buckets(self) -> int:
        """Number of shuffle tasks: a power of two, from the budget alone."""
        return min(4096, max(4, 1 << (self.budget // BUCKET_TOKENS).bit_length()))


def weighing(short_shares: Sequence[float]) -> list[int]:
    """Per training stage, which bit of a document says that cells are weighed by its tokens.

    It is the stage's own, which says that it may be drawn, or one behind those of all stages, when the stage leaves
    short documents out: the shares of cells are those of all that its condition leaves.
    """
    extra = count(len(short_shares))
    return [stage if share == 1 else next(extra) for stage, share in enumerate(short_shares)]


def chosen(field: str, own: Any, stages: Sequence[TrainingStage]) -> list[Any]:
    """An option as each training stage has it; `own` is the mixture's, which without stages stands alone."""
    return [getattr(s, field) if field in s.model_fields_set else own for s in stages] if stages else [own]


def resolved(options: DrawOptions, tokens: int | None, stages: Sequence[TrainingStage]) -> list[TrainingStage]:
    """The training stages with all options filled in; without any, one that is the whole mixture."""
    if not stages:
        stages = [TrainingStage.model_construct({"name", "tokens"}, name="train", tokens=tokens or 0)]
    own = {field: chosen(field, getattr(options, field), stages) for field in DrawOptions.model_fields}
    own["tokens"] = _budgets(tokens or 0, stages)
    return [s.model_copy(update={field: values[i] for field, values in own.items()}) for i, s in enumerate(stages)]


def _budgets(tokens: int, stages: Sequence[TrainingStage]) -> list[int]:
    """Tokens of each training stage; shares are rounded along the way, so that they sum to all."""
    ends = list(accumulate((exact(stage.share or 0) for stage in stages), initial=Fraction(0)))
    made = [round(tokens * end / ends[-1]) if ends[-1] else 0 for end in ends]
    return [stage.tokens or high - low for stage, (low, high) in zip(stages, pairwise(made), strict=True)]


def _check_budgets(tokens: int | None, stages: Sequence[TrainingStage], made: Sequence[TrainingStage]) -> None:
    for stage in stages:
        if (stage.tokens is None) == (stage.share is None):
            raise ValueError(f"training stage '{stage.name}': give 'tokens' or 'share', and not both")
    if any(stage.share is not None for stage in stages):
        if tokens is None or any(stage.tokens is not None for stage in stages):
            raise ValueError("shares of training stages are of the mixture's 'tokens': give it, and all stages a share")
        if empty := next((stage.name for stage in made if not stage.budget), None):
            raise ValueError(f"training stage '{empty}': its share of {tokens:,} tokens is none. Raise tokens or share")
        return
    total = sum(stage.budget for stage in stages)
    if stages and tokens not in (None, total):
        raise ValueError(f"tokens is {tokens:,}, and the training stages sum to {total:,}. Leave tokens out")


def check(tokens: int | None, stages: Sequence[TrainingStage], made: Sequence[TrainingStage]) -> None:
    """ValueError when budgets, names or options of training stages cannot be."""
    if not stages and tokens is None:
        raise ValueError("give 'tokens', the budget of the mixture, or 'stages' with budgets of their own")
    if len(stages) > MOST:
        raise ValueError(f"{len(stages)} training stages are more than {MOST}. Join some")
    if (bits := len(made) + sum(stage.short_share < 1 for stage in made)) > MOST:
        raise ValueError(
            f"{len(made)} training stages, of which those with a short_share below 1 count twice, are "
            f"{bits}, and {MOST} is the most. Join some"
        )
    for name in (names := [stage.name for stage in stages]):
        if names.count(name) > 1:
            raise ValueError(f"two training stages are called '{name}'. Rename one")
    _check_budgets(tokens, stages, made)
    for stage in made:
        if problem := stage.problem():
            raise ValueError(f"training stage '{stage.name}': {problem}" if stages else problem)
