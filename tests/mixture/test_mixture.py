from __future__ import annotations

import random

import numpy as np
import phase_driver as driver
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from datacurate.core.errors import LedgerError, RecipeError
from datacurate.mixture import pack
from datacurate.mixture.mixture import Mixture

WORDS = ["the", "king", "went", "out", "to", "meet", "morning", "naïve", "中文", "42", "<|endoftext|>", "<|user|>"]
END = 0
"""The end-of-text id of the test tokenizer."""


def corpus(count: int = 240, seed: int = 0) -> pa.Table:
    """Documents of sources a (half), b and c; each begins with its own number, and some are empty."""
    rng = random.Random(seed)
    rows = []
    for i in range(count):
        words = " ".join(rng.choice(WORDS) for _ in range(rng.randrange(1, 40)))
        text = None if i % 40 == 7 else "" if i % 40 == 8 else f"[{i}] {words}"
        rows.append({"id": f"doc-{i}", "text": text, "source": "aabc"[i % 4]})
    return pa.Table.from_pylist(rows, schema=pa.schema({n: pa.string() for n in ("id", "text", "source")}))


DOCS = corpus()


def joined(tables) -> pa.Table:
    """The tables as one, with tokens as lists."""
    made = pa.concat_tables(tables)
    if made.schema.names[-1] != "tokens" or made.schema.field("tokens").type != pack.TOKENS:
        return made
    n = pack.numbers(made["n"])
    ends = pa.array(np.cumsum([0, *n]), pa.int32())
    lists = pa.ListArray.from_arrays(ends, pa.array(pack.of_bytes(made["tokens"], n)))
    return made.set_column(made.schema.get_field_index("tokens"), "tokens", lists)


def stretches(packed: pa.Table, split: int) -> list[list[int]]:
    """The documents of a split as token lists; what was moved to the last part is a piece of its own."""
    table = packed.filter(pa.array(np.asarray(packed["split"]) == split))
    flat = pack.unpack(table).flat
    ends = np.flatnonzero(flat == END) + 1
    return [piece.tolist() for piece in np.split(flat, ends) if len(piece)]


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_the_budget_is_hit_to_the_token(tokenizer, data):
    weights = data.draw(st.none() | st.fixed_dictionaries({s: st.floats(0.05, 1) for s in "abc"}))
    stage = Mixture(
        tokens=data.draw(st.integers(1, 20_000)),
        weights=weights,
        max_epochs=data.draw(st.sampled_from([0.5, 1, 2.7, 100])),
        on_shortfall=data.draw(st.sampled_from(["error", "rescale"])),
        tokenizer=tokenizer,
        sequence_length=data.draw(st.sampled_from([16, 61, 256])),
        validation=data.draw(st.sampled_from([0.0, 0.1, 0.5])),
        seed=data.draw(st.integers(0, 2**70)),
    )
    try:
        made = driver.run(stage, DOCS, shards=data.draw(st.integers(1, 5)))
    except RecipeError as error:
        assert "cannot be drawn" in str(error)
        return
    packed, receipt = joined(made["packed"]), joined(made["receipt"]).to_pylist()
    length, split = np.asarray(packed["length"]), np.asarray(packed["split"])
    assert length[split == 0].sum() == stage.tokens
    assert sum(r["written_tokens"] for r in receipt if r["split"] == 0) == stage.tokens
    assert all(r["epochs"] <= stage.max_epochs for r in receipt if r["split"] == 0)
    for s in (0, 1):
        assert (length[split == s] < stage.sequence_length).sum() <= 1
    if weights:
        for r in receipt[::2]:
            share = weights[r["source"]] / sum(weights.values())
            assert stage.on_shortfall == "rescale" or abs(r["planned_tokens"] - stage.tokens * share) <= 1


def rows_of(packed: pa.Table) -> list[dict]:
    """Rows, each with its pieces as (document, where it begins, tokens)."""
    rows = packed.to_pylist()
    for row in rows:
        ends = [*row["starts"][1:], row["length"]]
        spans = [row["input_ids"][a:b] for a, b in zip(row["starts"], ends, strict=True)]
        row["pieces"] = list(zip(row["documents"], row["begins"], spans, strict=True))
    return rows


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_every_piece_says_where_it_comes_from(tokenizer, data):
    packing = data.draw(st.sampled_from(["concatenate", "best_fit", "document"]))
    crop = packing == "document" and data.draw(st.booleans())
    stage = Mixture(
        tokens=data.draw(st.sampled_from([3000, 9000, 30_000])),
        max_epochs=9,
        tokenizer=tokenizer,
        sequence_length=data.draw(st.sampled_from([8, 64, 200])),
        packing=packing,
        long_documents="crop" if crop else "split",
    )
    made = driver.run(stage, DOCS, shards=2)
    drawn = joined(made["drawn"]).to_pylist()
    left = {}
    for r in drawn:
        left.setdefault((r["split"], r["order"], r["source"]), []).append(r["tokens"])
    laid, cropped = {}, 0
    for row in rows_of(joined(made["packed"])):
        cropped += row["cropped"]
        assert not any(row["input_ids"][row["length"] :]) and row["length"] <= stage.sequence_length
        assert packing != "document" or len(row["pieces"]) == 1
        for (document, begin, tokens), source in zip(row["pieces"], row["sources"], strict=True):
            laid.setdefault((row["split"], document, source), []).append((begin, tokens))
    assert laid.keys() == left.keys()
    for key, pieces in laid.items():
        there = sum(len(tokens) for _, tokens in pieces)
        lost = sum(max(0, len(tokens) - stage.sequence_length) for tokens in left[key]) if crop else 0
        assert there + lost == sum(map(len, left[key]))
        cropped -= lost
        for begin, tokens in pieces:  # the last copy may be cut short, and closed, by the budget
            assert any(whole[begin : begin + len(tokens)] == tokens for whole in left[key])
    assert cropped == 0
    receipt = joined(made["receipt"]).to_pylist()
    places = sum(r["written_tokens"] + r["padded_tokens"] for r in receipt)
    assert places == joined(made["packed"]).num_rows * stage.sequence_length
    assert all(r["planned_tokens"] == r["written_tokens"] + r["cropped_tokens"] for r in receipt)
    assert crop or not any(r["cropped_tokens"] for r in receipt)


def test_best_fit_pads_little_and_cuts_no_document_that_fits(tokenizer):
    options = {"tokens": 20_000, "max_epochs": 9, "tokenizer": tokenizer, "sequence_length": 512}
    made = {p: driver.run(Mixture(packing=p, **options), DOCS) for p in ("concatenate", "best_fit")}
    cut = {}
    for packing, phases in made.items():
        rows = rows_of(joined(phases["packed"]))
        cut[packing] = sum(tokens[-1] != END for row in rows for _, _, tokens in row["pieces"])
    assert cut["best_fit"] == 0 < cut["concatenate"], "every document is shorter than a row"
    train = [r for r in joined(made["best_fit"]["packed"]).to_pylist() if r["split"] == 0]
    assert len(train) == -(-20_000 // 512), "no row more than there must be"
    assert len({row["part"] for row in train}) == 5, "buckets, and the last part with what was left of them"


def test_strategies_and_limits_reach_the_plan(tokenizer):
    def planned(**options):
        made = driver.run(Mixture(tokens=3000, tokenizer=tokenizer, validation=0, **options), DOCS)
        return {r["source"]: r["planned_tokens"] for r in joined(made["receipt"]).to_pylist() if r["split"] == 0}

    even = planned(strategy="unimax")
    assert set(even.values()) == {1000}
    have = planned()
    assert have["a"] > 1.8 * have["b"]
    flat = planned(temperature=2.0)
    assert have["a"] > flat["a"] > even["a"]
    assert planned(limits={"a": {"max_share": 0.25}})["a"] == 750
    grouped = planned(weights={"[ab]": 3, "c": 1})
    assert grouped["c"] == 750 and grouped["a"] > 1.8 * grouped["b"]
    with pytest.raises(RecipeError, match="limit for unknown source 'd'"):
        planned(limits={"d": {"max_share": 0.25}})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategy": "unimax", "temperature": 2}, "temperature has no meaning"),
        ({"long_documents": "crop"}, "packing concatenate crops nothing"),
        ({"temperature": 0}, "greater than or equal to 0.01"),
        ({"temperature": float("inf")}, "finite"),
        ({"limits": {"a": {"at_least": 5, "at_most": 3}}}, "at_least 5 is above at_most 3"),
        ({"limits": {"a": {"max_shares": 0.5}}}, "Extra inputs"),
    ],
)
def test_options_that_cannot_be(tokenizer, options, message):
    with pytest.raises(ValidationError, match=message):
        Mixture(tokens=10, tokenizer=tokenizer, **options)


@pytest.mark.parametrize("packing", ["concatenate", "best_fit", "document"])
def test_the_same_whatever_the_shards_and_batches(tokenizer, packing):
    stage = Mixture(tokens=9000, tokenizer=tokenizer, sequence_length=64, validation=0.2, packing=packing)
    one, seven = driver.run(stage, DOCS, 1, 1000), driver.run(stage, DOCS, 7, 11)
    for phase in ("packed", "written", "receipt"):
        assert joined(one[phase]).equals(joined(seven[phase])), phase


def test_the_same_whatever_the_order_of_documents(tokenizer):
    stage = Mixture(tokens=9000, tokenizer=tokenizer, sequence_length=64)
    backwards = DOCS.take(list(range(DOCS.num_rows))[::-1])
    assert joined(driver.run(stage, DOCS)["packed"]).equals(joined(driver.run(stage, backwards, 3)["packed"]))


def test_another_seed_is_another_order_and_the_same_validation(tokenizer):
    made = [driver.run(Mixture(tokens=9000, tokenizer=tokenizer, validation=0.2, seed=s), DOCS) for s in (0, 1)]
    packed = [joined(m["packed"])["input_ids"] for m in made]
    assert not packed[0].equals(packed[1])
    held = [joined(m["tokenized"]).filter(pa.compute.field("split") == 1)["row"] for m in made]
    assert held[0].equals(held[1]) and len(held[0]) > 20


def test_no_validation_document_is_trained_on(tokenizer):
    stage = Mixture(tokens=14_000, tokenizer=tokenizer, sequence_length=64, validation=0.3)
    made = driver.run(stage, DOCS, 3)
    packed, tokenized = joined(made["packed"]), joined(made["tokenized"]).to_pylist()
    held = {tuple(r["tokens"]) for r in tokenized if r["split"] == 1 and r["n"]}
    free = {tuple(r["tokens"]) for r in tokenized if r["split"] == 0 and r["n"]}
    drawn = joined(made["drawn"]).to_pylist()
    trained = {tuple(r["tokens"]) for r in drawn if r["split"] == 0}
    # A document that the budget cuts short is a beginning of one, closed by the end-of-text token.
    beginnings = {d[:-1] for d in trained - free}
    assert len(beginnings) <= 3 and all(any(f[: len(b)] == b for f in free) for b in beginnings)
    assert len(held) > 30 and not trained & held
    assert sum(map(len, stretches(packed, 0))) == 14_000
    assert not set(map(tuple, stretches(packed, 0))) & held
    # The tails of buckets are moved, so compare the bag of tokens that training reads with what was drawn.
    rows = packed.filter(pa.array(np.asarray(packed["split"]) == 0))
    assert sorted(pack.unpack(rows).flat) == sorted(t for r in drawn if r["split"] == 0 for t in r["tokens"])


def test_the_shuffled_rows_hold_the_drawn_documents_in_order_of_position(tokenizer):
    stage = Mixture(tokens=5000, tokenizer=tokenizer, sequence_length=32, validation=0.0)
    made = driver.run(stage, DOCS, 2)
    for part in range(stage.training_stages[0].buckets):
        drawn = [r for r in joined(made["drawn"]).to_pylist() if r["part"] == part]
        expected = [t for r in sorted(drawn, key=lambda r: r["position"]) for t in r["tokens"]]
        assert (
            pack.unpack(made["packed"][part]).flat.tolist() + pack.unpack(made["tails"][part]).flat.tolist()
        ) == expected


def test_every_document_ends_with_the_end_of_text_and_holds_no_other(tokenizer):
    stage = Mixture(tokens=7777, tokenizer=tokenizer, sequence_length=64)
    for row in joined(driver.run(stage, DOCS)["drawn"]).to_pylist():
        assert row["tokens"].index(END) == len(row["tokens"]) - 1


def test_the_begin_of_text_opens_every_document_and_is_counted(tokenizer):
    stage = Mixture(tokens=7777, tokenizer=tokenizer, sequence_length=64, begin_of_text="<|user|>")
    made = driver.run(stage, DOCS)
    drawn = joined(made["drawn"]).to_pylist()
    assert all(row["tokens"][0] == 1 and row["tokens"].count(1) == 1 for row in drawn if len(row["tokens"]) > 1)
    receipt = joined(made["receipt"]).to_pylist()
    assert sum(r["written_tokens"] for r in receipt if r["split"] == 0) == 7777
    plain = joined(driver.run(Mixture(tokens=7777, tokenizer=tokenizer), DOCS)["counted"])["n"].to_pylist()
    assert joined(made["counted"])["n"].to_pylist() == [n + 1 if n else 0 for n in plain]


def test_epochs_differ_by_at_most_one_within_a_source(tokenizer):
    stage = Mixture(tokens=40_000, tokenizer=tokenizer, validation=0.0, max_epochs=10)
    made = driver.run(stage, DOCS)
    drawn = [tuple(r["tokens"]) for r in joined(made["drawn"]).to_pylist() if r["source"] == 0]
    times = sorted({drawn.count(d) for d in drawn})
    assert times[-1] > 2 and set(times[-2:]) <= {times[-1], times[-1] - 1}


def test_documents_without_tokens_are_counted(tokenizer):
    receipt = joined(driver.run(Mixture(tokens=100, tokenizer=tokenizer), DOCS)["receipt"]).to_pylist()
    assert sum(r["empty"] for r in receipt) == 12
    assert sum(r["documents"] for r in receipt) == DOCS.num_rows
    assert {(r["vocabulary"], r["end_of_text"]) for r in receipt} == {(400, END)}


def test_the_epoch_cap(tokenizer):
    with pytest.raises(RecipeError, match=r"(?s)b: has .*\(too many\).*set tokens to at most .*'rescale'"):
        driver.run(Mixture(tokens=10_000, tokenizer=tokenizer, max_epochs=1.5, weights={"a": 0, "b": 4, "c": 1}), DOCS)


def test_lost_tokens_are_a_ledger_error(tokenizer):
    stage = Mixture(tokens=5000, tokenizer=tokenizer, sequence_length=64)
    made = driver.run(stage, DOCS)
    allocated = joined(made["allocated"])
    with pytest.raises(LedgerError, match="do not balance"):
        stage.receipt(allocated, joined(made["taken"]), joined(made["written"][:-1]))


def test_bad_fields(tokenizer):
    with pytest.raises(ValidationError):
        Mixture(tokens=10, tokenizer=tokenizer, weights={"a": -1})
    with pytest.raises(RecipeError, match="unknown source 'd'"):
        driver.run(Mixture(tokens=10, tokenizer=tokenizer, weights=dict.fromkeys("abcd", 1)), DOCS)


def test_schemas_hold_also_for_empty_input(tokenizer):
    stage = Mixture(tokens=5000, tokenizer=tokenizer, sequence_length=64)
    made = driver.run(stage, DOCS)
    none = {name: tables[0].slice(0, 0) for name, tables in made.items()}
    allocated, last = joined(made["allocated"]), stage.training_stages[0].buckets
    for phase, table in {
        "tokenized": stage.tokenized(DOCS.slice(0, 0), np.zeros(0, np.uint64)),
        "celled": stage.celled(DOCS.slice(0, 0)),
        "counted": stage.counted(none["tokenized"], none["celled"]),
        "summed": stage.summed(none["counted"]),
        "drawn": pa.concat_tables(
            list(stage.drawn([none["tokenized"].select(["tokens"])], none["counted"], allocated))
        ),
        "taken": stage.taken(none["drawn"]),
        "tails": stage.tails(none["drawn"], 0, 1),
        "joined": stage.joined(none["tails"], 0),
        "packed": stage.packed(none["drawn"], none["joined"], 0, last),
        "written": stage.written(none["packed"], 0, 1),
    }.items():
        assert (table.num_rows, table.schema) == (0, made[phase][0].schema), phase
    with pytest.raises(RecipeError, match="no tokens"):
        stage.allocated(none["summed"], [none["counted"]])


def test_the_key_sees_the_tokenizer_file_and_not_its_path(tokenizer):
    stage = Mixture(tokens=5000, tokenizer=tokenizer)
    assert stage.files() == [tokenizer]
    assert stage.changed_fields() == {"tokens": 5000, "tokenizer": "(a file)"}
    assert Mixture(tokens=5000, tokenizer="someone/something").files() == []


def test_buckets_grow_with_the_budget(tokenizer):
    sizes = [Mixture(tokens=10**n, tokenizer=tokenizer).training_stages[0].buckets for n in (1, 8, 9, 13)]
    assert sizes == [4, 8, 64, 4096]


def test_documents_of_two_sources_with_one_id_do_not_depend_on_the_order_of_the_sources(tokenizer):
    """They have one place in the shuffle, and take turns by source."""
    rows = [{"id": f"doc-{i}", "text": f"[{s} {i}] the king", "source": s} for s in "ab" for i in range(60)]
    stage = Mixture(tokens=900, tokenizer=tokenizer, sequence_length=32, validation=0)
    one, other = (driver.run(stage, pa.Table.from_pylist(order)) for order in (rows, rows[60:] + rows[:60]))
    assert pa.concat_tables(one["packed"]).equals(pa.concat_tables(other["packed"]))


def test_the_last_part_takes_rows_in_the_order_of_the_parts(tokenizer):
    stage = Mixture(tokens=9_000, tokenizer=tokenizer, sequence_length=61, validation=0)
    made = driver.run(stage, DOCS)
    tails = pa.concat_tables(made["tails"])
    assert len(set(tails["part"].to_pylist())) > 2
    assert stage.joined(tails.take(list(reversed(range(tails.num_rows)))), 0).equals(made["joined"][0])
