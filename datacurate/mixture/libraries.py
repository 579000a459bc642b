"""The libraries that turn text into token ids and back, behind one face."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Protocol

import numpy as np

Ragged = tuple[np.ndarray, np.ndarray]
"""Flat int32 token ids and int64 offsets, one more than there are documents."""


class Library(Protocol):
    """A tokenizer as one library has it; no control token comes out of a text by its name alone."""

    def encode(self, texts: list[str]) -> Ragged:
        """Token ids of the texts."""

    def decode(self, ids: np.ndarray) -> str:
        """The text of token ids."""


class HuggingFace:
    """`tokenizers`, with a tokenizer.json whose special tokens are text where a text names them."""

    def __init__(self, definition: str) -> None:
        self.definition = definition

    @cached_property
    def tokenizer(self) -> Any:
        """The loaded tokenizer."""
        from tokenizers import Tokenizer

        made = Tokenizer.from_str(self.definition)
        made.encode_special_tokens = True
        return made

    def encode(self, texts: list[str]) -> Ragged:
        """Token ids of the texts."""
        return ragged([e.ids for e in self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)])

    def decode(self, ids: np.ndarray) -> str:
        """The text of token ids."""
        return self.tokenizer.decode(ids.tolist(), skip_special_tokens=False)


class SentencePiece:
    """`sentencepiece`, with the bytes of a .model file. Names of control pieces are text to it."""

    def __init__(self, data: bytes) -> None:
        from sentencepiece import SentencePieceProcessor

        self.processor = SentencePieceProcessor(model_proto=data)

    def encode(self, texts: list[str]) -> Ragged:
        """Token ids of the texts."""
        return ragged(self.processor.encode(texts, num_threads=1))

    def normalize(self, texts: list[str]) -> list[str]:
        """The texts as the model sees them."""
        return self.processor.normalize(texts)

    def decode(self, ids: np.ndarray) -> str:
        """The text of token ids."""
        return self.processor.decode(ids.tolist())


class GigaToken:
    """`gigatoken`, with a tokenizer.json and what is done to texts before."""

    def __init__(self, definition: str, normalize: Callable[[list[str]], list[str]] | None = None) -> None:
        import gigatoken

        self.tokenizer = gigatoken.Tokenizer.from_json(definition)
        self.normalize = normalize

    def encode(self, texts: list[str]) -> Ragged:
        """Token ids of the texts."""
        if not texts:
            return np.zeros(0, np.int32), np.zeros(1, np.int64)
        return _ragged_of(self.tokenizer.encode_batch(self.normalize(texts) if self.normalize else texts))

    def encode_array(self, texts: Any) -> Ragged:
        """Token ids of an Arrow array of strings without nulls; no Python string is made."""
        if self.normalize or not len(texts):
            return self.encode(texts.to_pylist())
        return _ragged_of(self.tokenizer.encode_batch(_awkward(texts)))

    def decode(self, ids: np.ndarray) -> str:
        """The text of token ids."""
        return self.tokenizer.decode(ids.astype(np.uint32)).decode("utf-8", "replace")


def _awkward(texts: Any) -> Any:
    """The same strings as an Awkward array, on the same memory."""
    import awkward as ak

    _, offsets, data = texts.buffers()
    kind = np.int64 if str(texts.type) == "large_string" else np.int32
    ends = np.frombuffer(offsets, kind)[texts.offset : texts.offset + len(texts) + 1]
    letters = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(0, np.uint8)
    content = ak.contents.NumpyArray(letters, parameters={"__array__": "char"})
    index = ak.index.Index64(ends.astype(np.int64))
    return ak.Array(ak.contents.ListOffsetArray(index, content, parameters={"__array__": "string"}))


def _ragged_of(made: Any) -> Ragged:
    """What gigatoken returns, without a copy: its ids are unsigned, and below 2^31."""
    offsets = np.asarray(made.layout.offsets.data, np.int64)
    flat = np.asarray(made.layout.content.data)[offsets[0] : offsets[-1]]
    return flat.view(np.int32) if flat.dtype == np.uint32 else flat.astype(np.int32), offsets - offsets[0]


def ragged(lists: list[list[int]]) -> Ragged:
    """Lists of ids, one after another."""
    offsets = np.cumsum([0, *map(len, lists)], dtype=np.int64)
    return np.concatenate([np.zeros(0, np.int32), *(np.array(ids, np.int32) for ids in lists)]), offsets


def replaced(made: Ragged, at: list[int], others: Ragged) -> Ragged:
    """The ids of many texts with those of some, which must be empty, taken from elsewhere."""
    (flat, offsets), (more, ends) = made, others
    sizes = np.diff(offsets)
    sizes[at] = np.diff(ends)
    own = np.ones(int(sizes.sum()), bool)
    moved = np.concatenate([[0], np.cumsum(sizes)])
    for i in at:
        own[moved[i] : moved[i + 1]] = False
    joined = np.empty(len(own), np.int32)
    joined[own], joined[~own] = flat, more
    return joined, moved
