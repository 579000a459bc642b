"""`where`: conditions against a slow twin, missing values, errors, and its place in a recipe."""

from __future__ import annotations

import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacurate.api import run_recipe
from datacurate.core import conditions
from datacurate.core.condition_text import ConditionError, parse
from datacurate.core.errors import InputError, RecipeError
from datacurate.core.recipe import loads
from datacurate.core.signals import masks
from datacurate.core.store import read_parts
from datacurate.stages.filters.where import Where


def decide(docs: pa.Table, **options):
    stage = Where(**options)
    return stage.decided(docs, stage.measured(docs))


def table(**columns) -> pa.Table:
    count = len(next(iter(columns.values())))
    return pa.table({"id": [str(at) for at in range(count)], "text": ["t"] * count, "source": ["s"] * count, **columns})


def kept(docs: pa.Table, **options) -> list[int]:
    return [int(one) for one in decide(docs, **options).docs["id"].to_pylist()]


# ---- conditions against the twin

VALUES = {
    "n": [None, -1, 0, 1, 2**62],
    "f": [None, math.nan, -0.5, 0.0, 0.2, math.inf],
    "s": [None, "", "en", "é"],
    "b": [None, True, False],
}
LITERALS = {
    "n": [-1, 0, 1, 0.5, 2**62, 2**62 - 1],
    "f": [0, 0.2, -0.5, 1e300],
    "s": ["", "en", "é", 'a"\\b'],
    "b": [True, False],
}


@st.composite
def comparisons(draw):
    column = draw(st.sampled_from("nfsb"))
    kind = draw(st.integers(0, 2))
    if kind == 0:
        return conditions.IsNull(column)
    if kind == 1:
        return conditions.OneOf(
            column, tuple(draw(st.lists(st.sampled_from(LITERALS[column]), min_size=1, max_size=3)))
        )
    signs = ["==", "!="] if column == "b" else ["==", "!=", "<", "<=", ">", ">="]
    return conditions.Comparison(column, draw(st.sampled_from(signs)), draw(st.sampled_from(LITERALS[column])))


nodes = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        inner.map(conditions.Not),
        st.builds(lambda parts, either: conditions.Both(tuple(parts), either),
                  st.lists(inner, min_size=2, max_size=3), st.booleans()),
    ),
    max_leaves=6,
)  # fmt: skip


def twin(node, row):
    """True, False or None (cannot be said), as SQL has it."""
    if isinstance(node, conditions.Not):
        inner = twin(node.part, row)
        return None if inner is None else not inner
    if isinstance(node, conditions.Both):
        inner = [twin(part, row) for part in node.parts]
        if node.either in inner:
            return node.either
        return None if None in inner else not node.either
    value = row[node.column]
    missing = value is None or value != value
    if isinstance(node, conditions.IsNull):
        return missing
    if missing:
        return None
    if isinstance(node, conditions.OneOf):
        return value in node.values
    return {"==": value == node.value, "!=": value != node.value}.get(node.sign) if node.sign in ("==", "!=") else {
        "<": value < node.value, "<=": value <= node.value, ">": value > node.value, ">=": value >= node.value,
    }[node.sign]  # fmt: skip


@given(nodes)
@settings(max_examples=300, deadline=None)
def test_written_out_and_read_again(node):
    again = parse(str(node))
    assert str(again) == str(node)
    assert Where(keep=str(node)).keep == (str(node),)


@given(nodes, st.lists(st.tuples(*(st.sampled_from(VALUES[c]) for c in "nfsb")), min_size=1, max_size=12))
@settings(max_examples=300, deadline=None)
def test_truth_equals_the_twin(node, rows):
    types = {"n": pa.int64(), "f": pa.float64(), "s": pa.string(), "b": pa.bool_()}
    given_ = {c: pa.array([row[at] for row in rows], types[c], from_pandas=False) for at, c in enumerate("nfsb")}
    for read in (node, parse(str(node))):
        truth = read.truth(given_)
        found = [None if u else bool(t) for t, u in zip(truth.true, truth.unknown, strict=True)]
        assert found == [twin(node, dict(zip("nfsb", row, strict=True))) for row in rows], str(node)


@given(nodes)
@settings(max_examples=100, deadline=None)
def test_a_rule_is_named_after_what_removes(node):
    """The name of a rule is a condition that is false where the kept one is true."""
    rows = [
        dict(zip("nfsb", row, strict=True)) for row in zip([1, 0], [0.2, -0.5], ["en", ""], [True, False], strict=True)
    ]
    name = parse(conditions.negated(node))
    for row in rows:
        assert twin(name, row) == (not twin(node, row))


@given(st.text(max_size=40) | st.text("ab<>=()[]`'\"\\ ,.1ornotadis", max_size=30))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(text):
    try:
        assert str(parse(str(parse(text))))
    except ConditionError as error:
        assert "at character" in str(error)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected a column, not the end, at character 1"),
        ("a >", "expected a number, a text in quotes, true, false or null, not the end, at character 4"),
        ("a & b > 1", "write 'and', 'or', 'not', at character 3"),
        ("a > b", "expected a number, a text in quotes, true, false or null, not 'b', at character 5"),
        ("1 < a < 3", "two comparisons in one go"),
        ("(a > 1", "expected ')', not the end, at character 7"),
        ("a in 3", "expected a list"),
        ("a in [1, 'x']", "values of one kind"),
        ("a > null", "null has no order"),
        ("a > true", "true and false have no order"),
        ("a-b > 1", "a column with such a name stands in `...`, at character 2"),
        ("a > 1 or a = 'x'", "the column 'a' is compared with a number and with a text"),
        ("a = 'x", "the ' is not closed, at character 5"),
        ("__import__('os')", "expected 'and', 'or' or the end, not '(', at character 11"),
        ("(" * 60 + "a" + ")" * 60, "nested deeper than 50"),
    ],
)
def test_errors_say_where(text, said):
    with pytest.raises(ValueError) as caught:
        Where(keep=text)
    assert said in str(caught.value)


# ---- the stage


def test_bounds_values_and_names():
    docs = table(n=[49, 50, 51], f=[0.1, 0.3, 0.2], l=["en", "de", "fr"])
    outcome = decide(docs, keep=["n >= 50", "l in ['en', 'de'] or f < 0.1"], drop="f >= 0.3")
    assert outcome.docs.num_rows == 0
    (removed,) = outcome.removed
    assert list(removed.rule) == ["n < 50", "f >= 0.3", 'not (l in ["en", "de"] or f < 0.1)']
    assert removed.value.tolist()[:2] == [49, 0.3] and removed.bound.tolist()[:2] == [50, 0.3]
    assert math.isnan(removed.value[2]) and removed.fate == "dropped"
    assert kept(docs, keep="n >= 50") == [1, 2] and kept(docs, drop="n >= 50") == [0]


def test_missing_values():
    docs = table(n=[None, 60, 10, None], f=[0.5, math.nan, 0.5, 0.1])
    assert kept(docs, keep=["n >= 50", "f < 1"]) == []
    assert kept(docs, keep=["n >= 50", "f < 1"], missing="keep") == [0, 1, 3]
    (dropped,) = decide(docs, keep=["n >= 50", "f < 1"]).removed
    assert list(dropped.rule) == ["no value: n < 50", "no value: f >= 1", "n < 50", "no value: n < 50"]
    fates = {
        r.fate: (r.index.tolist(), list(r.rule)) for r in decide(docs, drop="n < 50", missing="quarantine").removed
    }
    assert fates == {"dropped": ([2], ["n < 50"]), "quarantined": ([0, 3], ["no value: n < 50"] * 2)}
    assert kept(docs, keep="n is null") == [0, 3] and kept(docs, drop="f is null") == [0, 2, 3]
    assert kept(docs, keep="n >= 50 or f > 0.2") == [0, 1, 2], "decided by the half that is there"


def test_columns_with_odd_names_and_fields():
    scores = pa.array([{"gopher": {"words": 5}}, {"gopher": {"words": 50}}, None])
    docs = table(**{"my col": ["a", "b", "c"], "measured.x": scores, "bytes": [1, 2, 3], "_error": [1, 1, 2]})
    assert kept(docs, keep="`my col` != 'b'") == [0, 2]
    assert kept(docs, keep="measured.x.gopher.words >= 50") == [1]
    assert kept(docs, keep=["bytes > 1", "_error = 1", "id != 'x'"]) == [1]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1, 5, None], pa.int8()), pa.array([1, 5, None], pa.uint64()), pa.array([1, 5, None], pa.float32()),
        pa.array([1, 5, None], pa.float16()), pa.array([1, 5, None], pa.int32()).dictionary_encode(),
        pa.array([1, 5, None], pa.int64()).cast(pa.decimal128(25, 2)),
    ],
    ids=lambda values: str(values.type),
)  # fmt: skip
def test_every_type_of_number(values):
    assert kept(table(x=values), keep="x > 1") == [1] and kept(table(x=values), keep="x >= -2.5") == [0, 1]
    assert kept(table(x=values), keep="x == 5") == [1]


@pytest.mark.parametrize("type_", [pa.large_string(), pa.dictionary(pa.int32(), pa.string())], ids=str)
def test_every_type_of_text(type_):
    texts = pa.array(["a", "b", None])
    texts = texts.dictionary_encode() if pa.types.is_dictionary(type_) else texts.cast(type_)
    assert kept(table(x=texts), keep="x >= 'b'") == [1]


def test_numbers_beyond_float_precision():
    big = pa.array([2**63 + 1, 2**63 + 2, 5], pa.uint64())
    assert kept(table(x=big), keep=f"x == {2**63 + 1}") == [0]
    assert kept(table(x=pa.array([2**53, 2**53 + 1], pa.int64())), keep=f"x > {2**53}") == [1]


def test_only_columns_are_measured_so_that_bounds_do_not_matter():
    docs = table(n=[1, 2], f=[1, 2], l=["a", "b"])
    one, two = Where(keep="n > 1", drop="f > 0.5"), Where(keep=["f > 7", "n < 3"])
    assert one.changed_fields(()) == two.changed_fields(()) != Where(keep="n > 1").changed_fields(())
    measured = one.measured(docs)
    assert measured.equals(two.measured(docs))
    assert [mask.tolist() for mask in masks(two, measured).values()] == [
        [False] * 2,
        [True] * 2,
        [True] * 2,
        [True] * 2,
    ]


# ---- errors about columns


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("num > 1", "where: the condition 'num <= 1' reads the column 'num', which the documents do not have. "
                    "Did you mean 'nums'?"),
        ("nums = 'x'", "the column 'nums' holds int64 and is compared with a text, \"x\". Compare it with a number."),
        ("word > 1", "the column 'word' holds string and is compared with a number, 1. Compare it with a text."),
        ("flag > 1", "the column 'flag' holds bool and is compared with a number"),
        ("nums = true", "the column 'nums' holds int64 and is compared with true or false, true"),
        ("lists > 1", "the column 'lists' holds list<item: int64> and is compared with a number, 1. Only numbers"),
    ],
)  # fmt: skip
def test_wrong_columns_are_told(condition, said):
    docs = table(nums=[1], word=["a"], flag=[True], lists=[[1]])
    with pytest.raises(InputError) as caught:
        Where(keep=condition).measured(docs)
    assert said in str(caught.value)


def write(folder, **columns):
    folder.mkdir()
    pq.write_table(table(**columns), folder / "a.parquet")
    return folder / "a.parquet"


def test_an_unknown_column_is_told_before_anything_runs(tmp_path):
    from datacurate.core.plan import plan

    path = write(tmp_path / "in", score=[0.1, 0.9])
    recipe = loads(f"sources: {{a: {path}}}\nstages: [where: {{keep: scores > 0.5}}]")
    with pytest.raises(RecipeError, match=r"where needs the column 'scores'.*Did you mean 'score'"):
        plan(recipe, tmp_path / "store")
    recipe = loads(
        f"sources: {{a: {path}}}\nstages: [signals, where: {{keep: [score > 0.5, rps_doc_word_count > '5']}}]"
    )
    with pytest.raises(RecipeError, match=r"'rps_doc_word_count' holds int64 and is compared with a text"):
        plan(recipe, tmp_path / "store")


def test_in_a_recipe(tmp_path):
    """Values and bounds reach the ledger; another bound measures nothing anew."""
    path = write(tmp_path / "in", score=[0.1, 0.9, None], bytes=[1, 2, 3])
    profile = tmp_path / "inline.yaml"
    profile.write_text("executor: inline\n")

    def run(bound):
        recipe = loads(f"sources: {{a: {path}}}\nstages: [where: {{keep: [score > {bound}, bytes < 9]}}]\n")
        done = run_recipe(recipe, tmp_path / f"run{bound}", tmp_path / "store", profile)
        manifest = done.manifests[-1]
        rows = read_parts([done.folder / manifest["folder"] / name for name in manifest["ledgers"]]).to_pylist()
        return manifest["ledger"]["out"]["documents"], [(r["rule"], r["value"], r["bound"]) for r in rows]

    assert run(0.5) == (1, [("score <= 0.5", 0.1, 0.5), ("no value: score <= 0.5", None, None)])
    stored = list((tmp_path / "store").glob("where.measured-*"))
    assert run(0.05)[0] == 2 and list((tmp_path / "store").glob("where.measured-*")) == stored


def test_a_column_of_the_filter_in_front_is_read_behind_it(tmp_path):
    path = write(tmp_path / "in", score=[0.1, 0.9])
    profile = tmp_path / "inline.yaml"
    profile.write_text("executor: inline\n")
    recipe = loads(f"sources: {{a: {path}}}\nstages: [language, where: {{keep: language_score >= 0}}]\n")
    done = run_recipe(recipe, tmp_path / "run", tmp_path / "store", profile)
    assert done.manifests[-1]["ledger"]["out"]["documents"] == 2
