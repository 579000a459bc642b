"""The kernels give what the library fastText gives, of models of every kind and texts of any bytes."""

from __future__ import annotations

import contextlib
import random
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacurate.core.errors import CurateError
from datacurate.kernels.fasttext_labels import predict
from datacurate.stages._fasttext import labels, model, raw
from datacurate.stages._languages import _Texts
from datacurate.stages.language import model_path

HS, SOFTMAX, OVA = 1, 3, 4
KINDS = {
    "softmax": {"loss": SOFTMAX, "minn": 2, "maxn": 4, "bucket": 5000, "dim": 16},
    "hs": {"loss": HS, "minn": 1, "maxn": 3, "bucket": 777, "dim": 12},
    "words": {"loss": SOFTMAX, "minn": 0, "maxn": 0, "bucket": 0, "dim": 5},
    "quantised": {"loss": SOFTMAX, "minn": 2, "maxn": 5, "bucket": 100_000, "dim": 15, "pruned": 4000},
    "quantised hs": {"loss": HS, "minn": 2, "maxn": 4, "bucket": 3000, "dim": 16, "pruned": 2000, "qout": True},
    "one-vs-all": {"loss": OVA, "minn": 2, "maxn": 3, "bucket": 1000, "dim": 8},
    "bigrams": {"loss": SOFTMAX, "word_ngrams": 2, "minn": 0, "maxn": 0, "bucket": 1000, "dim": 8},
}
LINES = ["the river and the stone", "Papier mit Wasser", "größer als die Häuser", "река и камень", "川と石", "朝の光"]
LABELS = ["eng_Latn", "deu_Latn", "rus_Cyrl", "jpn_Jpan", "cmn_Hani", "swh_Latn", "fra_Latn"]


def quantised(rng, rows: int, dim: int) -> bytes:
    """A product-quantised matrix of random codes, as fastText saves it."""
    parts = -(-dim // 2)
    head = struct.pack("<?qqi", True, rows, dim, rows * parts) + rng.integers(0, 256, rows * parts, np.uint8).tobytes()
    table = struct.pack("<4i", dim, parts, 2, dim % 2 or 2) + rng.normal(size=dim * 256).astype("<f4").tobytes()
    norms = rng.integers(0, 256, rows, np.uint8).tobytes() + struct.pack("<4i", 1, 1, 1, 1)
    return head + table + norms + rng.uniform(0.1, 2, 256).astype("<f4").tobytes()


def dense(rng, rows: int, dim: int) -> bytes:
    return struct.pack("<qq", rows, dim) + rng.normal(size=rows * dim).astype("<f4").tobytes()


def written(path, loss, minn, maxn, bucket, dim, word_ngrams=1, pruned=-1, qout=False) -> str:
    """A supervised model of random weights: training in the library reads memory that it has not set."""
    rng = np.random.default_rng(7)
    words = ["</s>", *dict.fromkeys(" ".join(LINES).split())]
    entries = [(word, 100 - at, 0) for at, word in enumerate(words)]
    entries += [(f"__label__{label}", 1000 // (at + 1), 1) for at, label in enumerate(LABELS)]
    made = struct.pack("<2i12id", 793712314, 12, dim, 5, 5, 1, 5, word_ngrams, loss, 3, bucket, minn, maxn, 100, 1e-4)
    made += struct.pack("<3i2q", len(entries), len(words), len(LABELS), 12345, pruned)
    made += b"".join(word.encode() + b"\0" + struct.pack("<qb", count, kind) for word, count, kind in entries)
    if pruned > 0:
        pairs = np.stack([rng.permutation(bucket)[:pruned], np.arange(pruned)], axis=1)
        made += pairs.astype("<i4").tobytes()
    matrix = quantised if pruned > 0 else dense
    made += struct.pack("<?", pruned > 0) + matrix(rng, len(words) + (pruned if pruned > 0 else bucket), dim)
    made += struct.pack("<?", qout) + (quantised if qout else dense)(rng, len(LABELS), dim)
    path.write_bytes(made)
    return str(path)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A small model of each kind."""
    folder = tmp_path_factory.mktemp("models")
    return {name: written(folder / f"{name}.bin", **options) for name, options in KINDS.items()}


def by_library(path: str, text: bytes) -> tuple[str | None, float]:
    """What the C++ code says of a line's bytes."""
    found = raw(path).f.predict(text.replace(b"\n", b" ") + b"\n", 1, 0.0, "replace")
    return (found[0][1].removeprefix("__label__"), min(found[0][0], 1.0)) if found else (None, 0.0)


def by_kernel(path: str, texts: list[bytes]) -> list[tuple[str | None, float]]:
    """What the kernels say of texts that lie one after the other."""
    data = np.frombuffer(b"".join(texts), np.uint8)
    ends = np.cumsum([len(text) for text in texts])
    starts = ends - [len(text) for text in texts]
    found, scores = predict(model(path), data, starts, ends)
    return [(model(path).labels[k] if k >= 0 else None, float(s)) for k, s in zip(found, scores, strict=True)]


def words(text: bytes) -> bool:
    return bool(text.strip(b" \t\n\r\v\f\0"))


def compare(path: str, texts: list[bytes]) -> None:
    for text, (label, score) in zip(texts, by_kernel(path, texts), strict=True):
        expected, probability = by_library(path, text)
        if not words(text):
            assert label is None  # the library labels the end of the line
        elif label != expected:
            assert score == pytest.approx(probability, abs=1e-6), "only ties may differ"
        else:
            assert score == pytest.approx(probability, abs=1e-4)


pieces = st.sampled_from(
    ["the ", "река", "größer ", "川と石", "</s>", "__label__", "__label__x ", " ", "\n", "\0", "\t", "é"]
)
texts = st.one_of(
    st.binary(max_size=300),
    st.lists(pieces, max_size=30).map(lambda found: "".join(found).encode()),
    st.text(max_size=100).map(lambda text: text.encode()),
)


@pytest.mark.parametrize("kind", ["softmax", "hs", "words", "quantised", "quantised hs"])
def test_every_kind_of_model(trained, kind):
    known = [line.encode() for line in LINES]

    @settings(max_examples=150, deadline=None)
    @given(st.lists(texts, min_size=1, max_size=6))
    def run(given_texts):
        compare(trained[kind], [*given_texts, *known[:3]])

    run()
    compare(trained[kind], known)


@settings(max_examples=300, deadline=None)
@given(st.lists(texts, min_size=1, max_size=6))
def test_lid176(found):
    compare(str(model_path()), found)


def test_long_words_and_many_words():
    """Words beyond what is remembered, more words than are remembered, and megabytes of one character."""
    rng = random.Random(5)
    many = " ".join("".join(rng.choices("abcdeéж", k=rng.randrange(1, 12))) for _ in range(60_000)).encode()
    longest = [b"\x80" * 5000, b"a" + b"\xbf" * 100_000]
    long = ["a" * 41, "é" * 20, "é" * 21, "漢字" * 500, "x" * 3000 + " the", "a" * 1_000_000]
    compare(str(model_path()), [many, *[text.encode() for text in long], *longest, many])


def test_the_twin_by_the_library(trained):
    """Models that the kernels do not run are run by the library; those that they run give the same by both ways."""
    lines = LINES
    for kind in ("one-vs-all", "bigrams"):
        assert model(trained[kind]) is None
        texts = _Texts(pa.array([*lines, "", " \n"]), trained[kind])
        found, scores = texts.predicted(texts.offsets[:-1], texts.offsets[1:])
        expected = [by_library(trained[kind], line.encode()) for line in lines]
        assert [texts.labels[k] for k in found[:-2]] == [label for label, _ in expected]
        assert scores[:-2] == pytest.approx([score for _, score in expected], abs=1e-6)
        assert found[-2:].tolist() == [-1, -1] and scores[-2:].tolist() == [0, 0]
    texts = _Texts(pa.array(lines), trained["softmax"])
    ours, theirs = (
        texts.predicted(texts.offsets[:-1], texts.offsets[1:]),
        texts._predicted_by_fasttext(texts.offsets[:-1], texts.offsets[1:]),
    )
    assert ours[0].tolist() == theirs[0].tolist() and ours[1] == pytest.approx(theirs[1], abs=1e-5)


def test_labels_are_read_without_the_rest(trained):
    for path in trained.values():
        assert labels(path) == [label.removeprefix("__label__") for label in raw(path).get_labels()]


def test_files_that_are_no_models(tmp_path, trained):
    whole = Path(trained["softmax"]).read_bytes()
    bad = {
        "missing": None,
        "empty": b"",
        "text": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
        "vectors": b"2 3\nthe 0.1 0.2 0.3\nof 0.1 0.2 0.3\n",
        "old": whole[:4] + b"\x05" + whole[5:],
        **{f"cut{at}": whole[:at] for at in (7, 40, 60, 90, 120, 200, len(whole) // 2, len(whole) - 1)},
        "huge": whole[:64] + b"\xff\xff\xff\x7f" * 3 + whole[76:],
    }
    for name, content in bad.items():
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(CurateError, match=r"no model file|cannot be read as a fastText model .*Give the \.bin"):
            model(str(path))
    rng = random.Random(3)
    for _ in range(60):
        broken = bytearray(whole)
        for _ in range(3):
            broken[rng.randrange(400)] = rng.randrange(256)
        (tmp_path / "broken").write_bytes(broken)
        model.cache_clear()
        with contextlib.suppress(CurateError):
            model(str(tmp_path / "broken"))


def test_unsupervised_models_have_no_labels(tmp_path, trained):
    whole = bytearray(Path(trained["softmax"]).read_bytes())
    whole[8 + 4 * 7] = 1  # cbow
    (tmp_path / "vectors.bin").write_bytes(whole)
    with pytest.raises(CurateError, match="no labels"):
        model(str(tmp_path / "vectors.bin"))
