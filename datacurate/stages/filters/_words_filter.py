"""Filters whose signals depend on what a word is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datacurate.core.stage import Filter
from datacurate.stages import _words
from datacurate.stages._words import WordMode

if TYPE_CHECKING:
    from datacurate.kernels.text import Words


class WordsFilter(Filter):
    """A filter with a choice of tokenizers: ours, or another project's to the letter (docs/words.md)."""

    words: WordMode = "fast"
    """Whose words are counted."""
    words_language: str = "en"
    """The language of documents without a column `language`, where `words` asks for one."""

    def files(self) -> list[str]:
        """What says which version of a tokenizer cuts the words."""
        return _words.files(self.words)

    def reads(self) -> dict[str, bool]:
        """The text, and the language where the tokenizer depends on it."""
        return {"text": True} if self.words in ("fast", "whitespace") else super().reads()

    def tokens(self, text: Any, language: Any) -> Words | None:
        """The words of every document; None in `fast` mode, where kernels make their own."""
        return _words.tokens(text, self.words, language, self.words_language)
