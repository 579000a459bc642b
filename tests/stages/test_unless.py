import pyarrow as pa
import pytest
from pydantic import ValidationError

from datacurate.core.errors import InputError
from datacurate.core.recipe import loads
from datacurate.core.registry import stage_class, stages_in
from datacurate.core.signals import rule_names
from datacurate.stages.filters.gopher_quality import GopherQuality
from datacurate.stages.filters.unless import Unless

FORMULAS = "the sum of all and $ x _ { i } ^ { 2 } + y _ { j } $ is that which we have to be\n" * 9


def decided(stage, **columns):
    rows = len(next(iter(columns.values())))
    docs = pa.table(
        {"id": [str(at) for at in range(rows)], "text": [FORMULAS] * rows, "source": ["s"] * rows, **columns}
    )
    return stage.decided(docs, stage.measured(docs))


def kept(stage, **columns):
    return decided(stage, **columns).docs["id"].to_pylist()


def test_documents_with_a_large_column_are_spared():
    plain = GopherQuality(min_words=10)
    assert [list(r.rule) for r in decided(plain, maths=[9]).removed] == [["short_words"]]
    stage = Unless(filter={"gopher_quality": {"min_words": 10}}, column="maths", least=5)
    made = decided(stage, maths=[9, 5, 4, None])
    assert made.docs["id"].to_pylist() == ["0", "1"]
    [removed] = made.removed
    [alone] = decided(plain, maths=[4]).removed
    assert list(removed.rule) == ["short_words"] * 2
    assert removed.rules.to_pylist() == alone.rules.to_pylist() * 2
    assert (removed.value[0], removed.bound[0]) == (alone.value[0], alone.bound[0])
    assert kept(Unless(column="maths"), maths=[True, False, None]) == ["0"]


def test_only_some_rules_are_spared():
    stage = Unless(column="maths", spared=("short_words", "few_alpha_words"))
    assert kept(stage, maths=[1, 0]) == ["0"]
    short = stage.model_copy(update={"filter": {"gopher_quality": {"min_words": 10_000}}})
    [removed] = decided(short, maths=[1, 0]).removed
    assert removed.rules.to_pylist()[0] == ["too_few_words"]
    assert set(removed.rules.to_pylist()[1]) > {"too_few_words", "few_alpha_words"}


def test_without_a_column_it_is_the_filter():
    docs = pa.table({"id": ["a", "b"], "text": [FORMULAS, "words"], "source": ["s", "s"]})
    alone, same = GopherQuality(), Unless()
    assert same.measured(docs).equals(alone.measured(docs))
    ours, theirs = same.decided(docs, same.measured(docs)), alone.decided(docs, alone.measured(docs))
    assert ours.docs.equals(theirs.docs) and ours.removed[0].rules == theirs.removed[0].rules


def test_keys():
    first = Unless(filter="gopher_quality", column="maths")
    assert first == Unless(filter={"gopher_quality": None}, column="maths")
    same = Unless(filter={"gopher_quality": {"min_words": 7}}, column="maths", least=3, spared=("bullets",))
    assert first.changed_fields(first.measured_with) == same.changed_fields(same.measured_with)
    assert first.changed_fields() != same.changed_fields()
    other = Unless(filter={"gopher_quality": {"stop_words": ["a"]}}, column="maths")
    assert other.changed_fields(other.measured_with) != first.changed_fields(first.measured_with)
    assert first.reads()["maths"] and first.reads()["text"]
    recipe = (
        f"sources: {{a: a.jsonl}}\nstages: [unless: {same.options()}]".replace("'", '"')
        .replace("(", "[")
        .replace(")", "]")
    )
    assert loads(recipe).stages == [same]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("gopher_qualty", r"Did you mean"),
        ("language", "neither edits nor adds"),
        ("tokenize", "is no filter"),
        ({"gopher_quality": {"min_wrds": 3}}, "min_wrds"),
        ({"gopher_quality": {}, "where": {}}, "filter is one filter"),
        (["gopher_quality"], "filter is one filter"),
    ],
)
def test_what_is_no_filter_is_refused(given, message):
    with pytest.raises(ValidationError, match=message):
        Unless(filter=given)


CONDITIONS = {"where": {"keep": ["n > 1", "kind in ['a']", "not good", "id != 'x'"], "drop": ["n is null"]}}
PLAIN = [name for name in stages_in("filter") if not (stage_class(name).adds or stage_class(name).rewrites)]


@pytest.mark.parametrize("name", sorted(set(PLAIN) - {"unless"}))
def test_rules_that_a_filter_does_not_have_are_refused_at_once(name):
    """Every rule of every filter may be spared, and no other."""
    options = CONDITIONS.get(name, {})
    names = rule_names(stage_class(name)(**options))
    assert names
    assert Unless(filter={name: options}, column="maths", spared=tuple(names)).spared == tuple(names)
    with pytest.raises(ValidationError, match=f"{name} has no rule '{names[0]}s'. Did you mean '{names[0]}'"):
        Unless(filter={name: options}, column="maths", spared=(*names, f"{names[0]}s"))


def test_the_rules_of_where_are_its_conditions():
    names = rule_names(stage_class("where")(**CONDITIONS["where"]))
    assert [name for name in names if not name.startswith("no value: ")] == [
        "n <= 1", 'not kind in ["a"]', "good == true", 'id == "x"', "n is null"
    ]  # fmt: skip


def test_rules_that_switched_off_options_leave_out_cannot_be_spared():
    with pytest.raises(ValidationError, match="gopher_quality has no rule 'bullets'"):
        Unless(filter={"gopher_quality": {"max_bullet_lines": None}}, column="maths", spared=("bullets",))


def test_columns_that_are_missing_or_of_the_wrong_type_are_named():
    with pytest.raises(InputError, match=r"no column 'math'. Did you mean 'maths'"):
        kept(Unless(column="math"), maths=[1])
    with pytest.raises(InputError, match=r"unless: the column 'maths' holds string, not numbers"):
        kept(Unless(column="maths"), maths=["many"])
