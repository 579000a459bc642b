"""C4's line rules as datatrove 0.10 and TensorFlow Datasets state them: what they cut, and what they leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from datacurate.kernels.arrow import bytes_and_offsets, read_only
from datacurate.kernels.c4_lines import (
    BLOCK,
    BRACE,
    BRACKET,
    JAVASCRIPT,
    LOREM,
    PHRASE,
    POLICY,
    block_hints,
    borrowing,
    digits,
    has_long_word,
    has_words,
    hints,
    inlined,
    last_character,
    left_of,
    line_end,
    line_hints,
    phrases,
    right_of,
    stripped,
    without_citations,
)
from datacurate.kernels.c4_sentences import line_sentences, token_sentences
from datacurate.kernels.english_tables import rules as english_rules
from datacurate.kernels.memory import pointer
from datacurate.kernels.sentences import marks
from datacurate.kernels.text import Words
from datacurate.kernels.unicode import properties

if TYPE_CHECKING:
    import pyarrow as pa

SIGNALS = (
    "lines", "kept_lines", "long_word_lines", "unpunctuated_lines", "short_lines", "javascript_lines", "policy_lines",
    "citations", "lorem_ipsum_line", "curly_bracket_line", "odd_breaks", "break_bytes",
    "sentences",
)  # fmt: skip
"""Columns that the kernel fills, in this order. `break_bytes` are those that `with_newlines` saves behind the cuts."""

LINES, KEPT, LONG, UNPUNCTUATED, SHORT, SCRIPTS, POLICIES = range(7)
CITATIONS, LOREM_LINE, BRACE_LINE, BREAKS, BREAK_BYTES, SENTENCES = range(7, 13)


class Rules(NamedTuple):
    """What decides over a line; a limit of 0 is none."""

    punctuated: bool
    min_words: int
    count_citations: bool
    max_word_length: int
    citations: bool
    javascript: bool
    policy: bool


class _Scratch(NamedTuple):
    """Room for one line: its copy without citations, the same to read, the pieces of it that are left, its tokens.

    And hints of a document's blocks.
    """

    copy: np.ndarray
    copied: np.ndarray
    pieces: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    kinds: np.ndarray
    blocks: np.ndarray


class _Lines(NamedTuple):
    """Kept lines for another tokenizer: bytes, where they end, their documents; `filled` counts bytes and lines."""

    data: np.ndarray
    ends: np.ndarray
    documents: np.ndarray
    filled: np.ndarray


@inlined
def _ends_well(text, start, end, ends):
    """Whether a line ends in one of the marks `ends`, but not in three full stops."""
    good = False
    if start < end:
        point, _ = last_character(text, start, end)
        for mark in ends:
            good |= point == mark
        if point == 0x2E and end - start >= 3:
            good &= text[end - 2] != 0x2E or text[end - 3] != 0x2E
    return good


@borrowing
def _most_pieces(document):
    """No fewer than the pieces of it that can be kept: one per line break or bracket, and one more."""
    found = 1
    for c in document:
        found += (c < 0x20) | (c == 0xC2) | (c == 0xE2) | (c == 0x5B)
    return found


@inlined
def _keep(data, begin, start, end, table, cuts, state):
    """Keeps `data[start:end]`, and cuts what lies between it and what was kept before; no white space comes first.

    `state`: end of what was kept; entries in `cuts`; both as they were behind the last character that is no space;
    bytes that line feeds save in what was kept; these, too, as they were there.
    """
    if state[3] < 0:
        start = left_of(data, start, end, table)
    if start >= end:
        return
    if start > state[0]:
        cuts[state[1]] = state[0] - begin
        cuts[state[1] + 1] = start - begin
        state[1] += 2
    state[0] = end
    solid = right_of(data, start, end, table)
    if solid > start:
        state[2] = solid
        state[3] = state[1]
        state[5] = state[4]


@inlined
def _judge(text, start, end, table, ends, rules, worded, seen):
    """Which count of lines this line, without citations, joins: KEPT or why it goes. Also the phrases that matter."""
    if rules.punctuated and not _ends_well(text, start, end, ends):
        return UNPUNCTUATED, 0
    enough = worded if rules.count_citations else has_words(text, start, end, table, rules.min_words)
    if not enough:
        return SHORT, 0
    found = phrases(text, start, end) if seen & PHRASE else 0
    if rules.javascript and found & JAVASCRIPT:
        return SCRIPTS, found
    if rules.policy and found & POLICY:
        return POLICIES, found
    return KEPT, found


@inlined
def _note_document_marks(seen, verdict, found, out):
    """Notes the first lines for which the whole document goes: those with lorem ipsum or a curly bracket."""
    reached = verdict != UNPUNCTUATED and verdict != SHORT
    if reached and found & LOREM and out[LOREM_LINE] == 0:
        out[LOREM_LINE] = out[LINES]
    if reached and seen & BRACE and verdict != SCRIPTS and out[BRACE_LINE] == 0:
        out[BRACE_LINE] = out[LINES]


@inlined
def _look(data, begin, low, high, table, decimal, ends, rules, blocks, pieces, copy, copied):
    """The verdict over a line, its hints and phrases, the citations taken out, its length without them."""
    if rules.max_word_length and has_long_word(data, low, high, table, rules.max_word_length):
        return LONG, 0, 0, 0, 0
    # without its citations a line ends as before unless it ends in one
    if rules.punctuated and not _ends_well(data, low, high, ends) and (low >= high or data[high - 1] != 0x5D):
        return UNPUNCTUATED, 0, 0, 0, 0
    worded = not rules.count_citations or has_words(data, low, high, table, rules.min_words)
    if not rules.punctuated and not worded:
        return SHORT, 0, 0, 0, 0
    seen = line_hints(data, begin, low, high, blocks)
    if seen & BRACKET and rules.citations:
        removed, size = without_citations(data, low, high, decimal, pieces, copy)
        if removed:
            seen = hints(copied[:size])
            verdict, found = _judge(copied, 0, size, table, ends, rules, worded, seen)
            return verdict, seen, found, removed, size
    verdict, found = _judge(data, low, high, table, ends, rules, worded, seen)
    return verdict, seen, found, 0, 0


@borrowing
def _hand_on(text, start, end, doc, lines):
    """Copies a kept line to `lines`."""
    at, count = lines.filled[0], lines.filled[1]
    for k in range(end - start):
        lines.data[at + k] = text[start + k]
    lines.documents[count] = doc
    lines.filled[0] = lines.ends[count] = at + end - start
    lines.filled[1] = count + 1


@borrowing
def _clean(data, begin, end, doc, table, marks, decimal, words, ends, rules, copy, copied, pieces, token_starts,
           token_ends, kinds, blocks, counting, lines, state, cuts, out):  # fmt: skip
    """Counts the lines of one document and cuts what is not kept."""
    state[0] = state[2] = begin
    state[3] = -1
    state[4] = state[5] = 0
    before = state[1]
    block_hints(data, begin, end, blocks)
    gap = gap_end = begin  # the line break that will stand between the last kept line and the next
    newline = False
    i = begin
    while i < end:
        stop, after = line_end(data, i, end, table)
        low, high = stripped(data, i, stop, table)
        out[LINES] += 1
        verdict, seen, found, removed, size = _look(
            data, begin, low, high, table, decimal, ends, rules, blocks, pieces, copy, copied
        )
        _note_document_marks(seen, verdict, found, out)
        out[verdict] += 1
        if verdict == KEPT:
            if out[KEPT] > 1:
                out[BREAKS] += not newline
                _keep(data, begin, gap, gap_end, table, cuts, state)
                if state[3] >= 0:  # else the break is cut: nothing stands in front of it
                    state[4] += gap_end - gap - 1
            newline = False
            if removed:
                for k in range(removed + 1):
                    _keep(data, begin, pieces[2 * k], pieces[2 * k + 1], table, cuts, state)
                out[CITATIONS] += removed
                if counting:
                    out[SENTENCES] += line_sentences(copied, 0, size, words, marks, token_starts, token_ends, kinds)
                else:
                    _hand_on(copied, 0, size, doc, lines)
            else:
                _keep(data, begin, low, high, table, cuts, state)
                if counting:
                    out[SENTENCES] += line_sentences(data, low, high, words, marks, token_starts, token_ends, kinds)
                else:
                    _hand_on(data, low, high, doc, lines)
        if data[after - 1] == 0x0A:
            gap, gap_end, newline = after - 1, after, True
        elif not newline:
            gap, gap_end = stop, after
        i = after
    out[BREAK_BYTES] = state[5]
    state[1] = max(state[3], before)
    if state[2] < end:
        cuts[state[1]] = state[2] - begin
        cuts[state[1] + 1] = end - begin
        state[1] += 2


@njit(nogil=True, cache=True)
def _clean_all(data, offsets, tables, ends, rules, scratch, lines, bounds, out):
    cuts = np.empty(64, np.int32)
    state = np.zeros(6, np.int64)
    table, marks, decimal, english, listed, book = tables
    words = pointer(table), pointer(english), pointer(listed), pointer(book)
    copy, copied, pieces, token_starts, token_ends, kinds, blocks = scratch
    counting = len(lines.data) == 0
    for doc in range(len(offsets) - 1):
        begin, end = offsets[doc], offsets[doc + 1]
        room = state[1] + 4 * _most_pieces(data[begin:end]) + 4
        if room > len(cuts):
            wider = np.empty(2 * room, np.int32)
            wider[: state[1]] = cuts[: state[1]]
            cuts = wider
        _clean(data, begin, end, doc, table, marks, decimal, words, ends, rules, copy, copied, pieces, token_starts,
               token_ends, kinds, blocks, counting, lines, state, cuts, out[doc])  # fmt: skip
        bounds[doc + 1] = state[1]
    return cuts[: state[1]]


class Cleaned(NamedTuple):
    """Signals by name, `cuts` as filters hand them on; the kept lines with their documents if they were asked for."""

    signals: dict[str, np.ndarray]
    cuts: pa.ListArray
    lines: pa.Array | None = None
    documents: np.ndarray | None = None


def clean(text: pa.Array | pa.ChunkedArray, rules: Rules, end_marks: str, keep_lines: bool = False) -> Cleaned:
    """What the rules make of every document. `end_marks` are the characters in which a line may end.

    With `keep_lines` no sentences are counted: `line_sentences_of` does it, over another tokenizer's words.
    """
    import pyarrow as pa

    data, offsets = bytes_and_offsets(text)
    total = int(offsets[-1] - offsets[0])
    longest = int(np.diff(offsets).max(initial=0)) + 1
    copy = np.empty(longest, np.uint8)
    pieces = np.empty(longest + 2, np.int64)
    starts, token_ends = np.empty(longest, np.int32), np.empty(longest, np.int32)
    kinds, blocks = np.empty(longest, np.uint8), np.empty((longest >> BLOCK) + 1, np.uint8)
    scratch = _Scratch(copy, read_only(copy), pieces, starts, token_ends, kinds, blocks)
    room = total + len(offsets) if keep_lines else 0
    kept = np.empty(total if keep_lines else 0, np.uint8)
    lines = _Lines(kept, np.empty(room, np.int64), np.empty(room, np.int64), np.zeros(2, np.int64))
    bounds, out = np.zeros(len(offsets), np.int32), np.zeros((len(offsets) - 1, len(SIGNALS)), np.int64)
    ends = read_only(np.array([ord(mark) for mark in end_marks], np.int64))
    tables = (properties(), marks(), digits(), *english_rules())
    cuts = _clean_all(data, offsets, tables, ends, rules, scratch, lines, bounds, out)
    signals = {name: out[:, at].copy() for at, name in enumerate(SIGNALS)}
    spans = pa.ListArray.from_arrays(pa.array(bounds), pa.array(cuts))
    if not keep_lines:
        return Cleaned(signals, spans)
    filled, count = lines.filled.tolist()
    places = pa.py_buffer(np.concatenate([np.zeros(1, np.int64), lines.ends[:count]]))
    kept_lines = pa.Array.from_buffers(pa.large_string(), count, [None, places, pa.py_buffer(kept[:filled])])
    return Cleaned(signals, spans, kept_lines, lines.documents[:count])


def line_sentences_of(lines: pa.Array, words: Words) -> np.ndarray:
    """Sentences of every line over the tokens that another tokenizer found in it."""
    data, offsets = bytes_and_offsets(lines)
    out = np.zeros(len(offsets) - 1, np.int64)
    starts, ends = np.asarray(words.starts, np.int32), np.asarray(words.ends, np.int32)
    token_sentences(data, offsets, starts, ends, read_only(words.offsets), marks(), out)
    return out


@borrowing
def _newlines(data, offsets, spans, at, table, out, bounds):
    """Copies what the cuts leave of the texts, with every character that ends a line as a line feed."""
    to = 0
    for doc in range(len(offsets) - 1):
        i, end = offsets[doc], offsets[doc + 1]
        for k in range(at[doc], at[doc + 1] + 2, 2):
            last = k == at[doc + 1]
            until = end if last else offsets[doc] + spans[k]  # a character does not reach over a cut
            while i < until:
                stop, after = line_end(data, i, until, table)
                for j in range(stop - i):
                    out[to + j] = data[i + j]
                to += stop - i
                if after > stop:
                    out[to] = 0x0A
                    to += 1
                i = stop + 1 if stop < until and data[stop] == 0x0D else after
            i = end if last else offsets[doc] + spans[k + 1]
        bounds[doc + 1] = to


def with_newlines(text: pa.Array | pa.ChunkedArray, cuts: pa.ListArray) -> pa.Array:
    """The texts without what `clean` cut, with a line feed for every character that ends a line in `str.splitlines()`.

    Null stays null. A carriage return in front of a line feed counts too: `clean` has cut those that make one break of
    both. Bytes that only a cut brings together make no character: a line goes on where invalid UTF-8 was.
    """
    import pyarrow as pa

    data, offsets = bytes_and_offsets(text)
    spans = read_only(cuts.values.to_numpy(zero_copy_only=False).astype(np.int64))
    at = read_only(cuts.offsets.to_numpy().astype(np.int64))
    out = np.empty(int(offsets[-1] - offsets[0]), np.uint8)
    bounds = np.zeros(len(offsets), np.int64)
    _newlines(data, offsets, spans, at, properties(), out, bounds)
    valid = None if not text.null_count else pa.array(text.is_valid()).buffers()[1]
    parts = [valid, pa.py_buffer(bounds), pa.py_buffer(out[: bounds[-1]])]
    made = pa.Array.from_buffers(pa.large_string(), len(text), parts)
    return made if pa.types.is_large_string(text.type) else made.cast(pa.string())


def warm() -> None:
    """Compile, or load from the cache, everything here."""
    import pyarrow as pa

    from datacurate.kernels.text import words

    sample = pa.array(["It has [1] five words. And an end.\r\nUse cookies in javascript {.\x0bAll of it is here."])
    rules = Rules(True, 3, True, 1000, True, True, True)
    found = clean(sample, rules, ".")
    line_sentences_of(sample.cast(pa.large_string()), words(sample))
    clean(sample, rules, ".", keep_lines=True)
    with_newlines(sample, found.cuts)
