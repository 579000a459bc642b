"""FineWeb's own rules."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from pydantic import field_validator

from datacurate.core.types import Amount, Count, Fraction
from datacurate.stages.filters._words_filter import WordsFilter


class Fineweb(WordsFilter):
    """Keep documents whose lines are sentences rather than lists: ended, long, different, and not one per few words.

    FineWeb's authors compared signals of documents that helped and that harmed training, and took the four rules that
    helped most, instead of C4's rule of punctuation marks which removes too much. Lines of white space alone do not
    count. An option that is `null` switches its rule off.
    FineWeb (Penedo et al. 2024, section 3.5), as datatrove 0.10's FineWebQualityFilter states it.
    """

    measured_with: ClassVar[tuple[str, ...]] = ("stop_chars", "short_line_length", "words", "words_language")

    stop_chars: tuple[str, ...] | None = None
    """Characters that end a line well; `null`: datatrove's TERMINAL_PUNCTUATION, the full stops of all scripts."""
    short_line_length: Count = 30
    """Most characters of a short line."""
    min_line_punct: Fraction | None = 0.12
    """Smallest share of lines that end well that is kept."""
    line_punct_exclude_zero: bool = False
    """Whether documents without any such line are kept."""
    max_short_lines: Fraction | None = 0.67
    """Largest share of short lines that is kept."""
    max_char_duplicates: Fraction | None = 0.01
    """Largest share of characters in lines that repeat an earlier one that is kept."""
    max_newlines_per_word: Amount | None = 0.3
    """Most line feeds per word that are kept."""

    @field_validator("stop_chars")
    @classmethod
    def _single(cls, chars: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for char in chars or ():
            if len(char) != 1:
                raise ValueError(f"stop_chars: '{char}' is not one character; list characters one by one")
        return chars

    def measure(self, text: Any, language: Any = None) -> dict[str, Any]:
        """Lines that are not blank, and four ratios."""
        from datacurate.kernels import fineweb

        words = self.tokens(text, language)
        stops = None if self.stop_chars is None else "".join(self.stop_chars)
        return fineweb.line_signals(text, self.short_line_length, stops, words)

    def rules(
        self, lines: Any, line_punct_ratio: Any, short_line_ratio: Any, char_dup_ratio: Any, list_ratio: Any
    ) -> dict[str, Any]:
        """True where the document passes, in datatrove's order."""
        passes = {"empty": lines >= 1}
        if self.min_line_punct is not None:
            none = np.asarray(line_punct_ratio) == 0
            enough = line_punct_ratio >= self.min_line_punct
            passes["line_punct_ratio"] = enough | (none & self.line_punct_exclude_zero)
        bounds = {
            "short_line_ratio": (short_line_ratio, self.max_short_lines),
            "char_dup_ratio": (char_dup_ratio, self.max_char_duplicates),
            "list_ratio": (list_ratio, self.max_newlines_per_word),
        }
        return passes | {name: value <= bound for name, (value, bound) in bounds.items() if bound is not None}

    def warm(self) -> None:
        """Compile the kernels."""
        from datacurate.kernels import fineweb

        fineweb.warm()
