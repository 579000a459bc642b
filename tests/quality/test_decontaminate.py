"""Planted items are found: floors by preset and kind of planting, and no clean document is accused."""

from __future__ import annotations

import pytest

from tests.quality import planted

pytestmark = pytest.mark.shared

FLOORS = {
    "curate": (32, 32, 32, 32, 32, 31, 32),
    "gpt3": (29, 32, 29, 31, 21, 24, 25),
    "llama2": (11, 26, 11, 13, 8, 4, 0),
    "llama3": (12, 28, 14, 15, 11, 7, 0),
    "dclm": (4, 26, 4, 5, 5, 2, 0),
    "olmo": (25, 28, 0, 0, 0, 1, 0),
    "datatrove": (2, 32, 0, 1, 0, 0, 0),
    "decon": (5, 31, 4, 5, 2, 0, 0),
}
"""Documents of 32 in which the planted item is found, in the order of KINDS. Other projects' rules miss kinds because
they ask for what was not planted (an answer, all choices) or for equal lines."""
KINDS = (
    "verbatim_question", "verbatim_question_answer", "case_punct", "rewrapped", "edit_3_words", "drop_10pct_words",
    "first_half",
)  # fmt: skip
ACCUSED = {"gpt3": 1, "datatrove": 6}
"""Documents that hold an answer alone, which these rules look for. No document without any planting is accused."""


@pytest.mark.parametrize("preset", sorted(FLOORS))
def test_planted_items_are_found(shared, preset):
    right, all_, wrong = planted.found(shared, preset)
    assert {kind: all_[kind] for kind in KINDS} == dict.fromkeys(KINDS, 32)
    below = {kind: right[kind] for kind, least in zip(KINDS, FLOORS[preset], strict=True) if right[kind] < least}
    assert not below and len(wrong) <= ACCUSED.get(preset, 0), (below, wrong)


def test_the_report_counts_planted_items_and_no_twins(shared):
    """64 items of MMLU match in documents with 37 of them, for items are variants of each other."""
    assert planted.reported(shared, "curate") == (223, [])


@pytest.mark.parametrize(
    ("file", "least", "alone"),
    [("copa", 99, 0), ("piqa", 1686, 9), ("arc_easy", 2343, 0), ("arc_challenge", 1159, 1)],
)
def test_short_questions_are_found_with_their_answers(shared, file, least, alone):
    found, by_answer = planted.short(shared, file)
    assert found >= least and by_answer <= alone, (found, by_answer)
