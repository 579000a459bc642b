"""Conditions that can never be true, never be false, or that exclude each other."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import combinations, pairwise, product
from typing import Any

from datacurate.core.conditions import IsNull, Node, OneOf, leaves

MOST = 100_000
"""Combinations of values that are tried; with more the conditions are taken for possible."""

RANGES = {
    r"rps_doc_frac_.*|rps_doc_stop_word_fraction|rps_doc_curly_bracket|rps_doc_lorem_ipsum": (0, 1),
    r"ccnet_language_score|language_score": (0, 1),
    r"ccnet_bucket": (0, 2),
    r"gopher_v1__fraction_of_characters_in_duplicate_lines": (0, math.inf),  # dolma divides by characters of words
    r"gopher_v1__fraction_.*|gopher_v1__symbol_to_word_ratio": (0, 1),
    r"c4_v[12]__has_.*": (0, 1),
    r"c4_v[12]__line.*": (0, math.inf),
    r"(rps_doc|ccnet|gopher_v1_)_.*|perplexity|tokens": (0, math.inf),
}
"""What the columns that our stages make can hold, by their names; the first pattern counts."""


def range_of(column: str) -> tuple[float, float]:
    """Least and greatest value that a column of numbers can have."""
    found = (bounds for pattern, bounds in RANGES.items() if re.fullmatch(pattern, column))
    return next(found, (-math.inf, math.inf))


def impossible(conditions: dict[str, Node]) -> Iterator[str]:
    """What is wrong with conditions that must all be true, by the rule that removes the other documents."""
    possible = {}
    for rule, node in conditions.items():
        outcomes = _outcomes([node])
        if outcomes == {False}:
            yield f"the rule '{rule}' removes every document{_because(node)}. Check its bound."
        elif outcomes == {True}:
            yield f"the rule '{rule}' removes no document{_because(node)}. Check its bound."
        else:
            possible[rule] = node
    clashing: set[str] = set()
    for one, other in combinations(possible, 2):
        shared = set(possible[one].columns()) & set(possible[other].columns())
        if shared and _outcomes([possible[one], possible[other]]) == {False}:
            clashing |= {one, other}
            yield f"the rules '{one}' and '{other}' together remove every document. Check their bounds."
    rest = [node for rule, node in possible.items() if rule not in clashing]
    for group in _linked(rest):
        if len(group) > 2 and _outcomes(group) == {False}:
            yield f"{len(group)} conditions on {', '.join(_columns(group))} can never all be true. Check their bounds."


def _because(node: Node) -> str:
    """The ranges that decide it."""
    known = {column: range_of(column) for column in dict.fromkeys(node.columns())}
    said = [f"{column} lies between {low:g} and {high:g}" for column, (low, high) in known.items() if high < math.inf]
    said += [
        f"{column} is never below {low:g}" for column, (low, high) in known.items() if low == 0 and high == math.inf
    ]
    return f": {', '.join(said)}" if said else ""


def _columns(nodes: list[Node]) -> list[str]:
    return sorted({column for node in nodes for column in node.columns()})


def _linked(nodes: list[Node]) -> list[list[Node]]:
    """Conditions in groups that share no column."""
    groups: list[tuple[set[str], list[Node]]] = []
    for node in nodes:
        columns, mine = set(node.columns()), [node]
        near = [group for group in groups if group[0] & columns]
        for group in near:
            groups.remove(group)
            columns, mine = columns | group[0], group[1] + mine
        groups.append((columns, mine))
    return [group for _, group in groups]


def _outcomes(nodes: list[Node]) -> set[bool]:
    """Whether the conditions can all be true, and whether one can be false; both when there is too much to try.

    Comparisons only ask on which side of a literal a value lies: values at the literals and between them are all that
    can make a difference.
    """
    import numpy as np
    import pyarrow as pa

    columns = _columns(nodes)
    values = [_candidates(column, nodes) for column in columns]
    if math.prod(map(len, values)) > MOST:
        return {True, False}
    rows = list(product(*values))
    given = {column: pa.array([row[at] for row in rows]) for at, column in enumerate(columns)}
    truths = [node.truth(given) for node in nodes]
    return set(np.all([truth.true | truth.unknown for truth in truths], axis=0).tolist())


def _candidates(column: str, nodes: list[Node]) -> list[Any]:
    """Values of a column that stand for all others, null among them where a condition asks for it."""
    compared = [leaf for node in nodes for leaf in leaves(node) if leaf.column == column]
    literals = [v for leaf in compared if not isinstance(leaf, IsNull) for v in _values(leaf)]
    null = [None] if any(isinstance(leaf, IsNull) for leaf in compared) else []
    if not literals:
        return [*null, True]
    if isinstance(literals[0], bool):
        return [*null, True, False]
    if isinstance(literals[0], str):
        known = sorted(set(literals))
        return [*null, "", *known, *(text + "\0" for text in known)]
    low, high = range_of(column)
    known = sorted({float(value) for value in literals} | {bound for bound in (low, high) if math.isfinite(bound)})
    between = [(a + b) / 2 for a, b in pairwise(known)]
    spread = sorted({known[0] - 1, *known, *between, known[-1] + 1})
    return [*null, *(value for value in spread if low <= value <= high)]


def _values(leaf: Any) -> tuple[Any, ...]:
    return leaf.values if isinstance(leaf, OneOf) else (leaf.value,)
