"""Gopher's quality rules."""

from __future__ import annotations

from typing import Any, ClassVar

from datacurate.core.stage import Filter
from datacurate.core.types import Amount, Count, Fraction


class GopherQuality(Filter):
    """Keep documents that read like prose: enough words of usual length, few symbols, bullets and cut-off lines.

    Menus, tag clouds, tables, code and teasers each break one of these rules; articles and books seldom do.
    An option that is `null` switches its rule off. Words are those of `kernels.text`: punctuation marks are tokens.
    Gopher's quality filters (Rae et al. 2021, appendix A1.1), as datatrove's GopherQualityFilter states them.
    """

    measured_with: ClassVar[tuple[str, ...]] = ("stop_words",)

    min_words: Count | None = 50
    """Fewest words that are kept; tokens of punctuation alone are no words."""
    max_words: Count | None = 100_000
    """Most words that are kept."""
    min_mean_word_length: Amount | None = 3
    """Least mean length of a word, in characters, that is kept."""
    max_mean_word_length: Amount | None = 10
    """Greatest mean length of a word, in characters, that is kept."""
    max_hash_ratio: Amount | None = 0.1
    """Most `#` signs per token that are kept."""
    max_ellipsis_ratio: Amount | None = 0.1
    """Most ellipses, `...` or the single character, per token that are kept."""
    max_bullet_lines: Fraction | None = 0.9
    """Largest share of lines that begin with a bullet or a hyphen that is kept."""
    max_ellipsis_lines: Fraction | None = 0.3
    """Largest share of lines that end in an ellipsis that is kept."""
    min_alpha_words: Fraction | None = 0.8
    """Smallest share of tokens with at least one letter that is kept."""
    min_stop_words: Count | None = 2
    """Fewest different words of `stop_words` that are kept."""
    stop_words: tuple[str, ...] = ("the", "be", "to", "of", "and", "that", "have", "with")
    """Words that prose cannot do without; compared with case."""

    def measure(self, text: Any) -> dict[str, Any]:
        """Word, line and symbol counts as shares."""
        from datacurate.kernels import gopher

        return gopher.quality(text, self.stop_words)

    def rules(
        self,
        words: Any,
        mean_word_length: Any,
        hash_ratio: Any,
        ellipsis_ratio: Any,
        bullet_lines: Any,
        ellipsis_lines: Any,
        alpha_words: Any,
        stop_words: Any,
    ) -> dict[str, Any]:
        """True where the document passes, in datatrove's order."""
        bounds = {
            "too_few_words": (words.__ge__, self.min_words),
            "too_many_words": (words.__le__, self.max_words),
            "short_words": (mean_word_length.__ge__, self.min_mean_word_length),
            "long_words": (mean_word_length.__le__, self.max_mean_word_length),
            "hashes": (hash_ratio.__le__, self.max_hash_ratio),
            "ellipses": (ellipsis_ratio.__le__, self.max_ellipsis_ratio),
            "bullets": (bullet_lines.__le__, self.max_bullet_lines),
            "ellipsis_lines": (ellipsis_lines.__le__, self.max_ellipsis_lines),
            "few_alpha_words": (alpha_words.__ge__, self.min_alpha_words),
            "few_stop_words": (stop_words.__ge__, self.min_stop_words),
        }
        passes = {rule: holds(bound) for rule, (holds, bound) in bounds.items() if bound is not None}
        return passes or {"words": words >= 0}

    def warm(self) -> None:
        """Compile the kernels."""
        from datacurate.kernels import gopher

        gopher.warm()
