"""Matches that count only with an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from datacurate.stages import _decontam_items

if TYPE_CHECKING:
    import pyarrow as pa

SHORT = 8
"""Words of an answer that must be there as it is; of a longer one as many 5-grams as `threshold` says must be."""
NEAREST = 20
"""Least words behind and before a question in which its answer is looked for; twice the answer's words if that is more.
decon's `min_short_answer_distance` (allenai/decon, config/default.yaml)."""


def with_answers(stage: Any, found: Any, texts: pa.Array, items: pa.Table) -> Any:
    """The evidence that comes with an answer; where an answer is looked for in the whole document, with its place."""
    made: dict[tuple[int, int], list[tuple[int, int]]] = {}
    keep = np.ones(len(found.documents), bool)
    said: dict[int, _Said] = {}
    rows = {number: _decontam_items.rows(items.slice(number, 1))[0] for number in set(found.items.tolist())}
    for at, (doc, item) in enumerate(zip(found.documents.tolist(), found.items.tolist(), strict=True)):
        row = rows[item]
        if stage.answers == "choice":
            if (doc, item) not in made:
                said = said if doc in said else {doc: _Said(bytes(texts[doc].as_buffer()))}
                made[doc, item] = said[doc].places(row["choices"] + row["answers"])
            keep[at] = bool(made[doc, item])
        elif row["answers"]:
            keep[at] = _near(stage, texts[doc].as_buffer(), found.starts[at], found.ends[at], row["answers"])
    left = type(found)(*(column[keep] for column in found))
    return _with_places(left, made) if made else left


def _words(data: bytes) -> tuple[list[int], np.ndarray, np.ndarray]:
    import pyarrow as pa

    from datacurate.kernels import contam_words

    cut = contam_words.words(pa.array([data], pa.large_binary()), contam_words.PLAIN)
    return cut.hashes.tolist(), cut.starts, cut.ends


class _Said:
    """The words of a document, and where each stands."""

    def __init__(self, text: bytes):
        self.words, self.starts, self.ends = _words(text)
        self.at: dict[int, list[int]] = {}
        for place, word in enumerate(self.words):
            self.at.setdefault(word, []).append(place)

    def places(self, answers: list[str]) -> list[tuple[int, int]]:
        """Where answers stand, word for word."""
        found = []
        for answer in dict.fromkeys(answers):
            wanted = _words(answer.encode())[0]
            for at in self.at.get(wanted[0], []) if wanted else []:
                if self.words[at : at + len(wanted)] == wanted:
                    found.append((int(self.starts[at]), int(self.ends[at + len(wanted) - 1])))
        return sorted(set(found))


def _near(stage: Any, text: Any, start: int, end: int, answers: list[str]) -> bool:
    """Whether an answer stands near a match."""
    data = bytes(text)
    for answer in answers:
        wanted = _words(answer.encode())[0]
        reach = max(NEAREST, 2 * len(wanted))
        # words are taken as 40 bytes at most: what is cut has enough of them on both sides
        low, high = max(0, start - 40 * reach), end + 40 * reach
        words, starts, ends = _words(data[low:high])
        first = int(np.searchsorted(starts, start - low)) - reach
        last = int(np.searchsorted(ends, end - low)) + reach
        if _holds(words[max(first, 0) : last], wanted, stage.ngram, stage.threshold):
            return True
    return False


def _holds(words: list[int], wanted: list[int], ngram: int, threshold: float) -> bool:
    if not wanted:
        return False
    if len(wanted) <= SHORT:
        size = len(wanted)
        return any(words[at : at + size] == wanted for at in range(len(words) - size + 1))
    there = {tuple(words[at : at + ngram]) for at in range(len(words) - ngram + 1)}
    asked = {tuple(wanted[at : at + ngram]) for at in range(len(wanted) - ngram + 1)}
    return len(asked & there) >= threshold * len(asked)


def _with_places(found: Any, made: dict[tuple[int, int], list[tuple[int, int]]]) -> Any:
    """The evidence, and the places of the answers."""
    from datacurate.stages._decontam_index import ANSWER

    pairs = sorted(set(zip(found.documents.tolist(), found.items.tolist(), strict=True)))
    more = [(doc, item, ANSWER, start, end) for doc, item in pairs for start, end in made.get((doc, item), [])]
    if not more:
        return found
    columns = np.array(more, np.int64).T
    ones = np.ones(len(more))
    extra = (*columns, ones.astype(np.int64), ones, ones.astype(bool))
    return type(found)(*(np.append(a, b.astype(a.dtype)) for a, b in zip(found, extra, strict=True)))
