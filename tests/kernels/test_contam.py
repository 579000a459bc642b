"""Decontamination kernels against their slow twins, on arbitrary bytes and on texts that share runs."""

from __future__ import annotations

import time

import numpy as np
import oracle_contam as oracle
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacurate.kernels import contam, contam_cuts, contam_rules, contam_words

NASTY = "aB9 _-'\u2019.,\n\t\x1c\x85\u00a0\u3000\u200b\u0301é\u0130ßΣ日本ไทย\U00020000\U0001d49c한"
TEXT = st.one_of(
    st.text(st.sampled_from(NASTY), max_size=150),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=40),
    st.lists(st.sampled_from(["the", "The,", "cat's", "a", "日本", "--", "x-y", "7"]), max_size=60).map(" ".join),
)
BYTES = st.one_of(st.binary(max_size=90), TEXT.map(str.encode))
SOME = st.lists(st.sampled_from("abc"), max_size=24)
ROUGH = settings(max_examples=150, deadline=None)


def cut(docs, kind=contam_words.PLAIN):
    found = contam_words.words(pa.array(docs, pa.binary()), kind)
    places = list(zip(found.starts.tolist(), found.ends.tolist(), found.hashes.tolist(), strict=True))
    return [places[a:b] for a, b in zip(found.bounds, found.bounds[1:], strict=False)]


@ROUGH
@given(st.lists(BYTES, min_size=1, max_size=4))
def test_plain_words(docs):
    wanted = [oracle.plain(doc) for doc in docs]
    found = cut(docs)
    assert [[(a, b) for a, b, _ in doc] for doc in found] == [[(a, b) for _, a, b in doc] for doc in wanted]
    both = [zip(doc, own, strict=True) for doc, own in zip(wanted, found, strict=True)]
    said = {(word, h) for pairs in both for (word, _, _), (_, _, h) in pairs}
    assert len({word for word, _ in said}) == len({h for _, h in said}) == len(said)


@ROUGH
@given(st.lists(BYTES, min_size=1, max_size=3))
def test_lines(docs):
    found = [[(a, b) for a, b, _ in doc] for doc in cut(docs, contam_words.LINES)]
    assert found == [[(a, b) for _, a, b in oracle.lines(doc)] for doc in docs]


def test_places_over_the_borders_of_masks():
    for length in range(1, 140):
        doc = ("x" * length + ", ") * 3 + "“" + "y" * length + "”"
        assert [(a, b) for a, b, _ in cut([doc.encode()])[0]] == [(a, b) for _, a, b in oracle.plain(doc.encode())]


def index(texts, ngram):
    made = contam_words.words(pa.array([" ".join(text) for text in texts], pa.string()), contam_words.PLAIN)
    return contam.grams(made.hashes, made.bounds, np.ones(len(made.hashes)), ngram)


def search(docs, texts, rule, ngram, needed=0.0, budget=0, most=4096, ignored=None):
    grams = index(texts, ngram)
    params = contam_rules.Params(rule, ngram, most, budget, 1, 0)
    ignored = np.zeros(grams.count, bool) if ignored is None else ignored(grams)
    share = np.full(len(texts), needed)
    return contam_rules.matches(
        pa.array(docs, pa.string()), contam_words.PLAIN, grams, params, share, contam_rules.totals(grams), ignored
    )


@ROUGH
@given(st.lists(SOME, min_size=1, max_size=4), st.lists(SOME, min_size=1, max_size=4), st.integers(1, 5))
def test_any_ngram_finds_all_and_only_that(docs, texts, ngram):
    said = [" ".join(doc) for doc in docs]
    found = search(said, texts, contam_rules.ANY, ngram)
    mine = [set() for _ in docs]
    for doc, text, start, end, _ in found.numbers.tolist():
        mine[doc].add((text, start, end))
    assert mine == [oracle.any_ngram(oracle.plain(doc.encode()), texts, ngram) for doc in said]
    assert len(found.numbers) == sum(map(len, mine))


@ROUGH
@given(SOME, SOME, st.integers(1, 4), st.integers(0, 2**16))
def test_ignored_ngrams_do_not_count(doc, text, ngram, which):
    grams = sorted(set(oracle.ngrams(text, ngram)))
    gone = {gram for k, gram in enumerate(grams) if which >> (k % 16) & 1}

    def mask(made):
        hashes = cut([" ".join(gram).encode() for gram in sorted(gone)])
        words = np.array([h for gram in hashes for _, _, h in gram], np.uint64)
        bounds = np.arange(0, len(words) + 1, ngram, dtype=np.int64)
        found = np.zeros(made.count, bool)
        found[contam.known(words, bounds, ngram, made)] = True
        return found

    said = " ".join(doc)
    found = search([said], [text], contam_rules.ANY, ngram, ignored=mask).numbers[:, 1:4].tolist()
    assert {tuple(row) for row in found} == oracle.any_ngram(oracle.plain(said.encode()), [text], ngram, gone)


@ROUGH
@given(SOME, SOME, st.integers(1, 5), st.integers(0, 3))
def test_shares(doc, text, ngram, budget):
    for rule, wanted in (
        (contam_rules.SHARE, oracle.share(doc, text, ngram)),
        (contam_rules.SKIPGRAM, oracle.skipgram(doc, text, ngram, budget)),
    ):
        found = search([" ".join(doc)], [text], rule, ngram, budget=budget).scores
        assert set(found.tolist()) <= {wanted} and bool(len(found)) == (wanted > 0)


@ROUGH
@given(SOME, SOME)
def test_whole_texts(doc, text):
    found = search([" ".join(doc)], [text], contam_rules.WHOLE, 2)
    there = any(doc[at : at + len(text)] == text for at in range(len(doc) - len(text) + 1)) and len(text) >= 2
    assert bool(len(found.scores)) == there


def test_aligned_takes_words_beside_runs_and_counts_none_twice():
    text = [f"word{n}" for n in range(12)]
    doc = [*text[:4], "other", *text[5:9], "else", *text[10:]]
    found = search([" ".join(doc)], [text], contam_rules.ALIGNED, 3, 0.5)
    assert found.numbers[0].tolist() == [0, 0, 0, len(" ".join(doc)), 10] and found.scores[0] == pytest.approx(10 / 12)
    twice = search([" ".join(doc + doc[:4])], [text], contam_rules.ALIGNED, 3, 0.5)
    assert twice.scores.max() == pytest.approx(10 / 12)


@ROUGH
@given(st.lists(st.floats(1, 20), min_size=8, max_size=40), st.floats(10, 80))
def test_every_heavy_run_of_words_holds_a_seed(weights, least):
    weights = np.array(weights)
    starts = np.array([0, len(weights)], np.int64)
    chosen = contam.seeds(weights, starts, 3, 8, least, 1e9)
    for at in range(len(weights) - 7):
        if weights[at : at + 8].sum() >= least:
            assert chosen[at : at + 6].any()


@ROUGH
@given(st.text(st.sampled_from("aé日 "), min_size=1, max_size=40), st.data())
def test_cuts_are_wide_and_pieces_long(text, data):
    places = sorted(
        tuple(sorted(data.draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text))))))
        for _ in range(data.draw(st.integers(0, 4)))
    )
    window, least = data.draw(st.integers(0, 4)), data.draw(st.integers(0, 5))
    raw, ends = text.encode(), np.cumsum([0, *(len(char.encode()) for char in text)])
    found = contam_cuts.widened(
        np.frombuffer(raw, np.uint8), np.array([0, len(raw)], np.int64), np.zeros(len(places), np.int64),
        np.array([ends[a] for a, _ in places], np.int64), np.array([ends[b] for _, b in places], np.int64),
        window, least,
    )  # fmt: skip
    gone = {k for a, b in places for k in range(max(0, a - window), min(len(text), b + window))}
    borders = {k for a, b in places for k in (max(0, a - window), min(len(text), b + window))}
    pieces, piece = [], []
    for k in range(len(text) + 1):
        if piece and (k == len(text) or k in gone or k in borders):
            pieces.append(piece)
            piece = []
        if k < len(text) and k not in gone:
            piece.append(k)
    pieces = [piece for piece in pieces if len(piece) >= least or not places]
    left = b"".join(text[k].encode() for piece in pieces for k in piece)
    spans = found[1].reshape(-1, 2).tolist()
    kept, last = b"", 0
    for start, end in spans:
        kept, last = kept + raw[last:start], end
    assert kept + raw[last:] == left
    assert found[2][0] == len(pieces)


@pytest.mark.parametrize(
    "doc", ["x" * 10_000_000, "x " * 5_000_000, "日" * 3_000_000, "\n" * 10_000_000, "a b c " * 2_000_000]
)
def test_ten_megabytes_in_a_second_or_two(doc):
    texts = [["x"] * 40, ["a", "b", "c"] * 12, ["日"] * 30]
    search(["x"], texts, contam_rules.ANY, 13)
    start = time.process_time()
    for rule in (contam_rules.ANY, contam_rules.ALIGNED):
        search([doc], texts, rule, 13)
    assert time.process_time() - start < 10
