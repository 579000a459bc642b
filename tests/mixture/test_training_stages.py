"""Training stages: what each draws, against a twin that takes one document after another."""

from __future__ import annotations

import json
import random
from itertools import chain, pairwise

import numpy as np
import phase_driver as driver
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle_stages import Document, simulate
from pydantic import ValidationError

from datacurate.api import one_stage, run_stage
from datacurate.core.errors import InputError, LedgerError, RecipeError
from datacurate.core.plan import plan
from datacurate.core.recipe import Recipe, loads
from datacurate.core.run import execute
from datacurate.executors.inline import Inline
from datacurate.executors.local import Local
from datacurate.mixture import cells, draw, pack, schedule, schemas
from datacurate.mixture.mixture import Mixture
from datacurate.mixture.preview import preview
from datacurate.mixture.stages import TrainingStage, resolved
from datacurate.sources.parquet import Parquet
from datacurate.stages.count_tokens import CountTokens

WORDS = ["the", "king", "went", "out", "to", "meet", "morning", "naïve", "中文", "42"]


def corpus(count: int = 300, seed: int = 0) -> pa.Table:
    """Documents of three sources with a quality (some without) and a domain."""
    rng = random.Random(seed)
    rows = []
    for i in range(count):
        words = " ".join(rng.choice(WORDS) for _ in range(rng.randrange(1, 60)))
        quality = None if i % 50 == 3 else rng.randrange(1, 6)
        domain = rng.choice(["maths", "web"])
        rows.append({"id": f"doc-{i}", "text": "" if i % 40 == 8 else f"[{i}] {words}", "source": "aabc"[i % 4],
                     "quality": quality, "domain": domain})  # fmt: skip
    fields = {"id": pa.string(), "text": pa.string(), "source": pa.string(), "quality": pa.int64()}
    return pa.Table.from_pylist(rows, schema=pa.schema({**fields, "domain": pa.string()}))


DOCS = corpus()


def joined(tables) -> pa.Table:
    return pa.concat_tables(tables)


def stage(name: str = "s", tokens: int = 100, **options) -> TrainingStage:
    return TrainingStage(name=name, tokens=tokens, **options)


def filled(stages: list[TrainingStage]) -> list[TrainingStage]:
    """The stages of a mixture that sets nothing itself."""
    return resolved(Mixture(tokens=1, tokenizer="x"), None, stages)


def table_of(documents: list[Document]) -> pa.Table:
    columns = {"source": "cell", "order": "order", "row": "row", "split": "split", "n": "n", "mask": "mask"}
    made = {name: [getattr(d, attribute) for d in documents] for name, attribute in columns.items()}
    return pa.table(made, schema=schemas.COUNTED)


def planned(counted: pa.Table, stages, validation: float, shards: int = 1) -> pa.Table:
    """`allocated` of documents in some shards."""
    edges = [round(i * counted.num_rows / shards) for i in range(shards + 1)]
    parts = [counted.slice(a, b - a) for a, b in pairwise(edges)]
    rings = schedule.Rings.of(joined([schedule.summed(part) for part in parts]))
    rows = schedule.schedule(rings, stages, validation, schedule.fetcher(parts, rings.names))
    return schemas.table_of(rows, schemas.ALLOCATED)


def copies(counted: pa.Table, allocated: pa.Table) -> list[list[tuple[int, int]]]:
    """Per document and training stage: whole copies, and tokens of one more."""
    columns = {name: pack.numbers(counted[name]) for name in ("order", "row", "n", "mask", "split")}
    names = sorted(set(allocated["source"].to_pylist()))
    source = np.array([names.index(s) for s in counted["source"].to_pylist()])
    columns["group"] = source * 2 + columns["split"]
    by_stage = [
        zip(w.tolist(), t.tolist(), strict=True) for _, w, t in draw.each_stage(columns, schedule.grouped(allocated))
    ]
    return [list(one) for one in zip(*by_stage, strict=True)]


@st.composite
def documents(draw_):
    """Documents of up to three cells, some with equal hashes, some without tokens."""
    count = draw_(st.integers(1, 40))
    few = st.builds(lambda number, low: number << 56 | low, st.integers(0, 2), st.integers(0, 9))
    orders = draw_(st.sampled_from([st.integers(0, 7), few, few, st.integers(0, 2**64 - 1)]))
    made = []
    for row in range(count):
        order = draw_(orders)
        n, mask = draw_(st.integers(0, 30)), draw_(st.sampled_from([7, 7, 7, 5, 6, 2, 0]))
        made.append(Document(draw_(st.sampled_from("abc")), draw_(st.integers(0, 3)) // 3, order, row, n, mask, mask))
    return made


stage_options = st.fixed_dictionaries(
    {
        "tokens": st.one_of(st.integers(1, 60), st.integers(1, 1500)),
        "seen": st.sampled_from(["count", "count", "exclude"]),
        "max_epochs": st.sampled_from([0.5, 1, 2.5, 50]),
        "on_shortfall": st.sampled_from(["error", "rescale", "rescale"]),
        "strategy": st.sampled_from(["tokens", "unimax"]),
        "short_share": st.sampled_from([1, 1, 0, 0.5]),
        "long_tokens": st.sampled_from([10, 20]),
    }
)


@settings(max_examples=400, deadline=None)
@given(documents(), st.lists(stage_options, min_size=1, max_size=3), st.sampled_from([0.0, 0.2]), st.integers(1, 4))
def test_plans_from_sums_are_those_of_single_documents(found, options, validation, shards):
    stages = filled([stage(f"s{i}", **o) for i, o in enumerate(options)])
    order, n = np.array([d.order for d in found], np.uint64), np.array([d.n for d in found])
    rules = [(one.long_tokens, one.short_share) for one in stages]
    masks = cells.masks(np.array([d.allowed for d in found]), order, n, rules)
    for d, mask in zip(found, masks.tolist(), strict=True):
        d.mask = mask
    counted = table_of(found)
    try:
        simulate(found, stages, validation)
    except RecipeError as error:
        with pytest.raises(RecipeError) as ours:
            planned(counted, stages, validation, shards)
        said, nothing = str(error).splitlines()[0].split(":", 1)[1], " no tokens to train on"
        assert (nothing if said.startswith(nothing) else said) in str(ours.value)
        return
    allocated = planned(counted, stages, validation, shards)
    for d, mine in zip(found, copies(counted, allocated), strict=True):
        for s, (whole, last) in enumerate(mine):
            assert sorted([d.n] * whole + [last] * (last > 0)) == sorted(d.drawn[s]), (d, s)
    drawn = {(s, d.cell, d.split): 0 for s in range(len(stages)) for d in found}
    for d in found:
        for s, tokens in enumerate(d.drawn):
            drawn[s, d.cell, d.split] += sum(tokens)
    for r in allocated.to_pylist():
        assert r["planned_tokens"] == drawn.get((r["stage"], r["source"], r["split"]), 0)
        if r["split"] == 0:
            cap = stages[r["stage"]].max_epochs * r["available_tokens"]
            assert r["planned_tokens"] == 0 or r["planned_tokens"] + r["earlier_tokens"] <= cap
    for s, one in enumerate(stages):
        assert sum(n for (at, _, split), n in drawn.items() if (at, split) == (s, 0)) == one.tokens
        if one.seen == "exclude":
            train = [d for d in found if d.split == 0]
            assert all(len(d.drawn[s]) <= 1 and not any(d.drawn[:s]) for d in train if d.drawn[s])


@settings(max_examples=100, deadline=None)
@given(
    documents(), st.integers(1, 300), st.integers(1, 300), st.integers(0, 200), st.sampled_from(["count", "exclude"])
)
def test_a_larger_budget_of_a_stage_draws_all_that_a_smaller_one_does(found, first, second, more, seen):
    counted, made = table_of(found), []
    for tokens in (second, second + more):
        stages = [stage("a", first), stage("b", tokens, seen=seen)]
        try:
            made.append(copies(counted, planned(counted, filled(stages), 0.0)))
        except RecipeError:
            return
    for less, larger in zip(*made, strict=True):
        assert less[0] == larger[0], "the stage before it"
        assert less[1][0] < larger[1][0] or (less[1][0] == larger[1][0] and less[1][1] <= larger[1][1])


@settings(max_examples=60, deadline=None)
@given(documents(), st.randoms(use_true_random=False), st.integers(1, 400))
def test_neither_the_order_of_documents_nor_their_shards_matter(found, rng, tokens):
    stages = filled([stage("a", tokens), stage("b", tokens, seen="exclude")])
    shuffled = rng.sample(found, len(found))
    try:
        made = planned(table_of(found), stages, 0.1)
    except RecipeError:
        return
    assert made.equals(planned(table_of(shuffled), stages, 0.1, shards=3))


def receipts(mixture: Mixture, docs: pa.Table = DOCS, **how) -> tuple[dict, list[dict]]:
    made = driver.run(mixture, docs, **how)
    return made, joined(made["receipt"]).to_pylist()


def two(tokenizer: str, first: dict | None = None, second: dict | None = None, **options) -> Mixture:
    """A mixture of two training stages."""
    stages = [{"name": "core", "tokens": 6000, **(first or {})}, {"name": "anneal", "tokens": 2000, **(second or {})}]
    return Mixture(tokenizer=tokenizer, stages=stages, sequence_length=64, **options)


@pytest.mark.parametrize("packing", ["concatenate", "best_fit", "document"])
def test_stages_have_their_budgets_lengths_and_files(tokenizer, packing):
    mixture = two(tokenizer, second={"sequence_length": 128, "packing": packing, "where": "quality >= 4"})
    made, receipt = receipts(mixture, shards=3)
    for number, (tokens, width) in enumerate([(6000, 64), (2000, 128)]):
        mine = [t for t in made["packed"] if t.num_rows and t["stage"][0].as_py() == number]
        assert {t.schema.field("input_ids").type.list_size for t in mine} == {width}
        assert [t["part"][0].as_py() for t in mine] == sorted({t["part"][0].as_py() for t in mine})
        train = [r for r in receipt if (r["stage_index"], r["split"]) == (number, 0)]
        assert sum(r["planned_tokens"] for r in train) == tokens
        table = joined(mine)
        length = np.asarray(table["length"])[np.asarray(table["split"]) == 0]
        assert length.sum() == tokens
        assert sum(r["padded_tokens"] for r in train) == (width - length).sum()
    for r in receipt:
        assert r["planned_tokens"] == r["drawn_tokens"] == r["written_tokens"]
        assert r["special_tokens"] == r["drawn_documents"], "every document that is drawn ends"
    names = [r["stage"] for r in receipt]
    assert names == ["core"] * 6 + ["anneal"] * 6


def test_a_condition_leaves_only_what_fulfils_it(tokenizer):
    mixture = two(tokenizer, second={"where": "quality >= 4"})
    made, receipt = receipts(mixture)
    drawn = joined(made["drawn"])
    orders = set(drawn.filter(pa.compute.equal(drawn["stage"], 1))["order"].to_pylist())
    order = joined(made["counted"])["order"].to_pylist()
    found = [q for q, o in zip(DOCS["quality"].to_pylist(), order, strict=True) if o in orders]
    assert set(found) == {4, 5}
    good = [q is not None and q >= 4 for q in DOCS["quality"].to_pylist()]
    assert sum(r["documents"] for r in receipt if r["stage_index"] == 1) == sum(good) < len(good) // 2


def test_seen_documents_are_left_out_or_go_on(tokenizer):
    for seen in ("exclude", "count"):
        only = {"validation": 0.0, "weights": {"a": 0, "b": 1, "c": 0}}
        made, _ = receipts(two(tokenizer, {"tokens": 1500}, {"tokens": 1500, "seen": seen}, **only))
        drawn = joined(made["drawn"])
        stages, orders = np.asarray(drawn["stage"]), np.asarray(drawn["order"])
        first, second = set(orders[stages == 0].tolist()), orders[stages == 1].tolist()
        assert len(set(second)) == len(second)
        assert not first & set(second), "the ring has not been gone around"
    with pytest.raises(
        RecipeError, match=r"training stage 'anneal': 9,000 tokens cannot be drawn with documents that "
    ):
        receipts(two(tokenizer, {"tokens": 9000}, {"tokens": 9000, "seen": "exclude"}))
    made, receipt = receipts(two(tokenizer, {"tokens": 9000}, {"tokens": 9000}))
    late = [r for r in receipt if (r["stage_index"], r["split"]) == (1, 0)]
    assert all(1 < r["epochs_so_far"] < 2.5 and r["earlier_tokens"] > 0 for r in late)


def test_epochs_of_all_stages_are_capped_together(tokenizer):
    both = {"tokens": 9000, "max_epochs": 1.1}
    with pytest.raises(RecipeError) as caught:
        receipts(two(tokenizer, both, both))
    message = str(caught.value)
    assert message.startswith("mixture: training stage 'anneal': 9,000 tokens cannot be drawn with at most 1.1 epochs")
    assert "drawn by earlier stages), can give" in message and "raise max_epochs to" in message
    needed = float(message.split("raise max_epochs to ")[1].split(";")[0])
    receipts(two(tokenizer, both, {"tokens": 9000, "max_epochs": needed}))


def test_short_documents_are_drawn_less_and_shares_stay(tokenizer):
    plain, more = (
        receipts(two(tokenizer, second={"long_tokens": 80, "short_share": share}, validation=0.0))
        for share in (1.0, 0.1)
    )
    long, shares = [], []
    for made, receipt in (plain, more):
        n = dict(zip(*(joined(made["counted"])[c].to_pylist() for c in ("order", "n")), strict=True))
        late = joined(made["drawn"]).filter(pa.compute.field("stage") == 1)
        long.append(np.mean([n[order] >= 80 for order in late["order"].to_pylist()]))
        shares.append(next(r["planned_tokens"] for r in receipt if r["stage_index"] == 1 and r["source"] == "a"))
    assert long[1] > 2 * long[0] > 0, long
    assert abs(shares[0] - shares[1]) < 0.15 * shares[0], shares


def test_the_same_short_documents_are_kept_and_more_of_a_larger_share():
    order = draw.hashes([str(i) for i in range(4000)], "x")
    n = np.full(4000, 10)
    masks = cells.long_enough(order, n, [(11, 0.1), (11, 0.3), (10, 0.0), (11, 0.0), (11, 1.0)])
    kept = [(masks >> s & 1).astype(bool) for s in range(5)]
    assert 330 < kept[0].sum() < 470 and 1100 < kept[1].sum() < 1300
    assert not (kept[0] & ~kept[1]).any()
    assert kept[2].all() and not kept[3].any() and kept[4].all()


def test_cells_are_made_of_columns(tokenizer):
    mixture = Mixture(tokens=4000, tokenizer=tokenizer, by=["quality", "domain"], sequence_length=64, validation=0.0,
                      weights={"4/*": 1, "5/*": 3, "[123]/*": 1, "null/*": 0})  # fmt: skip
    _, receipt = receipts(mixture)
    assert {r["source"] for r in receipt} == {f"{q}/{d}" for q in (1, 2, 3, 4, 5, "null") for d in ("maths", "web")}
    tokens = {}
    for r in receipt:
        level = r["source"].split("/")[0]
        tokens[level] = tokens.get(level, 0) + r["planned_tokens"]
    assert (tokens["4"], tokens["5"], tokens["null"]) == (800, 2400, 0)
    assert sum(tokens[q] for q in "123") == 800
    with pytest.raises(RecipeError, match="no weight for null/maths, null/web"):
        receipts(mixture.model_copy(update={"weights": {"[12345]/*": 1}}))
    with pytest.raises(RecipeError, match="weight for unknown cell '6/web'"):
        receipts(mixture.model_copy(update={"weights": {"6/web": 1}}))


def test_names_of_cells():
    def names(by, **columns):
        return cells.names(pa.table(columns), by).to_pylist()

    assert names(["q"], q=[1.0, 2.5, None, float("nan")]) == ["1", "2.5", "null", "null"]
    assert names(["b", "s"], b=[True, False, True], s=["x", "", None]) == ["true/x", "false/", "true/null"]
    assert names(["s"], s=pa.array(["x", None, "y"]).dictionary_encode()) == ["x", "null", "y"]
    assert names(["m.q"], m=[{"q": 3}, {"q": 4}]) == ["3", "4"]
    assert names(["a", "b"], a=pa.array([], pa.string()), b=pa.array([], pa.int64())) == []
    assert names(["a", "b"], a=["x"], b=["y/z"]) == ["x/y/z"]
    assert names(["meta.q"], a=["x"]) == ["null"]
    meta = ['{"q": 3, "d": "x"}', '{"q": null}', None, "[1]", "{"]
    assert names(["meta.q", "meta.d"], meta=meta) == ["3/x", *["null/null"] * 4]
    assert cells.allowed(pa.table({"meta": meta}), ["meta.q >= 2", None]).tolist() == [3 | 1 << 62, 2, 2, 2, 2]
    for by, columns, message in [
        (["a", "b"], {"a": ["x/y"], "b": ["z"]}, "the column 'a' holds 'x/y'"),
        (["a"], {"a": [[1]]}, "holds list<.*>. Cells are made of texts"),
        (["meta.q"], {"meta": ['{"q": 3}', '{"q": "x"}']}, "'meta.q' holds values of several kinds"),
        (["c"], {"a": [1]}, "the column 'c', which the documents do not have"),
    ]:
        with pytest.raises(InputError, match=message):
            names(by, **columns)


def test_values_of_one_batch_are_named_as_those_of_another():
    rng = random.Random(0)
    docs = pa.table({"q": [rng.choice([1, 2, None]) for _ in range(90)], "d": [rng.choice("xyz") for _ in range(90)]})
    whole = cells.names(docs, ["q", "d"]).to_pylist()
    parts = [cells.names(docs.slice(at, 7), ["q", "d"]).to_pylist() for at in range(0, 90, 7)]
    assert whole == [*chain(*parts)]
    expected = [f"{'null' if q is None else q}/{d}" for q, d in zip(*(docs[c].to_pylist() for c in "qd"), strict=True)]
    assert whole == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give 'tokens', the budget of the mixture, or 'stages'"),
        ({"tokens": 0}, "greater than or equal to 1"),
        ({"tokens": 9, "weights": {"a": -1}}, "greater than or equal to 0"),
        ({"tokens": 9, "weights": {}}, "weights are empty. Give a source a weight, or leave"),
        ({"stages": [{"name": "a", "tokens": 5, "weights": {}}]}, "stage 'a': weights are empty"),
        ({"tokens": 9, "by": []}, "names no column"),
        ({"tokens": 9, "by": ["a", "a"]}, "names a, a. Name columns, each once"),
        ({"tokens": 9, "where": "a >> 4"}, "cannot read the condition"),
        ({"stages": [{"name": "a", "tokens": -5}]}, "greater than or equal to 1"),
        ({"stages": [{"name": " ", "tokens": 5}]}, "a training stage needs a name"),
        ({"stages": [{"name": "a", "tokens": 5}] * 2}, "two training stages are called 'a'"),
        ({"tokens": 9, "stages": [{"name": "a", "tokens": 5}]}, "tokens is 9, and the training stages sum to 5"),
        ({"stages": [{"name": "a", "tokens": 5, "weight": {}}]}, "Extra inputs"),
        ({"stages": [{"name": "a", "tokens": 5, "long_documents": "crop"}]}, "stage 'a': packing concatenate crops"),
        ({"stages": [{"name": str(i), "tokens": 5} for i in range(63)]}, "63 training stages are more than 62"),
    ],
)  # fmt: skip
def test_stages_that_cannot_be(tokenizer, options, message):
    with pytest.raises(ValidationError, match=message):
        Mixture(tokenizer=tokenizer, **options)


def test_what_a_stage_sets_wins_also_where_it_is_the_default(tokenizer):
    mixture = two(tokenizer, first={"packing": "concatenate", "weights": None}, packing="best_fit", weights={"a": 1})
    first, second = mixture.training_stages
    assert (first.packing, first.weights) == ("concatenate", None)
    assert (second.packing, second.weights, second.sequence_length) == ("best_fit", {"a": 1}, 64)
    fields = mixture.changed_fields()
    assert fields["stages"][0] == {"packing": "concatenate", "weights": None, "name": "core", "tokens": 6000}
    assert Mixture(**mixture.options()) == mixture
    recipe = f"name: x\nsources: {{a: sample/books.jsonl.gz}}\nmixture:\n  tokenizer: {tokenizer}\n  stages:\n"
    recipe += "    - {name: one, tokens: 5, packing: concatenate}\n    - {name: two, tokens: 7}\n  packing: best_fit\n"
    read = loads(recipe)
    assert loads(read.as_yaml()) == read
    assert [s.packing for s in read.mixture.training_stages] == ["concatenate", "best_fit"]


def test_phases_see_of_stages_only_what_they_use(tokenizer):
    plain, other = two(tokenizer), two(tokenizer, second={"weights": {"a": 1, "b": 1, "c": 1}})
    filtered = two(tokenizer, second={"where": "quality>=4"})
    uses = ("by", "where", "stages")
    assert plain.changed_fields(uses) == other.changed_fields(uses) != filtered.changed_fields(uses)
    assert filtered.reads() == {"id": True, "text": True, "source": True, "quality": True}
    filtered.check_columns({"quality": pa.int64()})
    with pytest.raises(RecipeError, match="the condition 'quality >= 4': the column 'quality' holds string"):
        filtered.check_columns({"quality": pa.string()})


def test_a_stage_whose_condition_leaves_nothing(tokenizer):
    with pytest.raises(RecipeError, match=r"stage 'anneal': no tokens to train on.*'quality >= 9', leaves no document"):
        receipts(two(tokenizer, second={"where": "quality >= 9"}))


@pytest.mark.parametrize("where", [None, "quality >= 1"])
def test_a_stage_behind_stages_that_have_drawn_all(tokenizer, where):
    late = {"tokens": 5, "seen": "exclude", "where": where}
    with pytest.raises(RecipeError) as caught:
        receipts(two(tokenizer, {"tokens": 20000}, late))
    said = "stage 'anneal': no tokens to train on: earlier training stages have drawn all documents that it may draw"
    assert said in str(caught.value) and "Say 'seen: count'" in str(caught.value)
    assert "condition" not in str(caught.value) and "validation" not in str(caught.value)
    receipts(two(tokenizer, {"tokens": 20000}, late | {"seen": "count"}))


def test_a_stage_of_long_documents_alone_without_any(tokenizer):
    with pytest.raises(RecipeError, match=r"No document of 9,999 tokens or more is left: lower long_tokens"):
        receipts(two(tokenizer, second={"long_tokens": 9999, "short_share": 0}))


@pytest.mark.parametrize("way", ["by", "where"])
@pytest.mark.parametrize("number", [2**64, -(2**63) - 1])
def test_numbers_beyond_64_bits_are_told(way, number):
    docs = pa.table({"id": ["a", "b"], "meta": [json.dumps({"k": number}), json.dumps({"k": 1})]})
    with pytest.raises(InputError, match=r"'meta.k' holds whole numbers beyond 64 bits"):
        cells.names(docs, ["meta.k"]) if way == "by" else cells.allowed(docs, ["meta.k > 1"])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"by": ["source", "meta.lagn"]}, "meta.lagn"),
        ({"by": ["meta.lagn"]}, "meta.lagn"),
        ({"where": "source == 'a' or meta.scoer >= 1"}, "meta.scoer"),
        ({"where": "meta.scoer is null"}, "meta.scoer"),
        ({"by": ["source", "meta.lang"], "where": "meta.score >= 1 or meta.score is null"}, None),
    ],
)
def test_a_key_that_no_document_has_is_told(tokenizer, options, told):
    lang = [json.dumps({"lang": "en", "score": 1} if s == "a" else {}) for s in DOCS["source"].to_pylist()]
    docs, mixture = DOCS.append_column("meta", pa.array(lang)), Mixture(tokenizer=tokenizer, tokens=2000, **options)
    if told is None:
        receipts(mixture, docs, shards=5)
        return
    with pytest.raises(InputError, match=f"no document has a value under '{told}'"):
        receipts(mixture, docs, shards=5)


def test_a_stage_needs_no_weight_for_cells_that_it_filters_out(tokenizer):
    mixture = two(
        tokenizer, second={"where": "quality >= 4", "weights": {"4/*": 1, "5/*": 1}}, by=["quality", "domain"]
    )
    _, receipt = receipts(mixture)
    late = {r["source"]: r["planned_tokens"] for r in receipt if (r["stage_index"], r["split"]) == (1, 0)}
    assert late["4/web"] + late["4/maths"] == 1000 and late["1/web"] == 0


def test_all_that_is_left_is_drawn_and_nothing_else():
    found = [Document("a", 0, i % 4 << 56 | i, i, 10, 7 if i % 2 else 6) for i in range(40)]
    stages = filled([stage("odd", 195), stage("rest", 195, seen="exclude"), stage("again", 15)])
    drawn = copies(table_of(found), planned(table_of(found), stages, 0.0))
    first, second, _ = ([whole + (last > 0) for whole, last in one] for one in zip(*drawn, strict=True))
    assert sum(first) == sum(second) == 20 and [a + b for a, b in zip(first, second, strict=True)] == [1] * 40


def test_a_plan_that_is_not_what_was_drawn_is_a_ledger_error(tokenizer):
    mixture = two(tokenizer)
    made, _ = receipts(mixture)
    allocated = joined(made["allocated"])
    more = pa.array(pack.numbers(allocated["planned_tokens"]) + 1)
    at = allocated.schema.get_field_index("planned_tokens")
    with pytest.raises(LedgerError, match="core, a: planned"):
        mixture.receipt(
            allocated.set_column(at, "planned_tokens", more), joined(made["taken"]), joined(made["written"])
        )


@pytest.mark.parametrize("phase", ["taken", "written"])
def test_tokens_lost_on_the_way_are_a_ledger_error(tokenizer, phase):
    mixture = two(tokenizer)
    made, _ = receipts(mixture)
    given = {name: joined(made[name]) for name in ("taken", "written")}
    given[phase] = given[phase].slice(0, given[phase].num_rows - 1)
    with pytest.raises(LedgerError, match=r"do not balance \(.*anneal, .*drew"):
        mixture.receipt(joined(made["allocated"]), given["taken"], given["written"])


@pytest.mark.parametrize("packing", ["concatenate", "best_fit"])
def test_the_same_rows_whatever_the_shards_and_batches(tokenizer, packing):
    mixture = two(
        tokenizer, second={"sequence_length": 100, "seen": "exclude", "where": "quality >= 2"}, packing=packing
    )
    one, seven = driver.run(mixture, DOCS, 1, 1000), driver.run(mixture, DOCS, 7, 11)
    for phase in ("packed", "written", "receipt"):
        assert all(a.equals(b) for a, b in zip(one[phase], seven[phase], strict=True)), phase


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"tokens": 2 * 10**19}, "less than or equal to 1000000000000000"),
        ({"stages": [{"name": "one", "tokens": 2 * 10**19}]}, "less than or equal to 1000000000000000"),
        ({"long_tokens": 10**30}, "less than or equal to 1000000000000000"),
        ({"sequence_length": 3 * 10**9}, "less than or equal to 16777216"),
        ({"weights": {"a": float("inf")}}, "a finite number"),
        ({"max_epochs": float("inf")}, "1000000 is as good as no cap"),
        ({"max_epochs": float("nan")}, "greater than or equal to 0"),
        ({"limits": {"a": {"max_epochs": float("inf")}}}, "1000000 is as good as no cap"),
    ],
)
def test_numbers_that_cannot_be_are_told_when_the_recipe_is_read(options, told):
    with pytest.raises(ValidationError, match=told):
        Mixture(**{"tokenizer": "x", "tokens": 1} | options)


def test_the_same_bytes_for_any_number_of_workers(tokenizer, tmp_path):
    for part in range(3):
        pq.write_table(DOCS.drop_columns(["source"]).slice(100 * part, 100), tmp_path / f"{part}.parquet")
    found = []
    for workers in (0, 2):
        recipe = Recipe(
            name="x",
            sources={"docs": Parquet(path=f"{tmp_path}/*.parquet")},
            mixture=two(tokenizer, second={"where": "quality >= 3", "seen": "exclude"}, by=["domain"]),
        )
        executor = Local(workers, tmp_path / "logs") if workers else Inline(tmp_path / "logs")
        folder = tmp_path / f"run-{workers}"
        run = execute(plan(recipe, tmp_path / f"store-{workers}"), executor, folder)
        found.append({shard.name: shard.path.read_bytes() for shard in run.dataset("mixture").shards})
    assert found[0] == found[1] and len(found[0]) == 10


def uneven() -> pa.Table:
    """A source of long documents, and one of short ones."""
    rows = [{"id": f"long-{i}", "text": "the king " * 200, "source": "long"} for i in range(30)]
    rows += [{"id": f"short-{i}", "text": "the king " * 10, "source": "short"} for i in range(300)]
    return pa.Table.from_pylist(rows)


@pytest.mark.parametrize("weights", [None, {"*": 1}])
@pytest.mark.parametrize("seen", ["count", "exclude"])
def test_short_documents_left_out_change_no_source_s_share(tokenizer, weights, seen):
    def late(**options):
        stages = [{"name": "core", "tokens": 100}, {"name": "late", "tokens": 4000, "seen": seen, **options}]
        mixture = Mixture(tokenizer=tokenizer, stages=stages, weights=weights)
        _, receipt = receipts(mixture, uneven())
        return [r for r in receipt if (r["stage_index"], r["split"]) == (1, 0)]

    whole, less = late(), late(long_tokens=100, short_share=0.3)
    assert [r["planned_tokens"] for r in whole] == [r["planned_tokens"] for r in less]
    assert less[0]["available_tokens"] == whole[0]["available_tokens"]
    assert 0 < less[1]["available_tokens"] < whole[1]["available_tokens"] / 2
    assert sum(r["planned_tokens"] for r in less) == 4000 > less[1]["planned_tokens"] > 1000


def test_a_preview_weighs_short_documents_too(tokenizer, tmp_path):
    docs, counted = uneven(), tmp_path / "counted"
    for name in ("long", "short"):
        pq.write_table(
            docs.filter(pa.compute.equal(docs["source"], name)).drop_columns(["source"]), tmp_path / f"{name}.parquet"
        )
    run_stage(
        CountTokens(tokenizer=tokenizer),
        [str(tmp_path / f"{n}.parquet") for n in ("long", "short")],
        counted,
        workers=1,
    )
    shares = []
    for own in ({}, {"long_tokens": 100, "short_share": 0.3}):
        mixture = Mixture(tokenizer=tokenizer, tokens=4000, validation=0.0, **own)
        found = preview(plan(one_stage(mixture, [counted]), tmp_path / "store"))
        shares.append([(r["cell"], r["planned_tokens"]) for r in found.rows])
    assert len(shares[0]) == 2
    assert shares[0] == shares[1]


def test_stages_that_leave_short_documents_out_count_twice(tokenizer):
    stages = [{"name": str(i), "tokens": 5, "short_share": 0.5} for i in range(32)]
    with pytest.raises(ValidationError, match=r"32 training stages, of which .* are 64, and 62 is the most"):
        Mixture(tokenizer=tokenizer, stages=stages)
    assert len(Mixture(tokenizer=tokenizer, stages=stages[1:]).training_stages) == 31
