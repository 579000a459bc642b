"""Gopher's repetition rules."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import model_validator

from datacurate.core.types import Fraction
from datacurate.stages._words import WordMode
from datacurate.stages.filters._words_filter import WordsFilter

PARAGRAPHS, LINES = ("dup_paragraphs", "dup_paragraph_chars"), ("dup_lines", "dup_line_chars")
LACKING: dict[str, tuple[str, ...]] = {"dolma": PARAGRAPHS, "redpajama": PARAGRAPHS + LINES}
"""Signals that a definition does not have, so that there is nothing to compare."""


class GopherRepetition(WordsFilter):
    """Keep documents that do not repeat their own lines, paragraphs or phrases too much.

    Text that says the same thing again and again is boilerplate, spam or a failed extraction, and models learn to
    loop from it. An option that is `null` switches its rule off. The rules are those of Gopher (Rae et al. 2021, table
    A1), of which every project has its own reading: `preset` chooses thresholds and `definition` together.
    `datatrove` is GopherRepetitionFilter of datatrove 0.10. `paper` counts as DCLM does, who follow the paper's words.
    """

    version: ClassVar[int] = 2
    measured_with: ClassVar[tuple[str, ...]] = ("definition", "words", "words_language")
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "datatrove": {"definition": "datatrove"},
        "paper": {"definition": "dclm"},
        "dolma": {
            "definition": "dolma",
            "max_dup_paragraphs": None,
            "max_dup_paragraph_chars": None,
            "max_dup_line_chars": 0.3,
        },
        "dclm": {"definition": "dclm"},
        "redpajama": {
            "definition": "redpajama",
            "max_dup_paragraphs": None,
            "max_dup_paragraph_chars": None,
            "max_dup_lines": None,
            "max_dup_line_chars": None,
        },
        "nemo": {"definition": "nemo"},
    }

    preset: str = "datatrove"
    """Whose rules: `datatrove`, `paper`, `dolma` (v1.5: gopher_v1; no paragraphs), `dclm` (DCLM-Baseline), `redpajama`
    (RedPajama-v2; no paragraphs or lines) or `nemo` (the English pipeline of NeMo Curator)."""
    definition: Literal["datatrove", "dolma", "dclm", "redpajama", "nemo"] = "datatrove"
    """Whose counting, of repeated lines and of repeated n-grams. `datatrove`: copies after the first, which is jumped
    over; of all characters. `dolma`: all copies, overlaps again; of all n-grams. `dclm` and `redpajama`: all copies,
    each word once; of characters of words. `nemo`: copies after the first, each word once. More in docs/parity.md."""
    words: WordMode = "fast"
    """How `datatrove` and `dclm` cut words (DCLM itself: `uniseg`); the others cut them in their own way."""
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

    @model_validator(mode="after")
    def _fits_definition(self) -> GopherRepetition:
        """Refuses options that would have no effect."""
        if self.definition not in ("datatrove", "dclm") and self.words != "fast":
            raise ValueError(f"words: {self.words} has no effect in definition: {self.definition}; leave it out")
        for option in [f"max_{name}" for name in LACKING.get(self.definition, ())]:
            if option in self.model_fields_set and getattr(self, option) is not None:
                raise ValueError(f"{option}: definition: {self.definition} does not measure it; leave it out")
        return self

    def measure(self, text: Any, language: Any = None) -> dict[str, Any]:
        """Characters, and shares of repeated paragraphs, lines and n-grams."""
        from datacurate.kernels import gopher, gopher_peers

        words = self.tokens(text, language)
        if self.definition == "datatrove":
            return gopher.repetition(text, words)
        return gopher_peers.repetition(text, self.definition, words)

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
        skipped = ("self", "characters", *LACKING.get(self.definition, ()))
        shares = {name: share for name, share in locals().items() if name not in (*skipped, "skipped")}
        bounds = {name: getattr(self, f"max_{name}") for name in shares}
        passes = {name: shares[name] <= bound for name, bound in bounds.items() if bound is not None}
        return {"empty": characters >= 1, **passes}

    def warm(self) -> None:
        """Compile the kernels."""
        from datacurate.kernels import gopher, gopher_peers

        (gopher if self.definition == "datatrove" else gopher_peers).warm()
