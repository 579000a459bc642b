"""Explanations of deduplication as plain text, side by side, and as values for JSON."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any
from unicodedata import combining, east_asian_width

from datacurate.audit.dedup_cuts import SOMEWHERE, Cuts
from datacurate.audit.dedup_explain import Explanation, Merge
from datacurate.audit.dedup_match import Match, Passage
from datacurate.audit.markup import seen, share

HEAD, TAIL = 300, 120
"""Characters that are shown of a passage: its beginning and its end."""
PASSAGES = 40
"""Passages that a terminal shows; of more, the last quarter of these are the last of the text."""
COLOUR = ("\x1b[32m", "\x1b[0m")
BRACKETS = ("⟦", "⟧")

Piece = tuple[str, bool]
"""Text, and whether the other document has it, too."""


def pieces(text: str, span: tuple[int, int], shared: list[tuple[int, int]], head: int, tail: int) -> list[Piece]:
    """A stretch of a text, cut where sharing begins and ends; the middle of a long one is left out."""
    start, end = span
    if end - start <= head + tail + 20:
        return list(_pieces(text, start, end, shared))
    left_out = f" [… {end - start - head - tail:,} characters …] "
    return [
        *_pieces(text, start, start + head, shared), (left_out, False), *_pieces(text, end - tail, end, shared)
    ]  # fmt: skip


def _pieces(text: str, start: int, end: int, shared: list[tuple[int, int]]) -> Iterator[Piece]:
    at, place = start, max(bisect_right(shared, (start, start)) - 1, 0)
    while place < len(shared) and shared[place][0] < end:
        first, last = max(shared[place][0], at), min(shared[place][1], end)
        if last > first:
            if first > at:
                yield text[at:first], False
            yield text[first:last], True
            at = last
        place += 1
    if at < end:
        yield text[at:end], False


def chosen(passages: list[Passage], most: int) -> tuple[list[Passage], list[Passage], int]:
    """The first and the last passages, and how many between them are left out."""
    if len(passages) <= most:
        return passages, [], 0
    last = most // 4
    return passages[: most - last], passages[-last:], len(passages) - most


def as_text(explanation: Explanation, width: int, colour: bool) -> str:
    """The explanation for a terminal."""
    head = seen(f"{explanation.id} in run {explanation.run}")
    lines = [head if explanation.merges else explanation.life.as_text()]
    for merge in explanation.merges:
        lines += ["", *(seen(line) for line in facts(merge))]
        if merge.match is not None:
            lines += ["", *_side_by_side(merge, merge.match, width, colour)]
        elif (one := alone(merge)) is not None:
            lines += ["", f"{seen(one[0])}:", *(line for line, _ in _wrapped(one[1], width, False))]
    for cuts in explanation.cuts:
        lines += ["", *_cut_lines(cuts, width)]
    lines += ["", *(seen(line) for line in closing(explanation))]
    return "\n".join(lines).rstrip()


def facts(merge: Merge) -> list[str]:
    """What is known of a merge, line by line."""
    copy, event = merge.copy, merge.event
    size = f", {copy.bytes:,} bytes" if copy.bytes is not None else ""
    lines = [f"source {copy.source}, shard {copy.shard}{size}"]
    lines.append(f"merged by {merge.stage} ({event.rule}) into {event.survivor}")
    if event.similarity is not None:
        lines.append(f"similarity in the ledger: {event.similarity:.3f}")
    lines.append(f"recomputed: {recomputed(merge)}")
    steps = [merge.chain[0].id]
    for step in merge.chain:
        alike = f", {step.similarity:.3f}" if step.similarity is not None else ""
        steps.append(f"{step.survivor} ({step.stage}{alike})")
    lines.append(" → ".join(steps) + f": {merge.end}")
    return lines + [f"note: {remark}" for remark in merge.remarks]


def recomputed(merge: Merge) -> str:
    """The similarity of the texts as they are now."""
    if merge.document is None or merge.survivor is None:
        gone = [who for who, one in (("document", merge.document), ("survivor", merge.survivor)) if one is None]
        return f"not possible, the text of the {' and of the '.join(gone)} is not there"
    if merge.same:
        return "the texts are equal but for white space"
    if merge.alike is None or merge.back is None:
        return f"a text is too short for {merge.shingle}"
    runs = str(merge.shingle)
    return (
        f"{merge.alike.jaccard:.3f} (Jaccard of the sets of {runs}); the survivor has "
        f"{share(merge.alike.contained, 1)} of the document's, the document {share(merge.back.contained, 1)} of the "
        "survivor's"
    )


def alone(merge: Merge) -> tuple[str, list[Piece]] | None:
    """The one text that is there where the other is not, such as that of a document that only an index holds."""
    if (merge.document is None) == (merge.survivor is None):
        return None
    known, whose = (merge.document, merge.chain[0].id) if merge.document else (merge.survivor, merge.event.survivor)
    text = known.text if known else ""
    return f"The text of {whose}", pieces(text, (0, len(text)), [], 4 * HEAD, 4 * TAIL)


def closing(explanation: Explanation) -> list[str]:
    """What else is to be said: that nothing was merged, and what the document stands for."""
    lines = []
    if not explanation.merges:
        lines.append("No deduplicating stage merged it into another document.")
    for stage, counts in explanation.stands_for.items():
        by = ", ".join(f"{source} {count:,}" for source, count in counts.most_common(5))
        more = f" and {len(counts) - 5:,} more sources" if len(counts) > 5 else ""
        lines.append(f"{stage} merged {counts.total():,} documents into it: {by}{more}")
    return lines


def _side_by_side(merge: Merge, match: Match, width: int, colour: bool) -> Iterator[str]:
    column = max((width - 3) // 2, 20)
    left = f"{merge.copy.source}: {merge.chain[0].id}"
    right = f"{merge.survivor.source if merge.survivor else ''}: {merge.event.survivor}"
    marked = "in green" if colour else f"in {''.join(BRACKETS)}"
    yield f"Shared runs of at least {match.ngram} {match.unit} are {marked}."
    if match.clipped:
        yield (
            f"Compared are the first {len(match.left):,} of {match.left_length:,} and {len(match.right):,} of "
            f"{match.right_length:,} characters."
        )
    yield from _row([(left, False)], [(right, False)], column, False)
    yield "─" * column + "─┼─" + "─" * column
    first, last, left_out = chosen(match.passages, PASSAGES)
    for passage in first:
        yield from _passage(match, passage, column, colour)
    if left_out:
        yield f"… {left_out:,} passages are left out; --html shows more …"
    for passage in last:
        yield from _passage(match, passage, column, colour)


def _passage(match: Match, passage: Passage, column: int, colour: bool) -> Iterator[str]:
    left = pieces(match.left, passage.left, match.left_shared, HEAD, TAIL)
    right = pieces(match.right, passage.right, match.right_shared, HEAD, TAIL)
    yield from _row(left, right, column, colour)


def _row(left: list[Piece], right: list[Piece], column: int, colour: bool) -> Iterator[str]:
    a, b = _wrapped(left, column, colour), _wrapped(right, column, colour)
    for at in range(max(len(a), len(b))):
        one, two = (cell[at] if at < len(cell) else ("", 0) for cell in (a, b))
        yield f"{one[0]}{' ' * (column - one[1])} │ {two[0]}".rstrip()


def _wrapped(cell: list[Piece], column: int, colour: bool) -> list[tuple[str, int]]:
    """Lines of at most `column` places, each with its width; breaks at spaces where there are some."""
    letters = list(_letters(cell, colour))
    lines: list[tuple[str, int]] = []
    while letters:
        stop, width = 0, 0
        while stop < len(letters) and width + _width(letters[stop][0]) <= column:
            width += _width(letters[stop][0])
            stop += 1
        if stop < len(letters):
            space = next((at for at in range(stop, max(stop - 20, 0), -1) if letters[at][0] == " "), 0)
            stop = space or max(stop, 1)
        line, letters = letters[:stop], letters[stop:]
        lines.append((_painted(line), sum(_width(letter) for letter, _ in line)))
        letters = letters[1:] if letters and letters[0][0] == " " else letters
    return lines


def _letters(cell: list[Piece], colour: bool) -> Iterator[Piece]:
    """Characters as they are shown, runs of white space as one space, with brackets where there is no colour."""
    space, begun = False, False
    for text, shared in cell:
        mark = shared and not colour
        for letter in [*([BRACKETS[0]] if mark else []), *text]:
            if letter.isspace():
                space = begun
                continue
            if space:
                yield " ", shared and colour
            space, begun = False, True
            yield from ((one, shared and colour) for one in seen(letter))
        if mark:
            yield BRACKETS[1], False


def _painted(line: list[Piece]) -> str:
    made, on = [], False
    for letter, shared in line:
        if shared != on:
            made.append(COLOUR[0] if shared else COLOUR[1])
            on = shared
        made.append(letter)
    return "".join(made) + (COLOUR[1] if on else "")


def _width(letter: str) -> int:
    return 0 if combining(letter) else 2 if east_asian_width(letter) in "WF" else 1


def _cut_lines(cuts: Cuts, width: int) -> Iterator[str]:
    size = len(cuts.document.text.encode("utf-8", "replace"))
    of = f"{cuts.bytes:,} of {size:,} bytes ({share(cuts.bytes, size)})"
    yield f"{cuts.stage} cut {cuts.count:,} {'part' if cuts.count == 1 else 'parts'} out of it, {of}"
    if cuts.remark:
        yield seen(f"note: {cuts.remark}")
    for cut in cuts.cuts:
        where = SOMEWHERE if cut.survivor is None else f"also in {cut.survivor}"
        yield seen(f"  bytes {cut.start:,} to {cut.end:,}, {where}:")
        yield from (f"    {line}" for line, _ in _wrapped([(cut.text, False)], max(width - 4, 20), False))
    if cuts.count > len(cuts.cuts):
        yield f"  and {cuts.count - len(cuts.cuts):,} more"


def as_json(explanation: Explanation) -> dict[str, Any]:
    """Plain values; texts only in pieces of bounded length."""
    return {
        "id": explanation.id,
        "run": explanation.run,
        "merges": [_merge_json(merge) for merge in explanation.merges],
        "cuts": [_cuts_json(cuts) for cuts in explanation.cuts],
        "merged_into_it": {stage: dict(counts) for stage, counts in explanation.stands_for.items()},
        "life": explanation.life.as_json(),
    }


def _merge_json(merge: Merge) -> dict[str, Any]:
    value: dict[str, Any] = {
        "stage": merge.stage, "rule": merge.event.rule, "survivor": merge.event.survivor,
        "similarity": merge.event.similarity, "shingle": merge.shingle.kind, "ngram": merge.shingle.ngram,
        "equal": merge.same,
        "recomputed": asdict(merge.alike) if merge.alike else None,
        "chain": [asdict(step) for step in merge.chain], "end": merge.end, "remarks": merge.remarks,
    }  # fmt: skip
    if (found := merge.match) is not None:
        first, last, left_out = chosen(found.passages, PASSAGES)
        value["passages"] = [_passage_json(found, passage) for passage in [*first, *last]]
        value |= {"passages_left_out": left_out, "compared_in_part": found.clipped, "unit": found.unit}
    elif (one := alone(merge)) is not None:
        value[f"{'document' if merge.document else 'survivor'}_text"] = "".join(text for text, _ in one[1])
    return value


def _passage_json(match: Match, passage: Passage) -> dict[str, Any]:
    sides = ((match.left, passage.left, match.left_shared), (match.right, passage.right, match.right_shared))
    left, right = ([{"text": t, "shared": s} for t, s in pieces(*side, HEAD, TAIL)] for side in sides)
    return {"same": passage.same, "document": left, "survivor": right}


def _cuts_json(cuts: Cuts) -> dict[str, Any]:
    parts = [asdict(cut) for cut in cuts.cuts]
    return {"stage": cuts.stage, "shard": cuts.shard, "count": cuts.count, "bytes": cuts.bytes, "parts": parts}
