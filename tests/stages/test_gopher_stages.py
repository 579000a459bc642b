import pyarrow as pa
import pytest

from datacurate.stages.filters.gopher_quality import GopherQuality
from datacurate.stages.filters.gopher_repetition import GopherRepetition

NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
PROSE = " ".join(f"The {a} and the {b} of {c}." for a in NUMBERS for b in NUMBERS[:2] for c in NUMBERS[5:7])


def outcome(stage, text):
    docs = pa.table({"id": ["a"], "text": [text], "source": ["s"]})
    decided = stage.decided(docs, stage.measured(docs))
    if decided.docs.num_rows:
        return None
    removed = decided.removed[0]
    return removed.rule[0], float(removed.value[0]), float(removed.bound[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PROSE, None),
        ("", ("too_few_words", 0.0, 50.0)),
        (PROSE + " #" * 100, ("hashes", 100 / 484, 0.1)),
        ("a be to of " * 20, ("short_words", 1.75, 3.0)),
        ("- the and of words\n" * 50, ("bullets", 1.0, 0.9)),
        ("words that repeat themselves " * 20, ("few_stop_words", 1.0, 2.0)),
    ],
)
def test_quality_names_the_rule_the_value_and_the_bound(text, expected):
    assert outcome(GopherQuality(), text) == expected


def test_a_threshold_of_none_switches_its_rule_off():
    assert outcome(GopherQuality(min_words=None), "The word and of " * 4) is None
    assert outcome(GopherRepetition(max_dup_lines=None, max_dup_line_chars=None), "") == ("empty", 0.0, 1.0)


@pytest.mark.parametrize(
    ("text", "rule"),
    [("a line\n\n" * 4, "dup_paragraphs"), ("a line\n" * 4, "dup_lines"), ("say it again " * 9, "top_2_gram")],
)
def test_repetition_names_the_first_rule_that_fails(text, rule):
    assert outcome(GopherRepetition(), text)[0] == rule


def test_stop_words_enter_the_measure_and_thresholds_do_not():
    measured = GopherQuality(stop_words=("eleven",), min_stop_words=1).measured(pa.table({"text": [PROSE]}))
    assert measured["stop_words"].to_pylist() == [1]
    assert GopherQuality.measured_with == ("stop_words",)
    assert GopherRepetition.measured_with == ()
