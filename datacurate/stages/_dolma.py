"""The attributes of dolma's taggers `gopher_v1`, `c4_v2` and `c4_v1`, under the names that they write.

python/dolma/taggers/gopher.py and c4.py of dolma 1.2.1. dolma writes spans, `[start, end, score]`. A span over the
whole document becomes its score: 0 where dolma writes none. Spans of lines, all of score 1, become two columns: how
many there are, and how many characters they cover, newlines included.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datacurate.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from datacurate.kernels.dolma_c4 import Listed

REQUIRED = ("the", "be", "to", "of", "and", "that", "have", "with")
TAGGER = "gopher_v1__"
QUALITY = {
    "word_count": "words",
    "median_word_length": "mean_word_length",
    "symbol_to_word_ratio": "symbol_ratio",
    "fraction_of_words_with_alpha_character": "alpha_words",
    "required_word_count": "stop_words",
    "fraction_of_lines_starting_with_bullet_point": "bullet_lines",
    "fraction_of_lines_ending_with_ellipsis": "ellipsis_lines",
}
"""Attributes by what `kernels.gopher_peers.quality` calls them."""
REPETITION = {
    "character_count": "characters",
    "fraction_of_duplicate_lines": "dup_lines",
    "fraction_of_characters_in_duplicate_lines": "dup_line_chars",
    **{f"fraction_of_characters_in_most_common_{n}grams": f"top_{n}_gram" for n in (2, 3, 4)},
    **{f"fraction_of_characters_in_duplicate_{n}grams": f"dup_{n}_grams" for n in range(5, 11)},
}
"""Attributes by what `kernels.gopher_peers.repetition` calls them."""
DOLMA = tuple(TAGGER + name for name in (*QUALITY, *REPETITION))
C4_TAGGERS = {"dolma_c4": "c4_v2__", "dolma_c4_v1": "c4_v1__"}
"""Families of C4's attributes, and what their columns begin with."""
LINE_SPANS = {"lines_with_no_ending_punctuation": "unpunctuated", "lines_with_too_few_words": "short"}
"""Attributes that are spans of lines, by what `kernels.dolma_c4` calls these lines."""
DOCUMENT_SPANS = {
    "line_count": "lines",
    "has_naughty_word": "bad_word",
    "has_javascript": "javascript",
    "has_lorem_ipsum": "lorem_ipsum",
    "has_curly_brace": "curly_bracket",
}
"""Attributes of the whole document, by what `kernels.dolma_c4` calls them."""
C4_NAMES = (*DOCUMENT_SPANS, *LINE_SPANS, *(f"{name}_characters" for name in LINE_SPANS))


def c4_columns(family: str) -> list[str]:
    """The columns of one of `C4_TAGGERS`."""
    return [C4_TAGGERS[family] + name for name in C4_NAMES]


def attributes(text: Any) -> dict[str, Any]:
    """The attributes of every document, as columns of floats: dolma writes all scores as such."""
    import numpy as np
    import pyarrow as pa

    from datacurate.kernels import gopher_peers

    quality = gopher_peers.quality(text, "dolma", REQUIRED)
    repetition = gopher_peers.repetition(text, "dolma")
    found = {name: quality[ours] for name, ours in QUALITY.items()}
    found |= {name: repetition[ours] for name, ours in REPETITION.items()}
    return {TAGGER + name: pa.array(values.astype(np.float64)) for name, values in found.items()}


def c4_attributes(text: pa.Array, families: list[str], words: str) -> dict[str, pa.Array]:
    """The attributes of C4's taggers, as columns of floats. `words` is a file with naughty words and phrases."""
    import numpy as np
    import pyarrow as pa

    from datacurate.kernels import dolma_c4

    signals = dolma_c4.measure(text, _listed(naughty_words(words)))
    found = {C4_TAGGERS[one] + name: values for one in families for name, values in _of_tagger(signals, one).items()}
    return {name: pa.array(values.astype(np.float64)) for name, values in found.items()}


def _of_tagger(signals: dict[str, np.ndarray], family: str) -> dict[str, np.ndarray]:
    """One tagger's attributes. `c4_v2` counts characters in lower case, where the dotted capital I is two."""
    first = family == "dolma_c4_v1"
    found = {name: signals[ours] for name, ours in DOCUMENT_SPANS.items()}
    if first:
        found["has_javascript"] = signals["javascript_word"]
    for name, ours in LINE_SPANS.items():
        found[name] = signals[f"{ours}_lines"]
        found[f"{name}_characters"] = signals[f"{ours}_chars"] + (0 if first else signals[f"{ours}_dotted"])
    return found


def naughty_words(path: str) -> tuple[str, ...]:
    """The entries of a list; InputError when there are none."""
    try:
        entries = tuple(line.strip() for line in Path(path).read_text(encoding="utf-8-sig").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        told = f"signals: cannot read the naughty words of {path}: {error}. Name a text file in UTF-8."
        raise InputError(told) from None
    if not any(entries):
        raise InputError(f"signals: {path} holds no naughty words. Write one word or phrase a line.")
    return entries


@lru_cache(maxsize=4)
def _listed(entries: tuple[str, ...]) -> Listed:
    from datacurate.kernels import dolma_c4

    return dolma_c4.listed(entries)
