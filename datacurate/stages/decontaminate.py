"""Documents that hold what benchmarks ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from datacurate.core.phase import each, once
from datacurate.core.stage import NAMED, Outcome, Stage
from datacurate.core.types import Count, Fraction, Positive
from datacurate.stages import _decontam_files as files_
from datacurate.stages import _decontam_presets as presets_
from datacurate.stages._decontam_files import Benchmark

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from datacurate.core.store import Parts

INDEX = ("text", "words", "ngram", "method", "min_words", "min_bits")
"""The fields that the index depends on."""
SEARCH = (*INDEX, "threshold", "thresholds", "perfect_up_to", "lenient_from", "budget", "sample", "answers")
"""Those that say what is found."""


class Decontaminate(Stage):
    """Keep documents that hold no item of a benchmark; drop the others, cut the item out, or mark them.

    A model that has read the test says nothing by passing it. An index of the benchmarks' items is built once and
    passed over the documents. The default preset finds items with changed words, lost words, other punctuation and line
    breaks, and items of which only a half is there: words that stand in an item's order count by how rare they are, and
    enough of them (`min_bits`, `min_words`) must make up enough of the question (`threshold`). Each other preset is a
    published method with its own numbers; `docs/how-to/decontaminate.md` lists them with their sources.

    N-grams that more than `max_documents` documents hold are common phrases, and do not count (Brown et al. 2020,
    arXiv:2005.14165, appendix C).
    """

    version = 2
    rewrites: ClassVar[bool] = True
    unkeyed: ClassVar[tuple[str, ...]] = ("folder",)
    presets: ClassVar[dict[str, dict[str, Any]]] = presets_.PRESETS

    benchmarks: dict[str, Benchmark]
    """Benchmarks by name, each with its `path` and the `fields` that hold `question`, `answer`, `choices`; or a path
    alone; or, where `folder` holds their files, a list of known names."""
    folder: str | None = None
    """A folder with files of benchmarks, which are found by their names: `gsm8k` is `gsm8k*.jsonl.gz` or the like."""
    preset: str = "curate"
    """By whose rules."""
    method: Literal["any", "share", "skipgram", "cluster", "whole", "aligned"] = "aligned"
    """What is evidence. any: one n-gram. share: n-grams that cover a share of the words. skipgram: the same, but
    n-grams may go on over `budget` words that differ. cluster: n-grams near each other that make up a share of all,
    weighted by rarity. whole: the whole text. aligned: words in the order of the text, weighted by rarity."""
    text: Literal["question", "item", "answer_overlap", "question_answer_overlap", "last_sentence", "lines"] = (
        "question"
    )
    """What of an item is looked for. item: question, choices and answers, together. answer_overlap: answers, and
    n-grams across the border of question and answer. lines: each line of at least `min_words` words."""
    words: Literal["plain", "folded", "lines"] = "plain"
    """What n-grams are made of. plain: what is between white space, in lower case, without punctuation; a character in
    scripts without spaces. folded: datatrove's words. lines: whole lines."""
    ngram: Annotated[int, Field(ge=1, le=64)] = 3
    """Words in an n-gram. With `aligned`, where comparing begins."""
    threshold: Fraction = 0.4
    """Least share of a text that a document must hold. With `any` and `whole` nothing is asked."""
    thresholds: dict[str, Fraction] = {}
    """The same for single benchmarks, by name."""
    act_at: Fraction | None = None
    """Least share from which `action` is taken; with less, the evidence is only reported. `null`: any."""
    min_words: Count = 8
    """Fewest words of a match with `aligned`; PaLM and Llama 3 take 8 words in a row for evidence. With `lines`, fewest
    words of a line."""
    min_bits: Annotated[float, Field(ge=0)] = 60.0
    """Least information of a match with `aligned`, in bits: what its words are worth by their frequency in benchmarks
    and in English. Documents without any item did not reach 50 with eight words (docs/design/decontaminate.md)."""
    budget: Count = 0
    """Words that may differ (`skipgram`), or n-grams in a row that may be missing (`cluster`)."""
    sample: Positive = 1
    """With `cluster`, of so many n-grams of a document one is looked up to begin with."""
    perfect_up_to: Count = 0
    """With `cluster`, texts of so many words must be there as a whole."""
    lenient_from: Count = 0
    """With `cluster`, from so many words on `threshold` holds; between the two, something between."""
    answers: Literal["ignore", "near", "choice"] = "ignore"
    """Whether a match counts only with an answer. near: an answer of the item, if it has any, is near the match.
    choice: an answer or choice is anywhere in the document."""
    max_documents: Positive | None = 10
    """N-grams in more documents than this are common phrases. Documents that hold nearly all of an item are not
    counted, unless the method is `any`. `null`: no n-gram is common. GPT-3's filter has 10."""
    action: Literal["drop", "cut", "mark"] = "drop"
    """drop the document, cut what matches out of it, or keep it and say so in the column `contamination`."""
    window: Count = 0
    """Characters on both sides of a match that are cut out, too."""
    min_piece: Count = 0
    """Pieces between cuts with fewer characters go, too."""
    max_pieces: Positive | None = None
    """Documents that cuts would part into more pieces are dropped."""
    min_left: Count = 20
    """Fewest characters, white space aside, of a document that something was cut out of; with fewer it is dropped. 20
    are what RefinedWeb asks for where it cuts spans out (Penedo et al. 2023, arXiv:2306.01116, ExactSubstr-Cut)."""

    @field_validator("benchmarks", mode="before")
    @classmethod
    def _by_name(cls, given: Any) -> Any:
        """A list of names, or a path for each name, will do."""
        return files_.as_benchmarks(given)

    @model_validator(mode="after")
    def _is_whole(self) -> Decontaminate:
        if not self.benchmarks:
            raise ValueError("benchmarks: name at least one, as NAME: FILE")
        for name in self.thresholds:
            if name not in self.benchmarks:
                raise ValueError(f"thresholds: no benchmark '{name}'. {files_.did_you_mean(name, self.benchmarks)}")
        if (self.words == "lines") != (self.text == "lines"):
            raise ValueError("words: lines and text: lines go together; give both or none")
        return self

    def files(self) -> list[str]:
        """The benchmarks' files, by the names of the benchmarks."""
        named = [(name, self.benchmarks[name]) for name in sorted(self.benchmarks)]
        return [str(path) for name, one in named for path in files_.files_of(name, one, self.folder)]

    def changed_fields(self, uses: Sequence[str] | None = None) -> dict[str, Any]:
        """The same, without names of files: their digests stand for them."""
        changed = super().changed_fields(uses)
        if "benchmarks" in changed:
            changed["benchmarks"] = {
                name: {**one, "path": NAMED} for name, one in sorted(changed["benchmarks"].items())
            }
        return changed

    def made(self, columns: Any = ()) -> dict[str, Any]:
        """The column that marked documents have."""
        return dict.fromkeys(["contamination"]) if self.action == "mark" else {}

    @once(uses=("benchmarks", "folder"))
    def items(self) -> pa.Table:
        """All items of the benchmarks."""
        from datacurate.stages import _decontam_items

        return _decontam_items.items(self.benchmarks, self.folder)

    @once(uses=INDEX)
    def index(self, items: pa.Table) -> pa.Table:
        """The n-grams of the items."""
        from datacurate.stages import _decontam_search

        return _decontam_search.index(self, items)

    @each(uses=SEARCH)
    def phrases(self, docs: pa.Table, rows: np.ndarray, items: pa.Table, index: pa.Table) -> pa.Table:
        """Documents in which something matches, with the n-grams of what does, by which common phrases are known."""
        from datacurate.stages import _decontam_search

        return _decontam_search.phrases(self, docs, rows, items, index)

    @once(uses=("max_documents",), streams=("phrases",))
    def common(self, phrases: Parts) -> pa.Table:
        """The n-grams that too many documents hold."""
        from datacurate.stages import _decontam_search

        return _decontam_search.common(phrases, self.max_documents)

    @once(uses=(), shardwise=True, streams=("phrases",))
    def candidates(self, phrases: Parts) -> Iterator[pa.Table]:
        """The documents in which something matches, by shard."""
        from datacurate.stages import _decontam_search

        yield from _decontam_search.candidates(phrases)

    @each(uses=(*SEARCH, "act_at"))
    def evidence(
        self, docs: pa.Table, rows: np.ndarray, items: pa.Table, index: pa.Table, candidates: pa.Table, common: pa.Table
    ) -> pa.Table:
        """What was found: document, item, bytes of the text, the share of the item that is there, and whether it is
        only a twin of another one."""
        from datacurate.stages import _decontam_search

        found = _decontam_search.found(self, docs, rows, items, index, candidates, common)
        return _decontam_search.as_table(self, found, docs, rows, items)

    @each
    def apply(
        self, docs: pa.Table, rows: np.ndarray, items: pa.Table, index: pa.Table, candidates: pa.Table, common: pa.Table
    ) -> Outcome:
        """The documents without items."""
        from datacurate.stages import _decontam_actions, _decontam_search

        found = _decontam_search.found(self, docs, rows, items, index, candidates, common, last=True)
        return _decontam_actions.outcome(self, docs, items, found)

    def warm(self) -> None:
        """Compile the kernels."""
        from datacurate.stages import _decontam_search

        _decontam_search.warm(self)
