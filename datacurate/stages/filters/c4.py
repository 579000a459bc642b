"""C4's line rules and what they leave of a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from datacurate.core.stage import one_array, with_columns
from datacurate.core.types import Count, Positive
from datacurate.stages._words import WordMode
from datacurate.stages.filters._editing import EditingFilter
from datacurate.stages.filters._words_filter import WordsFilter

if TYPE_CHECKING:
    import pyarrow as pa


class C4(EditingFilter, WordsFilter):
    """Keep the lines of a document that are sentences, and documents of which enough sentences are left.

    Lines that end in no punctuation mark are menus, headings and buttons; those with "javascript" or about cookies are
    notices; the mark `[1]` of a citation means nothing without its list. `lorem ipsum` and curly brackets condemn the
    whole document: filler, and code. Lines are stripped and end in line feeds afterwards. A line counts for the first
    rule that removes it. An option that is `null` switches its rule off.

    C4 (Raffel et al. 2020, section 2.2) as datatrove 0.10's C4QualityFilter states it (`datatrove`), as TensorFlow
    Datasets 3.1's c4_utils.clean_page does (`tfds`), and as FineWeb uses datatrove's (`fineweb`). TFDS counts
    sentences with NLTK's Punkt; here all count as datatrove does for English, by spaCy's `sentencizer` over `words`.
    C4's other steps are stages of their own: `bad_words`, and language and duplicates (the spans of three sentences
    that occur twice) with the families that do these.
    """

    shrinks: ClassVar[tuple[str, ...]] = ("break_bytes",)
    measured_with: ClassVar[tuple[str, ...]] = (
        "end_marks",
        "min_words_per_line",
        "count_citations",
        "max_word_length",
        "citations",
        "javascript",
        "policy",
        "words",
        "words_language",
    )
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "datatrove": {},
        "tfds": {"end_marks": '.?!"', "min_words_per_line": 5, "count_citations": False, "min_sentences": 3},
        "fineweb": {"end_marks": None},
    }

    preset: str = "datatrove"
    """Whose rules: `datatrove`, `tfds` or `fineweb`; options that are given win over it."""
    end_marks: str | None = ".?!\"'"
    """Characters of which a line must end in one, and not in three full stops, to stay. `null`: in anything."""
    min_words_per_line: Count = 3
    """Fewest words, between white space, of a line that stays."""
    count_citations: bool = True
    """Whether citations that are removed are words for `min_words_per_line`."""
    max_word_length: Positive | None = 1000
    """Most characters of the longest word of a line that stays."""
    citations: bool = True
    """Remove `[1]`, `[edit]`, `[citation needed]` and empty brackets from lines."""
    javascript: bool = True
    """Remove lines with "javascript", in any case."""
    policy: bool = True
    """Remove lines with "terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies" or
    "use cookies", in any case."""
    words: WordMode = "fast"
    """Whose words sentences are counted over."""
    lorem_ipsum: bool = True
    """Remove documents with "lorem ipsum", in any case, in a line that ends well and has enough words."""
    curly_bracket: bool = True
    """Remove documents with `{` in such a line, unless it is removed for "javascript"."""
    min_sentences: Count | None = 5
    """Fewest sentences, in the lines that stay, of a document that is kept."""

    def measure(self, text: Any, language: Any = None) -> dict[str, Any]:
        """Lines by what became of them, citations and sentences, the first lines that condemn all, and the cuts."""
        from datacurate.kernels import c4

        rules = c4.Rules(
            self.end_marks is not None,
            self.min_words_per_line,
            self.count_citations,
            self.max_word_length or 0,
            self.citations,
            self.javascript,
            self.policy,
        )
        found = c4.clean(text, rules, self.end_marks or "", keep_lines=self.words != "fast")
        if found.lines is not None:
            found.signals["sentences"] = self._sentences(found, language, len(text))
        return {**found.signals, "cuts": found.cuts}

    def _sentences(self, found: Any, language: Any, documents: int) -> np.ndarray:
        """Sentences of every document's kept lines, each line for itself, over another tokenizer's words."""
        from datacurate.kernels import c4

        of_lines = None if language is None else one_array(language).take(found.documents)
        words = self.tokens(found.lines, of_lines)
        assert words is not None, "only fast words are left to the kernel"
        counts = c4.line_sentences_of(found.lines, words)
        return np.bincount(found.documents, counts, documents).astype(np.int64)

    def rules(self, lorem_ipsum_line: Any, curly_bracket_line: Any, sentences: Any) -> dict[str, Any]:
        """Of the lines that condemn a document the first is the reason, as if reading ended there."""
        passes = {}
        if self.lorem_ipsum:
            earlier = (curly_bracket_line >= 1) & (np.asarray(curly_bracket_line) < np.asarray(lorem_ipsum_line))
            passes["lorem_ipsum"] = (lorem_ipsum_line <= 0) | (earlier & self.curly_bracket)
        if self.curly_bracket:
            passes["curly_bracket"] = curly_bracket_line <= 0
        if self.min_sentences is not None:
            passes["too_few_sentences"] = sentences >= self.min_sentences
        return passes or {"sentences": sentences >= 0}

    def handed(self, docs: pa.Table, measured: pa.Table) -> pa.Table:
        """The documents without what was cut, with line feeds between their lines."""
        from datacurate.kernels.c4 import with_newlines

        if not one_array(measured["odd_breaks"]).to_numpy(zero_copy_only=False).any():
            return super().handed(docs, measured)
        text = with_newlines(one_array(docs["text"]), one_array(measured["cuts"]))
        return with_columns(docs, {"text": text, **{name: measured[name] for name in self.adds}})

    def warm(self) -> None:
        """Compile the kernels."""
        from datacurate.kernels import c4, edit

        edit.warm()
        c4.warm()
