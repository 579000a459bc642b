"""Token ids of real texts in 112 languages: ours, and those of the libraries that own the tokenizers."""

from __future__ import annotations

import gzip
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datacurate.mixture import sentencepiece_file, tiktoken_file, tokenize

pytestmark = pytest.mark.shared
SENTENCES = 27_500
"""There are 27,547."""


@pytest.fixture(scope="module", params=["some", pytest.param("all", marks=pytest.mark.slow)])
def texts(shared, request) -> list[str]:
    """Every text of the folder `text` as one document, and every sentence of `lid`; or the beginnings, and a fifth."""
    files = sorted((shared / "text").rglob("*.gz"))
    whole = [gzip.decompress(path.read_bytes()).decode("utf-8", "replace") for path in files]
    with gzip.open(shared / "lid" / "sentences.tsv.gz", "rt", encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file][1:]
    if request.param == "some":
        return [text[:30_000] for text in whole] + [line[2] for line in lines[::5]]
    assert len(lines) > SENTENCES and len({line[0] for line in lines}) >= 112
    return whole + [line[2] for line in lines]


def ids(encoder: tokenize.Encoder, texts: list[str]) -> list[list[int]]:
    """Ids without the end-of-text; gigatoken must have been good enough."""
    encoder.check()
    flat, offsets = encoder.encode(texts)
    made = [flat[a:b].tolist() for a, b in pairwise(offsets)]
    assert all(one[-1] == encoder.end_of_text for one in made if one)
    return [one[:-1] for one in made]


def unequal(texts: list[str], ours: list[list[int]], theirs: list[list[int]]) -> list[str]:
    return [text[:80] for text, a, b in zip(texts, ours, theirs, strict=True) if a != b]


def test_gpt2_as_tokenizers(shared, texts):
    from tokenizers import ByteLevelBPETokenizer

    folder = shared / "tokenizers" / "gpt2"
    encoder = tokenize.load(str(folder), "<|endoftext|>")
    theirs = ByteLevelBPETokenizer(str(folder / "encoder.json"), str(folder / "vocab.bpe"))
    ours = ids(encoder, texts)
    assert encoder.fast is not None and encoder.vocabulary == 50257 and encoder.end_of_text == 50256
    assert unequal(texts, ours, [e.ids for e in theirs.encode_batch(texts)]) == []
    assert encoder.lossless and all(encoder.decode(one) == text for one, text in zip(ours, texts, strict=True))


def test_cl100k_as_tiktoken_and_tokenizers(shared, texts, tmp_path):
    import tiktoken

    path = tmp_path / "cl100k_base.tiktoken"
    with gzip.open(shared / "tokenizers" / "cl100k_base.tiktoken.gz") as packed, open(path, "wb") as file:
        shutil.copyfileobj(packed, file)
    encoder = tokenize.load(str(path), "<|endoftext|>")
    published = tiktoken_file.ENCODINGS["cl100k_base"]
    theirs = tiktoken.Encoding(
        "cl100k_base",
        pat_str=published.pattern,
        mergeable_ranks=tiktoken_file.read_ranks(path.read_bytes()),
        special_tokens=published.special_tokens,
    )
    ours = ids(encoder, texts)
    assert encoder.fast is not None and encoder.vocabulary == 100277
    assert unequal(texts, ours, [theirs.encode_ordinary(text) for text in texts]) == []
    flat, offsets = encoder.reference.encode(texts)
    assert unequal(texts, ours, [flat[a:b].tolist() for a, b in pairwise(offsets)]) == []
    assert encoder.lossless and all(encoder.decode(one) == text for one, text in zip(ours, texts, strict=True))


def test_sentencepiece_as_its_library_and_tokenizers(shared, texts):
    import sentencepiece
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    path = shared / "tokenizers" / "sp_test_model.model"
    encoder = tokenize.load(str(path), "</s>")
    theirs = sentencepiece.SentencePieceProcessor(model_file=str(path))
    ours = ids(encoder, texts)
    assert unequal(texts, ours, [theirs.encode(text) for text in texts]) == []
    # As `tokenizers` itself would read the file (SentencePieceUnigramTokenizer.from_spm), with its table of characters.
    table = dict(sentencepiece_file._fields(dict(sentencepiece_file._fields(path.read_bytes()))[3]))[2]
    pieces = [(theirs.id_to_piece(i), theirs.get_score(i)) for i in range(theirs.vocab_size())]
    hugging = Tokenizer(models.Unigram(pieces, theirs.unk_id(), False))
    spaces = [normalizers.Replace(Regex(r), to) for r, to in ((r"\A +| +\z", ""), (" {2,}", " "))]
    hugging.normalizer = normalizers.Sequence([normalizers.Precompiled(table), *spaces])
    hugging.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    # It takes the name of the unknown piece, of which WikiText is full, for that piece; sentencepiece reads letters.
    # And in one text of 0.8 MB it breaks a tie otherwise, since it adds up logarithms in double precision.
    plain = [line for text in texts for line in text.replace("<unk>", "?").split("\n")]
    assert unequal(plain, ids(encoder, plain), [e.ids for e in hugging.encode_batch(plain)]) == []
    promised = [t for t, one in zip(texts, ours, strict=True) if theirs.unk_id() not in one]
    assert len(promised) > 100
    for text in promised:
        # nmt_nfkc is part of the model: what comes back is the text as it was normalized, no more and no less.
        seen = theirs.normalize(text).replace("▁", " ")
        assert encoder.decode(np.array(theirs.encode(text), np.int32)) == seen.removeprefix(" ")


@pytest.fixture(scope="module")
def encoders(shared, tmp_path_factory) -> dict[str, tokenize.Encoder]:
    path = tmp_path_factory.mktemp("ranks") / "cl100k_base.tiktoken"
    path.write_bytes(gzip.decompress((shared / "tokenizers" / "cl100k_base.tiktoken.gz").read_bytes()))
    where = {"gpt2": shared / "tokenizers" / "gpt2", "cl100k": path}
    return {name: tokenize.load(str(place), "<|endoftext|>") for name, place in where.items()}


words = st.sampled_from(
    ["the", " The", "'LL", "don't", "1234", " 7,5", "é", "ß", "e\u0301", "\u200d", "👩\u200d💻", "中文", " 日本",
     "हिन्दी", "\u0627", "\u00a0", "\u3000", "\n", "\r\n", "\t", "  ", "_", "<|endoftext|>", "\ufdd0", "\u0378",
     "\x00", "🇫🇷", "ﬁ", "\uff21", "①"]
)  # fmt: skip
unicode_ = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["gpt2", "cl100k"]), st.lists(st.lists(words | unicode_, max_size=8).map("".join), max_size=5))
def test_any_text_has_the_ids_of_tokenizers_and_comes_back(encoders, name, texts):
    """Arbitrary characters, and words in arbitrary order: what no sample holds."""
    encoder = encoders[name]
    flat, offsets = encoder.encode_array(pa.array(texts, pa.string()))
    assert encoder.fast is not None
    plain, ends = encoder.reference.encode(texts)
    ours = [flat[a:b].tolist() for a, b in pairwise(offsets)]
    theirs = [plain[a:b].tolist() for a, b in pairwise(ends)]
    assert ours == [[*one, encoder.end_of_text] if one else [] for one in theirs]
    assert [encoder.decode(np.array(one, np.int32)) for one in ours] == texts


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(words | unicode_, max_size=8).map("".join))
def test_any_text_has_the_ids_of_sentencepiece(shared, text):
    import sentencepiece

    path = str(shared / "tokenizers" / "sp_test_model.model")
    theirs = sentencepiece.SentencePieceProcessor(model_file=path)
    (ours,) = ids(tokenize.load(path, "</s>"), [text])
    assert ours == theirs.encode(text)


def test_a_text_that_spells_the_end_does_not_end(shared):
    encoder = tokenize.load(str(Path(shared) / "tokenizers" / "gpt2"), "<|endoftext|>")
    text = "a<|endoftext|>b"
    (one,) = ids(encoder, [text])
    assert 50256 not in one and encoder.decode(one) == text
