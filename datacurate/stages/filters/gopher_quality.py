"""Gopher's quality rules."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import model_validator

from datacurate.core.types import Amount, Count, Fraction
from datacurate.stages._words import WordMode
from datacurate.stages.filters._words_filter import WordsFilter


class GopherQuality(WordsFilter):
    """Keep documents that read like prose: enough words of usual length, few symbols, bullets and cut-off lines.

    Menus, tag clouds, tables, code and teasers each break one of these rules; articles and books seldom do.
    An option that is `null` switches its rule off. The rules are those of Gopher (Rae et al. 2021, appendix A1.1), of
    which every project has its own reading: `preset` chooses thresholds and `definition` together.
    `datatrove` is GopherQualityFilter of datatrove 0.10, and what `paper` comes to, too: the paper has no code.
    """

    version: ClassVar[int] = 2
    measured_with: ClassVar[tuple[str, ...]] = ("definition", "words", "words_language", "stop_words")
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "datatrove": {"definition": "datatrove"},
        "paper": {"definition": "datatrove"},
        "dolma": {"definition": "dolma", "max_hash_ratio": None, "max_ellipsis_ratio": None, "max_symbol_ratio": 0.1},
        "dclm": {"definition": "dclm", "max_hash_ratio": None, "max_ellipsis_ratio": None, "max_symbol_ratio": 0.1},
        "redpajama": {
            "definition": "redpajama",
            "max_hash_ratio": None,
            "max_ellipsis_ratio": None,
            "max_symbol_ratio": 0.1,
            "min_stop_words": None,
        },
        "nemo": {"definition": "nemo", "max_hash_ratio": None, "max_ellipsis_ratio": None, "max_symbol_ratio": 0.1},
    }

    preset: str = "datatrove"
    """Whose rules: `datatrove`, `paper`, `dolma` (v1.5: gopher_v1), `dclm` (DCLM-Baseline), `redpajama` (the rules on
    the card of RedPajama-v2; the rest as in the paper) or `nemo` (the English pipeline of NeMo Curator)."""
    definition: Literal["datatrove", "dolma", "dclm", "redpajama", "nemo"] = "datatrove"
    """Whose counting. `dolma`: the median length of a word; each occurrence of a stop word; `*` and `-` are bullets.
    `dclm`: occurrences of stop words in any case. `redpajama`: words without punctuation; no stop words.
    `nemo`: other bullets; "read more" is an ellipsis. docs/parity.md has all of it."""
    words: WordMode = "fast"
    """How `datatrove` cuts words; the others cut them in their own way."""
    min_words: Count | None = 50
    """Fewest words that are kept; in `datatrove`, tokens of punctuation alone are no words."""
    max_words: Count | None = 100_000
    """Most words that are kept."""
    min_mean_word_length: Amount | None = 3
    """Least mean length of a word (in `dolma`: median), in characters, that is kept."""
    max_mean_word_length: Amount | None = 10
    """Greatest mean length of a word (in `dolma`: median), in characters, that is kept."""
    max_hash_ratio: Amount | None = 0.1
    """Most `#` signs per token that are kept."""
    max_ellipsis_ratio: Amount | None = 0.1
    """Most ellipses, `...` or the single character, per token that are kept."""
    max_symbol_ratio: Amount | None = None
    """Most of both, `#` signs and ellipses, per token that are kept; in `dolma` and `nemo`, of words that hold one."""
    max_bullet_lines: Fraction | None = 0.9
    """Largest share of lines that begin with a bullet or a hyphen that is kept."""
    max_ellipsis_lines: Fraction | None = 0.3
    """Largest share of lines that end in an ellipsis that is kept."""
    min_alpha_words: Fraction | None = 0.8
    """Smallest share of tokens with at least one letter that is kept."""
    min_stop_words: Count | None = 2
    """Fewest different words of `stop_words` that are kept; fewest words of them at all, unless in `datatrove`."""
    stop_words: tuple[str, ...] = ("the", "be", "to", "of", "and", "that", "have", "with")
    """Words that prose cannot do without; compared with case, in `dclm` without."""

    @model_validator(mode="after")
    def _fits_definition(self) -> GopherQuality:
        """Refuses options that would have no effect."""
        if self.definition != "datatrove" and self.words != "fast":
            raise ValueError(f"words: {self.words} has no effect in definition: {self.definition}; leave it out")
        if self.definition == "redpajama" and self.min_stop_words and "min_stop_words" in self.model_fields_set:
            raise ValueError("min_stop_words: definition: redpajama does not count stop words; leave it out")
        return self

    def measure(self, text: Any, language: Any = None) -> dict[str, Any]:
        """Word, line and symbol counts as shares."""
        from datacurate.kernels import gopher, gopher_peers

        if self.definition != "datatrove":
            return gopher_peers.quality(text, self.definition, self.stop_words)
        words = self.tokens(text, language)
        signals = gopher.quality(text, self.stop_words, words)
        return signals | {"symbol_ratio": signals["hash_ratio"] + signals["ellipsis_ratio"]}

    def rules(
        self,
        words: Any,
        mean_word_length: Any,
        hash_ratio: Any,
        ellipsis_ratio: Any,
        symbol_ratio: Any,
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
            "symbols": (symbol_ratio.__le__, self.max_symbol_ratio),
            "bullets": (bullet_lines.__le__, self.max_bullet_lines),
            "ellipsis_lines": (ellipsis_lines.__le__, self.max_ellipsis_lines),
            "few_alpha_words": (alpha_words.__ge__, self.min_alpha_words),
            "few_stop_words": (stop_words.__ge__, self.min_stop_words),
        }
        if self.definition == "redpajama":
            del bounds["few_stop_words"]
        passes = {rule: holds(bound) for rule, (holds, bound) in bounds.items() if bound is not None}
        return passes or {"words": words >= 0}

    def warm(self) -> None:
        """Compile the kernels."""
        from datacurate.kernels import gopher, gopher_peers

        (gopher if self.definition == "datatrove" else gopher_peers).warm()
