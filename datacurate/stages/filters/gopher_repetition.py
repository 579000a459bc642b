"""Gopher's repetition rules."""

from __future__ import annotations

from typing import Any

from datacurate.core.stage import Filter
from datacurate.core.types import Fraction


class GopherRepetition(Filter):
    """Keep documents that do not repeat their own lines, paragraphs or phrases too much.

    Text that says the same thing again and again is boilerplate, spam or a failed extraction, and models learn to
    loop from it. Shares of characters are of all characters of the text; a repeated n-gram of 5 to 10 words is
    counted once where repeats overlap. An option that is `null` switches its rule off.
    Gopher's repetition filters (Rae et al. 2021, table A1), as datatrove's GopherRepetitionFilter states them.
    """

    max_dup_paragraphs: Fraction | None = 0.3
    """Largest share of paragraphs that repeat an earlier one that is kept."""
    max_dup_paragraph_chars: Fraction | None = 0.2
    """Largest share of characters in such paragraphs that is kept."""
    max_dup_lines: Fraction | None = 0.3
    """Largest share of lines that repeat an earlier one that is kept."""
    max_dup_line_chars: Fraction | None = 0.2
    """Largest share of characters in such lines that is kept."""
    max_top_2_gram: Fraction | None = 0.2
    """Largest share of characters in the most frequent pair of words that is kept."""
    max_top_3_gram: Fraction | None = 0.18
    """Largest share of characters in the most frequent three words in a row that is kept."""
    max_top_4_gram: Fraction | None = 0.16
    """Largest share of characters in the most frequent four words in a row that is kept."""
    max_dup_5_grams: Fraction | None = 0.15
    """Largest share of characters in five words in a row that repeat earlier ones that is kept."""
    max_dup_6_grams: Fraction | None = 0.14
    """Largest share of characters in six words in a row that repeat earlier ones that is kept."""
    max_dup_7_grams: Fraction | None = 0.13
    """Largest share of characters in seven words in a row that repeat earlier ones that is kept."""
    max_dup_8_grams: Fraction | None = 0.12
    """Largest share of characters in eight words in a row that repeat earlier ones that is kept."""
    max_dup_9_grams: Fraction | None = 0.11
    """Largest share of characters in nine words in a row that repeat earlier ones that is kept."""
    max_dup_10_grams: Fraction | None = 0.1
    """Largest share of characters in ten words in a row that repeat earlier ones that is kept."""

    def measure(self, text: Any) -> dict[str, Any]:
        """Characters, and shares of repeated paragraphs, lines and n-grams."""
        from datacurate.kernels import gopher

        return gopher.repetition(text)

    def rules(
        self,
        characters: Any,
        dup_paragraphs: Any,
        dup_paragraph_chars: Any,
        dup_lines: Any,
        dup_line_chars: Any,
        top_2_gram: Any,
        top_3_gram: Any,
        top_4_gram: Any,
        dup_5_grams: Any,
        dup_6_grams: Any,
        dup_7_grams: Any,
        dup_8_grams: Any,
        dup_9_grams: Any,
        dup_10_grams: Any,
    ) -> dict[str, Any]:
        """True where the document passes, in datatrove's order; an empty document never does."""
        shares = {name: share for name, share in locals().items() if name not in ("self", "characters")}
        bounds = {name: getattr(self, f"max_{name}") for name in shares}
        passes = {name: shares[name] <= bound for name, bound in bounds.items() if bound is not None}
        return {"empty": characters >= 1, **passes}

    def warm(self) -> None:
        """Compile the kernels."""
        from datacurate.kernels import gopher

        gopher.warm()
