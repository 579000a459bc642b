"""Paragraphs and documents whose runs of words were seen before: against a slow twin, in any sharding, at the edges."""

from __future__ import annotations

import random
import re
import time

import pyarrow as pa
import pytest
from part_tools import dealt, ledger, rank, result, table
from pydantic import ValidationError

from datacurate.stages.dedup.ngram_bloom import NgramBloom
from tests.kernels import oracle_lines

RARE = 1e-9
WORDS = ["the", "of", "to", "and", "in", "is", "it", "for", "on", "was"]


def corpus(seed: int, count: int = 40) -> pa.Table:
    """Paragraphs that share runs of words with others."""
    rng = random.Random(seed)
    known = [" ".join(rng.choices(WORDS, k=rng.randrange(3, 12))) for _ in range(12)]
    texts = {}
    for at in range(count):
        lines = [
            f"{rng.choice(known)} {rng.choice(known)}"[: rng.choice([20, 99, 99])] for _ in range(rng.randrange(1, 6))
        ]
        texts[f"d{at}"] = "\n".join([*lines, *rng.choices(["", "new words " + str(at)], k=2)])
    return table(texts)


def runs(line: str, stage: NgramBloom) -> list[tuple]:
    words = line.split()
    if stage.min_ngram <= len(words) < stage.ngram:
        return [tuple(words)]
    return [tuple(words[at : at + stage.ngram]) for at in range(len(words) - stage.ngram + 1)]


def twin(docs: pa.Table, stage: NgramBloom) -> dict[str, str]:
    """In Python, with a set for the filter; these texts have no marks, so that words stand between spaces."""
    known: set[tuple] = set()
    left = {}
    for row in sorted(docs.to_pylist(), key=lambda row: rank(row["id"])):
        text, gone, seen, total = row["text"], [], 0, 0
        for a, b in oracle_lines.parts(text.encode(), "line"):
            found = runs(text[a:b], stage)
            hits = sum(run in known for run in found)
            seen, total = seen + hits, total + len(found)
            if found and hits / len(found) > stage.threshold:
                gone.append((a, b))
            known |= set(found)
        if stage.remove == "both" and total and seen / total > stage.threshold:
            continue
        rest = oracle_lines.without_lines(text.encode(), gone).decode()
        if not gone or len("".join(rest.split())) >= stage.min_left:
            left[row["id"]] = rest
    return left


OPTIONS = [
    {"ngram": 4, "min_ngram": 2},
    {"ngram": 3, "min_ngram": 3, "threshold": 0.5},
    {"ngram": 5, "min_ngram": 1, "threshold": 0.3, "remove": "paragraph", "min_left": 12},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_against_the_twin_in_any_sharding(tmp_path, options):
    docs = corpus(len(str(options)))
    expected = twin(docs, NgramBloom(**options))
    assert len(expected) > 2 and any(expected.get(r["id"], r["text"]) != r["text"] for r in docs.to_pylist())
    for seed, count in enumerate((1, 3, 7)):
        got = result(tmp_path, "ngram_bloom", dealt(docs, count, seed), f"run{seed}", fp_rate=RARE, **options)
        assert got == expected
    assert result(tmp_path, "ngram_bloom", [docs], "more", fp_rate=RARE, slices=50, **options) == expected


def test_accidents_do_not_depend_on_shards(tmp_path):
    """With a filter that is wrong half the time too, and with workers."""
    docs = corpus(5)
    made = [
        result(tmp_path, "ngram_bloom", dealt(docs, count, count), f"run{count}", fp_rate=0.5, ngram=4, min_ngram=2)
        for count in (1, 4, 9)
    ]
    assert made[0] == made[1] == made[2] != twin(docs, NgramBloom(ngram=4, min_ngram=2))


def test_a_filter_of_given_size_is_recorded_or_refused(tmp_path):
    """With room enough the result is that of a filter without accidents, and its error is in the evidence."""
    from datacurate.core.errors import CurateError
    from datacurate.core.store import read_parts

    options = {"ngram": 4, "min_ngram": 2}
    docs = corpus(6)
    expected = twin(docs, NgramBloom(**options))
    for count in (1, 4):
        made = result(tmp_path, "ngram_bloom", dealt(docs, count, 0), f"run{count}", filter_bytes=1 << 20, **options)
        assert made == expected
    seen = read_parts(sorted((tmp_path / "run4/out/.store").glob("ngram_bloom.seen-*/*.parquet")))
    assert seen.num_rows and all(0 <= error < 1e-6 for error in seen["error"].to_pylist())
    with pytest.raises(CurateError, match=r"a filter of 1,024 bytes takes [\d.e-]+% .* fp_rate: 1e-09 allows. Set"):
        result(tmp_path, "ngram_bloom", [docs], "small", filter_bytes=1 << 10, fp_rate=1e-9, slices=2, **options)


@pytest.mark.parametrize("slices", [1, 2, 7])
@pytest.mark.parametrize("copies", [1, 4, 20])
def test_the_size_that_a_refusal_names_is_accepted(tmp_path, copies, slices):
    """However many copies there are, and by whichever slice it is named: also just below it."""
    from datacurate.core.errors import CurateError

    rng = random.Random(copies * slices)
    texts = [" ".join(rng.choices(WORDS, k=60)) for _ in range(200)]
    docs = table({f"d{at}-{copy}": text for at, text in enumerate(texts) for copy in range(copies)})
    options = {"slices": slices, "max_loss": None}
    refusals = []
    for share in (0, 0.4, 0.7):
        size = max(1 << 10, round(share * refusals[0])) if refusals else 1 << 10
        with pytest.raises(CurateError, match=r"allows\. Set filter_bytes to") as refused:
            result(tmp_path, "ngram_bloom", [docs], f"small{share}", filter_bytes=size, **options)
        refusals.append(int(re.search(r"filter_bytes to \D*([\d,]+),", str(refused.value))[1].replace(",", "")))
    for size in sorted(set(refusals)):
        made = result(tmp_path, "ngram_bloom", [docs], f"run{size}", filter_bytes=size, **options)
        assert len(made) == len(texts)


def test_a_copy_is_dropped_and_the_ledger_says_why(tmp_path):
    text = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
    texts = {"a": text, "b": f"{text}\nshort line", "c": "short line", "d": "short line"}
    first = min("ab", key=rank)
    got = result(tmp_path, "ngram_bloom", [table(texts)])
    assert got == {first: texts[first], "c": "short line", "d": "short line"}
    [row] = ledger(tmp_path, "ngram_bloom")
    assert (row["fate"], row["rule"], row["value"], row["bound"]) == ("dropped", "seen_ngrams", 1.0, 0.8)


def test_a_hundred_thousand_identical_documents(tmp_path):
    docs = table(
        {
            f"d{at:06d}": "of the many words that stand on every page of this site none is new to us"
            for at in range(100_000)
        }
    )
    NgramBloom().warm()
    started = time.perf_counter()
    assert list(result(tmp_path, "ngram_bloom", [docs], max_loss=None)) == [min(docs["id"].to_pylist(), key=rank)]
    assert time.perf_counter() - started < 60


@pytest.mark.parametrize(
    ("options", "says"), [({"ngram": 5}, "min_ngram.*make it"), ({"fp_rate": 0}, "greater than 0")]
)
def test_bad_options_are_refused(options, says):
    with pytest.raises(ValidationError, match=says):
        NgramBloom(**options)
