"""Reverse training: documents that are read from their end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import model_validator

from datacurate.core.errors import RecipeError, did_you_mean
from datacurate.core.phase import each
from datacurate.core.stage import Stage
from datacurate.core.types import Count, Fraction, Positive

if TYPE_CHECKING:
    import pyarrow as pa


class Reverse(Stage):
    """A share of the documents from their last word to the first, with names kept whole.

    A model that has read "A is B" cannot say who B is; it can once it has read the words in the opposite order, too.
    Words are those of UAX 29; what is between them is kept, so a text keeps its bytes. Names are not recognised by
    meaning: they are runs of words that begin with capitals (the first word of a sentence, in front of a name, counts
    to it; names in small letters and in scripts without capitals do not), or those in a column that a recogniser has
    filled. To train on both directions, name the files as two sources and reverse one (`sources`). What is chosen
    depends on seed and id alone. The column `reversed` says how, or nothing.
    Golovneva et al. 2024 (arXiv:2403.13799), section 2.
    """

    rewrites: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = ("id", "text", "source")
    makes: ClassVar[tuple[str, ...]] = ("reversed", "pieces")

    unit: Literal["words", "names", "segments"] = "names"
    """What keeps its inner order: single words; words and names (entity-preserving); or stretches of random length
    (random segment reversal)."""
    names_column: str | None = None
    """For `names`: a column of lists of the names in each text; unset, capitalised words."""
    longest: Positive = 25
    """For `segments`: the most words of a stretch; each length up to it is equally likely. The paper tries 5 to 25."""
    token: str | None = None
    """For `segments`: a control token of the tokenizer that is put between two stretches (the paper has `[REV]`)."""
    share: Fraction = 0.5
    """Share of the documents that is reversed, by hash of seed and id."""
    sources: tuple[str, ...] = ()
    """The sources whose documents are reversed; unset, all."""
    seed: Count = 0
    """Chooses documents and stretches."""

    @model_validator(mode="after")
    def _options_fit(self) -> Reverse:
        if self.names_column is not None and self.unit != "names":
            raise ValueError("names_column is for `unit: names`. Leave it out, or set unit to names")
        if self.token is not None and (self.unit != "segments" or not self.token):
            raise ValueError("token stands between segments. Leave it out, or set unit to segments and give it a name")
        return self

    def check_sources(self, known: Iterable[str]) -> None:
        """Raise RecipeError when `sources` names a source that the recipe does not have."""
        names = set(known)
        for name in self.sources:
            if name not in names:
                raise RecipeError(f"reverse: sources: no source '{name}'. {did_you_mean(name, names)}")

    def reads(self) -> dict[str, bool]:
        """The text, and the column of names."""
        return super().reads() | ({self.names_column: True} if self.names_column else {})

    @each
    def turned(self, docs: pa.Table) -> pa.Table:
        """The documents, those that are chosen in reverse."""
        from datacurate.stages import _reverse

        return _reverse.turned(self, docs)

    def warm(self) -> None:
        """Compile the kernels."""
        from datacurate.kernels import reversal

        reversal.warm()
