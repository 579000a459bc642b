from __future__ import annotations

import json
import logging
import re
import unicodedata
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacurate.core.errors import RecipeError
from datacurate.core.stage import one_array
from datacurate.kernels.of_table import holding
from datacurate.mixture import probes, tokenize, tokenizer_files

HOSTILE = ["<|endoftext|>", "a<|endoftext|>b <|user|> c<|endoftext|>", "<|endoftext|>" * 3, "x <|endoftext|"]
UNASSIGNED = ["a \u0378b", "\U0001fae8 x", "\u1c89\u1c8a"]
"""Characters that newer versions of Unicode may know; libraries of different age may cut there."""


def split(flat, offsets):
    return [flat[a:b].tolist() for a, b in pairwise(offsets)]


@pytest.fixture(scope="session")
def encoder(tokenizer):
    made = tokenize.encoder(tokenizer_files.read(tokenizer, None, None), "<|endoftext|>")
    made.check()
    return made


def test_gigatoken_is_used(encoder):
    assert encoder.fast is not None


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"])), max_size=6))
def test_both_libraries_agree(encoder, texts):
    fast, slow = split(*encoder.fast.encode(texts)), split(*encoder.reference.encode(texts))
    assert fast == slow


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.none() | st.text(alphabet=st.characters(exclude_categories=["Cs"])) | st.sampled_from(UNASSIGNED)),
    st.integers(0, 3), st.integers(0, 3), st.sampled_from([pa.string(), pa.large_string()]),
)  # fmt: skip
def test_arrays_are_encoded_as_lists_are(encoder, texts, skip, end, kind):
    """Sliced, chunked and with nulls, as columns come."""
    column = pa.chunked_array([pa.array(texts, kind).slice(skip), pa.array(texts[:end], kind)])
    made = split(*encoder.encode_array(one_array(column)))
    assert np.array_equal(holding(column, probes.table_of_unassigned()), odd_by_hand(column.to_pylist()))
    assert made == split(*encoder.encode([t or "" for t in column.to_pylist()]))


def test_a_null_may_span_bytes(encoder):
    """Arrow allows it; the bytes are no text."""
    whole = pa.array(["king", "met", "song"])
    hidden = pa.Array.from_buffers(pa.string(), 3, [pa.py_buffer(b"\x05"), *whole.buffers()[1:]])
    assert hidden.to_pylist() == ["king", None, "song"]
    assert split(*encoder.encode_array(hidden)) == split(*encoder.encode(["king", "", "song"]))


def odd_by_hand(texts):
    return [any(unicodedata.category(c) == "Cn" for c in text or "") for text in texts]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=40)))
def test_holding_reads_any_bytes(texts):
    """What is no UTF-8 is U+FFFD, byte by byte."""
    wanted = np.zeros(0x110000, bool)
    wanted[[0xFFFD, 0xE9, 0x4E2D, 0x1F600]] = True
    found = holding(pa.array(texts, pa.binary()), wanted)
    decoded = [re.sub("[\udc80-\udcff]", "\ufffd", text.decode(errors="surrogateescape")) for text in texts]
    assert found.tolist() == [any(wanted[ord(c)] for c in text) for text in decoded]


def test_plain_text_gets_the_ids_of_the_untouched_tokenizer(encoder, tokenizer):
    from tokenizers import Tokenizer

    text = "The king, naïve 中文  met\n\nhim."
    expected = Tokenizer.from_file(tokenizer).encode(text).ids
    assert split(*encoder.encode([text])) == [[*expected, encoder.end_of_text]]


@pytest.mark.parametrize("library", ["gigatoken", "tokenizers"])
def test_special_tokens_inside_a_text_are_plain_text(tokenizer, library):
    encoder = tokenize.encoder(tokenizer_files.read(tokenizer, None, None), "<|endoftext|>")
    encoder.check()
    if library == "tokenizers":
        encoder.fast = None
    made = split(*encoder.encode(HOSTILE))
    from tokenizers import Tokenizer

    whole = Tokenizer.from_file(tokenizer)
    for text, ids in zip(HOSTILE, made, strict=True):
        assert ids[-1] == encoder.end_of_text
        assert not set(ids[:-1]) & set(encoder.control.tolist())
        assert whole.decode(ids[:-1], skip_special_tokens=False) == text


def test_a_model_that_spells_out_the_control_token_itself_is_stopped():
    # Unigram finds "</s>" in its vocabulary even when it is no added token.
    parsed = {
        "added_tokens": [
            {"id": 1, "content": "</s>", "special": True, "single_word": False, "lstrip": False}
            | {"rstrip": False, "normalized": False}
        ],
        "normalizer": None,
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "Unigram",
            "unk_id": 0,
            "byte_fallback": False,
            "vocab": [["<unk>", 0.0], ["</s>", 0.0], *[[c, -2.0] for c in "ab</s>"]],
        },
    }
    encoder = tokenize.encoder(tokenizer_files.as_read(parsed), "</s>")
    encoder.checked = True
    assert 1 in encoder.reference.encode(["a</s>b"])[0], "the model does not show the problem"
    assert split(*encoder.encode(["a</s>b", "</s>", "?"])) == [[2, 3, 1], [], [0, 1]]


def test_texts_without_tokens_give_no_tokens(encoder):
    assert split(*encoder.encode(["", "a", ""]))[::2] == [[], []]
    assert split(*encoder.encode([])) == []


class Wrong:
    """Stands in for a gigatoken whose ids are off by one in texts that hold a given word."""

    def __init__(self, real, word):
        self.real, self.word = real, word

    def encode_batch(self, texts):
        import awkward as ak

        made = self.real.encode_batch(texts).to_list()
        wrong = [[i + (self.word in t) for i in ids] for t, ids in zip(texts, made, strict=True)]
        return ak.values_astype(ak.Array(wrong), np.uint32)


def test_falls_back_when_ids_differ_and_no_text_decides_that(tokenizer, monkeypatch, caplog):
    import gigatoken

    real = gigatoken.Tokenizer.from_json
    monkeypatch.setattr(gigatoken.Tokenizer, "from_json", lambda text: Wrong(real(text), "中文"))
    encoder = tokenize.encoder(tokenizer_files.read(tokenizer, None, None), "<|endoftext|>")
    with caplog.at_level(logging.WARNING, "datacurate"):
        made = split(*encoder.encode(["a zebra", "b"]))
        encoder.encode(["another zebra"])
    assert encoder.fast is None
    assert [m[:-1] for m in made] == split(*encoder.reference.encode(["a zebra", "b"]))
    assert len(caplog.records) == 1 and "differ" in caplog.text


def changed(tokenizer, **model):
    """The tokenizer's definition with other added tokens, behind the vocabulary as Qwen's are, or another model."""
    parsed = json.loads(Path(tokenizer).read_text(encoding="utf-8"))
    added = model.pop("added", None)
    size = len(parsed["model"]["vocab"])
    if added is not None:
        plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
        parsed["added_tokens"] = [
            plain | {"id": size + i, "content": name} | own for i, (name, own) in enumerate(added)
        ]
    parsed["model"] |= model
    return parsed


QWEN = [("<|eos|>", {"special": True}), ("<|im_start|>", {"special": True}), ("<tool_call>", {}), ("<think>", {})]


@pytest.mark.parametrize("added", [QWEN, QWEN[:1] + QWEN[2:], QWEN[2:] + QWEN[:1]])
@pytest.mark.parametrize("fast", [True, False])
def test_added_tokens_that_are_not_special_keep_their_ids(tokenizer, added, fast):
    from tokenizers import Tokenizer

    parsed = changed(tokenizer, added=added)
    encoder = tokenize.encoder(tokenizer_files.as_read(parsed), "<|eos|>")
    if not fast:
        encoder.checked = True
    text = "a <tool_call>b<think> c</think><tool_call>"
    expected = Tokenizer.from_str(json.dumps(parsed)).encode(text).ids
    assert split(*encoder.encode([text, "x <|eos|> y"]))[0] == [*expected, encoder.end_of_text]
    marked = split(*encoder.plain(["x <|eos|> y <|im_start|>"]))[0]
    assert not set(marked) & set(encoder.control.tolist())
    assert encoder.decode(np.array(expected)) == text


def test_which_library_encodes_depends_on_the_tokenizer_alone(tokenizer):
    parsed = changed(tokenizer, added=[*QWEN, ("<word>", {"single_word": True})])
    made = []
    for first in (["plain"], ["H<word> <think>"]):
        encoder = tokenize.encoder(tokenizer_files.as_read(parsed), "<|eos|>")
        encoder.encode(first)
        made.append((encoder.fast is None, split(*encoder.encode(["H<word>x <word> y<think>"]))))
    assert made[0] == made[1]


def test_unassigned_characters_are_left_to_the_reference(tokenizer, monkeypatch):
    import gigatoken

    real = gigatoken.Tokenizer.from_json
    monkeypatch.setattr(gigatoken.Tokenizer, "from_json", lambda text: Wrong(real(text), "\U0001e6ff"))
    encoder = tokenize.encoder(tokenizer_files.read(tokenizer, None, None), "<|endoftext|>")
    texts = ["one", "\U0001e6ff'l and more", "", "zwei ü", "\U0001e6ff"]
    made = split(*encoder.plain(texts))
    assert encoder.fast is not None
    assert made == split(*encoder.reference.encode(texts))


def test_the_mark_is_text_also_where_it_stands_for_the_unknown(tokenizer):
    parsed = changed(tokenizer, unk_token="<|endoftext|>")
    encoder = tokenize.encoder(tokenizer_files.as_read(parsed), "<|endoftext|>")
    ids = split(*encoder.encode(["before <|endoftext|> after"]))[0]
    assert ids.count(encoder.end_of_text) == 1 and ids[-1] == encoder.end_of_text


def test_chance_in_a_tokenizer_is_left_out(tokenizer):
    text = "the same words again and again, and once more " * 20
    without = tokenize.encoder(tokenizer_files.read(tokenizer, None, None), "<|endoftext|>")
    encoder = tokenize.encoder(tokenizer_files.as_read(changed(tokenizer, dropout=0.5)), "<|endoftext|>")
    assert split(*encoder.encode([text] * 3)) == split(*without.encode([text] * 3))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"type": "Nonsense"}, "cannot be used"),
        ({"added": [("<|endoftext|>", {"special": True, "id": 2**31})]}, "cannot be used"),
    ],
)
def test_definitions_that_the_library_cannot_read_are_told_before_the_run(tokenizer, change, said):
    with pytest.raises(RecipeError, match=said):
        tokenize.encoder(tokenizer_files.as_read(changed(tokenizer, **change)), "<|endoftext|>")


def test_falls_back_when_gigatoken_cannot_load(tokenizer, caplog):
    parsed = {
        "added_tokens": [],
        "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "<|endoftext|>": 1, "a": 2}, "unk_token": "[UNK]"},
        "pre_tokenizer": {"type": "WhitespaceSplit"},
    }
    encoder = tokenize.encoder(tokenizer_files.as_read(parsed), "<|endoftext|>")
    with caplog.at_level(logging.WARNING, "datacurate"):
        made = split(*encoder.encode(["a b <|endoftext|> a"]))
    assert made == [[2, 0, 2, 1]]
    assert len(caplog.records) == 1 and "cannot load" in caplog.text


def test_errors_say_what_to_do(tokenizer, tmp_path, monkeypatch):
    with pytest.raises(RecipeError, match=r"no token '<eos>'.*Set end_of_text"):
        tokenize.load(tokenizer, "<eos>")
    broken = tmp_path / "tokenizer.json"
    broken.write_text("{")
    with pytest.raises(RecipeError, match="cannot be read"):
        tokenize.load(str(broken), "<|endoftext|>")


def test_loaded_once_per_process_and_again_when_the_file_changes(tokenizer, tmp_path):
    path = tmp_path / "tokenizer.json"
    with open(tokenizer) as file:
        parsed = json.load(file)
    path.write_text(json.dumps(parsed))
    first = tokenize.load(str(path), "<|endoftext|>")
    assert tokenize.load(str(path), "<|endoftext|>") is first
    path.write_text(json.dumps(parsed, indent=1))
    assert tokenize.load(str(tmp_path), "<|endoftext|>").vocabulary == 400
    assert tokenize.load(str(path), "<|endoftext|>") is not first
