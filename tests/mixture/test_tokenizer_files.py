"""Every kind of tokenizer file, against the library that owns the kind."""

from __future__ import annotations

import base64
import io
import json
from functools import cache
from itertools import pairwise
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import regex
import sentencepiece
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from datacurate.core.errors import RecipeError
from datacurate.mixture import tiktoken_file, tokenize, tokenizer_files

SENTENCES = [
    "The king went out to meet the morning, and the morning met him with a song.",
    "It's 1,234.56 dollars; nobody knew why.  Two  spaces\n\nand a new paragraph. DON'T!",
    "naïve café, Ελληνικά, русский текст, 中文字符, 日本語 and 한국어",
    "def f(x):\n    return x + 1\n",
] * 5
TEXTS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("aeiothsn '\n\t 1▁<|>\u017f"), max_size=40),
    max_size=5,
)


def split(ragged) -> list[list[int]]:
    flat, offsets = ragged
    return [flat[a:b].tolist() for a, b in pairwise(offsets)]


@pytest.fixture(scope="session")
def ranks(tokenizer) -> dict[bytes, int]:
    """The ranks of the test tokenizer, which end where its special tokens would be."""
    with open(tokenizer, encoding="utf-8") as file:
        vocabulary = json.load(file)["model"]["vocab"]
    byte_of = {letter: b for b, letter in enumerate(tiktoken_file.byte_letters())}
    known = sorted((i, t) for t, i in vocabulary.items() if not t.startswith("<|"))
    return {bytes(byte_of[c] for c in token): rank for rank, (_, token) in enumerate(known)}


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("files")


def written(path: Path, ranks: dict[bytes, int]) -> str:
    lines = [base64.b64encode(token) + b" %d\n" % rank for token, rank in ranks.items()]
    path.write_bytes(b"".join(lines))
    return str(path)


def model(folder: Path, kind: str, fallback: bool, rule: str = "nmt_nfkc", **more) -> str:
    """A SentencePiece model of the sentences."""
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES), model_writer=made, model_type=kind, byte_fallback=fallback, minloglevel=2,
        vocab_size=380, hard_vocab_limit=False, character_coverage=0.98, normalization_rule_name=rule, **more,
    )  # fmt: skip
    path = folder / f"{kind}-{fallback}-{rule}.model"
    path.write_bytes(made.getvalue())
    return str(path)


@pytest.mark.parametrize("encoding", ["r50k_base", "cl100k_base", "o200k_base"])
@settings(max_examples=150, deadline=None)
@given(texts=TEXTS)
def test_ranks_have_the_ids_of_tiktoken(folder, ranks, encoding, texts):
    path = folder / f"{encoding}.tiktoken"
    ours = tokenize.load(str(path) if path.exists() else written(path, ranks), "<|endoftext|>")
    theirs = tiktoken.Encoding(
        "test", pat_str=tiktoken_file.ENCODINGS[encoding].pattern, mergeable_ranks=ranks, special_tokens={}
    )
    expected = [theirs.encode_ordinary(text) for text in texts]
    assert split(ours.reference.encode(texts)) == expected
    assert split(ours.encode(texts)) == [[*ids, ours.end_of_text] if ids else [] for ids in expected]
    assert ours.fast is not None and ours.lossless
    assert [ours.decode(np.array(ids)) for ids in split(ours.encode(texts))] == texts


@cache
def published() -> dict[str, dict]:
    """tiktoken's own encodings, without their ranks, which it would download."""
    import tiktoken_ext.openai_public as theirs

    names = ("load_tiktoken_bpe", "data_gym_to_mergeable_bpe_ranks")
    with mock.patch.multiple(theirs, **{name: lambda *_, **__: {} for name in names}):
        return {name: make() for name, make in theirs.ENCODING_CONSTRUCTORS.items()}


def test_the_published_encodings_are_those_of_tiktoken():
    assert set(published()) == set(tiktoken_file.ENCODINGS)
    for name, theirs in published().items():
        assert theirs["special_tokens"] == tiktoken_file.ENCODINGS[name].special_tokens, name
    assert published()["o200k_base"]["pat_str"] == tiktoken_file.O200K


@pytest.mark.parametrize("name", ["r50k_base", "cl100k_base"])
@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("aA1 '\n\r\t-s\u017f\u0085"), max_size=30))
def test_the_patterns_cut_as_the_faster_ones_of_tiktoken(name, text):
    patterns = (published()[name]["pat_str"], tiktoken_file.ENCODINGS[name].pattern)
    # Every piece of either is a token, so that the ids show the pieces.
    pieces = {piece.encode() for pattern in patterns for piece in regex.findall(pattern, text)}
    pieces |= {bytes([b]) for b in range(256)}
    ranks = {piece: i for i, piece in enumerate(sorted(pieces, key=lambda p: (len(p), p)))}
    one, other = (tiktoken.Encoding("x", pat_str=p, mergeable_ranks=ranks, special_tokens={}) for p in patterns)
    assert one.encode_ordinary(text) == other.encode_ordinary(text)


def test_an_encoding_of_ones_own(folder, ranks):
    path = written(folder / "ours.tiktoken", ranks)
    with pytest.raises(RecipeError, match=r"does not say which encoding.*Set encoding"):
        tokenize.load(path, "<|endoftext|>")
    with pytest.raises(RecipeError, match=r"no encoding is called 'cl100'.*Did you mean 'cl100k_base'"):
        tokenize.load(path, "<|endoftext|>", encoding="cl100")
    own = tokenize.load(path, "<eos>", "<bos>", r"\S+|\s+", {"<eos>": 500, "<bos>": 501})
    expected = tiktoken.Encoding("own", pat_str=r"\S+|\s+", mergeable_ranks=ranks, special_tokens={})
    text = "The king, naïve <eos>  x"
    assert split(own.encode([text, ""])) == [[501, *expected.encode_ordinary(text), 500], []]
    assert own.decode(own.encode([text])[0]) == text and own.vocabulary == 502
    with pytest.raises(RecipeError, match="special tokens have ids that the ranks have too"):
        tokenize.load(path, "<eos>", None, "gpt2", {"<eos>": 7})


@pytest.mark.parametrize("names", tokenizer_files.PAIRS)
def test_a_vocabulary_and_its_merges_are_the_tokenizer(tokenizer, tmp_path, names):
    whole = Tokenizer.from_file(tokenizer)
    for made, name in zip(whole.model.save(str(tmp_path)), names, strict=True):
        Path(made).rename(tmp_path / name)
    texts = ["The king, naïve 中文  met\n\nhim. It's 12345 don't", "<|endoftext|> <|user|>", "\u0000 \u3000"]
    for named in (tmp_path, *(tmp_path / name for name in names)):
        ours = tokenize.load(str(named), "<|endoftext|>")
        assert split(ours.encode(texts)) == split(tokenize.load(tokenizer, "<|endoftext|>").encode(texts))
    assert tokenize.local_files(str(tmp_path)) == [str(tmp_path / name) for name in names]
    assert ours.fast is not None and ours.lossless
    (tmp_path / names[1]).unlink()
    with pytest.raises(RecipeError, match=f"{names[1]} must lie beside it"):
        tokenize.load(str(tmp_path / names[0]), "<|endoftext|>")


@pytest.mark.parametrize(
    ("kind", "fallback", "rule"),
    [("bpe", True, "identity"), ("bpe", True, "nmt_nfkc"), ("bpe", False, "nmt_nfkc"), ("unigram", False, "nmt_nfkc")],
)
@settings(max_examples=150, deadline=None)
@given(texts=TEXTS)
def test_sentencepiece_models_have_the_ids_of_their_library(folder, kind, fallback, rule, texts):
    path = folder / f"{kind}-{fallback}-{rule}.model"
    ours = tokenize.load(str(path) if path.exists() else model(folder, kind, fallback, rule), "</s>", "<s>")
    theirs = sentencepiece.SentencePieceProcessor(model_file=str(path))
    expected = [theirs.encode(text) for text in texts]
    assert split(ours.encode(texts)) == [[1, *ids, 2] if ids else [] for ids in expected]
    assert (ours.fast is not None) == (kind == "bpe" and fallback)
    assert [ours.decode(np.array(ids, np.int32)) for ids in split(ours.encode(texts))] == [
        theirs.decode(ids) for ids in expected
    ]


def test_what_spells_a_control_piece_stays_text(folder):
    path = model(folder, "bpe", True, "identity", user_defined_symbols=["<|sep|>"])
    ours = tokenize.load(path, "</s>", "<s>")
    (ids,) = split(ours.encode(["a</s>b<s>c<|sep|>d"]))
    assert ids[0] == 1 and ids[-1] == 2 and not {1, 2} & set(ids[1:-1])
    assert ours.decode(np.array(ids)) == "a</s>b<s>c<|sep|>d"
    assert 3 in ids, "a piece that its maker defined is what text becomes"


def test_a_file_that_is_called_model_may_hold_ranks(folder, ranks):
    path = written(folder / "tokenizer.model", ranks)
    ours = tokenize.load(path, "<|endoftext|>", encoding="gpt2")
    assert split(ours.encode(["The king"]))[0][-1] == 50256


def test_counting_gives_the_lengths(tokenizer):
    ours = tokenize.load(tokenizer, "<|endoftext|>", "<|user|>")
    texts = ["The king", "", "naïve\n" * 9]
    assert ours.count(texts).tolist() == [len(ids) for ids in split(ours.encode(texts))]
    assert ours.count(texts)[1] == 0


def test_decode_gives_texts_back_where_the_model_promises_it(tokenizer, folder):
    assert tokenize.load(tokenizer, "<|endoftext|>").lossless
    with open(tokenizer, encoding="utf-8") as file:
        parsed = json.load(file)
    for change in (
        {"normalizer": {"type": "Lowercase"}},
        {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}},
        {"decoder": None},
    ):
        lossy = tokenize.encoder(tokenizer_files.as_read({**parsed, **change}), "<|endoftext|>")
        assert not lossy.lossless
        assert lossy.decode(lossy.encode(["The King"])[0]) != "The King"
    assert not tokenize.load(model(folder, "unigram", True), "</s>").lossless


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.json", b"{", "cannot be read"),
        ("tokenizer_config.json", b'{"eos_token": "x"}', "no tokenizer.json"),
        ("list.json", b"[1, 2]", "no tokenizer.json"),
        ("a.model", b"\x00\x01\x02 not a model", "no SentencePiece model|no pieces|its fields"),
        ("empty.model", b"", "no pieces"),
        ("cl100k_base.tiktoken", b"IQ== 0\nIg== x\n", r"line 2 is no base64 and rank"),
        ("gpt2.tiktoken", b"IQ== 0\nIQ== 1\n", "there twice"),
        ("o200k_base.tiktoken", b"IQ== 0\nIg== 0\n", "same rank"),
        ("p50k_base.tiktoken", b"IQ== 0\nIg== 1\n", "254 of the 256 single bytes are missing"),
    ],
)
def test_broken_files_and_wrong_ones_are_told(tmp_path, name, data, told):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(RecipeError, match=told) as error:
        tokenize.load(str(path), "<|endoftext|>")
    assert "Name a tokenizer.json" in str(error.value) and "\n" not in str(error.value)


def test_a_model_that_is_cut_off_is_told(folder, tmp_path):
    whole = Path(model(folder, "unigram", False)).read_bytes()
    for size in (10, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.model").write_bytes(whole[:size])
        with pytest.raises(RecipeError, match="cannot be read"):
            tokenize.load(str(tmp_path / "cut.model"), "</s>")


def test_folders_without_a_tokenizer_or_with_two_are_told(tmp_path):
    with pytest.raises(RecipeError, match="holds no tokenizer"):
        tokenize.load(str(tmp_path), "</s>")
    for name in ("a.model", "b.model"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(RecipeError, match=r"several: a.model, b.model. Name the file"):
        tokenize.load(str(tmp_path), "</s>")
    with pytest.raises(RecipeError, match="no such file"):
        tokenize.load(str(tmp_path / "none.json"), "</s>")


def test_a_tokenizer_without_end_of_text_says_what_it_has(folder, tokenizer, ranks):
    unigram = model(folder, "unigram", False)
    with pytest.raises(RecipeError, match=r"no token '<\|endoftext\|>'. Its own files name '</s>'. Known: </s>, <s>"):
        tokenize.load(unigram, "<|endoftext|>")
    with pytest.raises(RecipeError, match=r"no token '<bos>'.*Set begin_of_text"):
        tokenize.load(tokenizer, "<|endoftext|>", "<bos>")
    bare = written(folder / "bare.tiktoken", ranks)
    with pytest.raises(RecipeError, match="It has no special tokens at all"):
        tokenize.load(bare, "<|endoftext|>", encoding=r"\S+|\s+")
    with pytest.raises(RecipeError, match="are for files of ranks"):
        tokenize.load(tokenizer, "<|endoftext|>", encoding="gpt2")
