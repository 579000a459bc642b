"""Text to token ids and back: gigatoken where its ids equal those of the reference library, else that library.

The reference is Hugging Face `tokenizers`, and for SentencePiece files their own library.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from datacurate.core.errors import RecipeError, did_you_mean
from datacurate.mixture import libraries, probes, sentinels, tokenizer_files
from datacurate.mixture.libraries import Library, Ragged
from datacurate.mixture.tokenizer_files import Read

log = logging.getLogger("datacurate")


@dataclass
class Encoder:
    """A loaded tokenizer that reads special tokens inside a text as plain text.

    The libraries would turn a literal `<|endoftext|>` into the control token. Hugging Face's is told not to; for
    gigatoken control tokens are taken out of the list of added tokens. Where the model itself still spells one out
    (Unigram can), its id is in `control` and left out of what `encode` returns.
    """

    reference: Library
    definition: str
    """The tokenizer.json without control tokens, templates, truncation and padding; empty when there is none."""
    end_of_text: int
    control: np.ndarray
    """Ids that no text may produce, sorted."""
    vocabulary: int
    """One more than the largest id."""
    begin_of_text: int | None = None
    lossless: bool = False
    """Whether `decode` gives every text back byte by byte."""
    spaced: bool = False
    """Whether a space is put in front of every stretch between control tokens, not of the text alone."""
    special: dict[str, int] = field(default_factory=dict)
    """Control tokens by name."""
    fast: Library | None = None
    """gigatoken; None when the reference does the work."""
    checked: bool = False

    @property
    def shows_places(self) -> bool:
        """Whether the reference library says where in a text its tokens are."""
        return isinstance(self.reference, libraries.HuggingFace)

    @cached_property
    def lengths(self) -> np.ndarray:
        """Bytes that each id stands for, where the tokenizer is lossless."""
        assert isinstance(self.reference, libraries.HuggingFace)
        made = np.zeros(self.vocabulary, np.int64)
        # of byte-level BPE every letter stands for a byte; an added token for its own spelling
        added = {t["content"]: t["id"] for t in json.loads(self.definition).get("added_tokens") or []}
        for token, i in self.reference.tokenizer.get_vocab(with_added_tokens=False).items():
            made[i] = len(token)
        for token, i in added.items():
            made[i] = len(token.encode())
        return made

    def encode(self, texts: list[str]) -> Ragged:
        """Token ids of each text between the marks of its begin and end; a text without tokens gives none at all."""
        return framed(*self.plain(texts), self.begin_of_text, self.end_of_text)

    def plain(self, texts: list[str]) -> Ragged:
        """Token ids of each text, without marks."""
        if not self.checked:
            self.check()
        return without(*self._encoded(texts), self.control)

    def _encoded(self, texts: list[str]) -> Ragged:
        """Token ids by gigatoken, but for texts with characters that libraries of different age know differently."""
        if self.fast is None:
            return self.reference.encode(texts)
        if not (odd := probes.unassigned(texts)):
            return self.fast.encode(texts)
        kept = list(texts)
        for i in odd:
            kept[i] = ""
        return libraries.replaced(self.fast.encode(kept), odd, self.reference.encode([texts[i] for i in odd]))

    def encode_array(self, texts: Any) -> Ragged:
        """`encode` of an Arrow array of strings; nulls are empty. gigatoken reads them where they lie."""
        import pyarrow as pa
        import pyarrow.compute as pc

        from datacurate.kernels.of_table import holding

        if not self.checked:
            self.check()
        texts = pc.fill_null(texts, "") if texts.null_count else texts
        if not isinstance(self.fast, libraries.GigaToken):
            return self.encode(texts.to_pylist())
        odd = holding(texts, probes.table_of_unassigned())
        if not odd.any():
            made = self.fast.encode_array(texts)
        else:
            theirs = self.reference.encode(texts.filter(pa.array(odd)).to_pylist())
            rest = self.fast.encode_array(pc.if_else(pa.array(odd), pa.scalar("", texts.type), texts))
            made = libraries.replaced(rest, np.flatnonzero(odd).tolist(), theirs)
        return framed(*without(*made, self.control), self.begin_of_text, self.end_of_text)

    def count(self, texts: list[str]) -> np.ndarray:
        """How many ids `encode` gives for each text, int64."""
        return np.diff(self.encode(texts)[1])

    def decode(self, ids: np.ndarray) -> str:
        """The text of token ids, without marks."""
        ids = np.asarray(ids, np.int32)
        return self.reference.decode(ids[~np.isin(ids, self.control)])

    def check(self) -> None:
        """Give up gigatoken when it cannot load the tokenizer or its ids differ from the reference's.

        The texts that are compared depend on the tokenizer alone, so that every process and every run decides alike.
        """
        self.checked = True
        if not self.definition:
            return
        try:
            self.fast = libraries.GigaToken(self.definition, getattr(self.reference, "normalize", None))
            texts = probes.texts(self.definition)
            pairs = zip(self.fast.encode(texts), self.reference.encode(texts), strict=True)
            reason = "" if all(np.array_equal(a, b) for a, b in pairs) else "its token ids differ from those"
            reason = reason and f"{reason} of the {type(self.reference).__name__} library"
        except Exception as error:
            reason = f"it cannot load this tokenizer ({(str(error).splitlines() or [type(error).__name__])[0]})"
        if reason:
            self.fast = None
            log.warning("gigatoken is not used: %s. Encoding without it, which is slower.", reason)


FEW = 6
"""So many ids are compared one after the other: 0.1 ms for a million tokens and one id, where `isin` takes 1 ms."""


def without(flat: np.ndarray, offsets: np.ndarray, control: np.ndarray) -> Ragged:
    """The documents with every control id left out."""
    if len(control) > FEW:
        found = np.isin(flat, control)
    else:
        found = np.zeros(len(flat), bool)
        for one in control:
            found |= flat == one
    if not found.any():
        return flat, offsets
    keep = ~found
    kept_before = np.concatenate([[0], np.cumsum(keep)])
    return flat[keep], kept_before[offsets]


def framed(flat: np.ndarray, offsets: np.ndarray, begin: int | None, end: int) -> Ragged:
    """The documents that have tokens, with the marks of begin (if there is one) and end."""
    from datacurate.kernels import packing

    sizes = np.diff(offsets)
    some = sizes > 0
    marks = some.astype(np.int64) * (1 if begin is None else 2)
    moved = offsets + np.concatenate([[0], np.cumsum(marks)])
    made = np.empty(moved[-1], np.int32)
    packing.copy(flat, offsets[:-1], sizes, moved[:-1] + (begin is not None), made)
    made[moved[1:][some] - 1] = end
    if begin is not None:
        made[moved[:-1][some]] = begin
    return made, moved


def local_files(tokenizer: str) -> list[str]:
    """The files that a tokenizer is made of; none for a Hugging Face name."""
    try:
        found = tokenizer_files.find(tokenizer)
    except RecipeError:
        return []
    return list(found.files) if found else []


def load(
    tokenizer: str,
    end_of_text: str,
    begin_of_text: str | None = None,
    encoding: str | None = None,
    special_tokens: Mapping[str, int] | None = None,
) -> Encoder:
    """The tokenizer, loaded once per process (again when its files change)."""
    stamps = tuple((path, os.stat(path).st_mtime_ns, os.stat(path).st_size) for path in local_files(tokenizer))
    special = tuple(sorted((special_tokens or {}).items()))
    return _load(tokenizer, end_of_text, begin_of_text, encoding, special, stamps)


@lru_cache(maxsize=4)
def _load(
    tokenizer: str,
    end_of_text: str,
    begin_of_text: str | None,
    encoding: str | None,
    special: tuple[tuple[str, int], ...],
    stamps: Any,
) -> Encoder:
    return encoder(tokenizer_files.read(tokenizer, encoding, dict(special)), end_of_text, begin_of_text)


def encoder(read: Read, end_of_text: str, begin_of_text: str | None = None) -> Encoder:
    """An Encoder of what a tokenizer's files say. RecipeError when it lacks a mark, or cannot be used."""
    _check_mark(read, end_of_text, "end_of_text", "ends")
    marks = {end_of_text}
    if begin_of_text is not None:
        _check_mark(read, begin_of_text, "begin_of_text", "opens")
        marks.add(begin_of_text)
    control = {*read.special, *marks, *(sentinels.ALL & read.tokens.keys())}
    kept = control - ({unknown(read.definition) if read.model is None else None} - marks)
    try:
        return Encoder(
            reference=_reference(read, control),
            definition=json.dumps(_stripped(read.definition, control)) if read.definition else "",
            end_of_text=read.tokens[end_of_text],
            control=np.array(sorted(read.tokens[token] for token in kept), np.int32),
            vocabulary=max(read.tokens.values()) + 1,
            begin_of_text=None if begin_of_text is None else read.tokens[begin_of_text],
            special={token: read.tokens[token] for token in sorted(kept)},
            lossless=read.model is None and _lossless(read.definition or {}, control),
            spaced=read.model is None and _spaced(read.definition or {}),
        )
    except Exception as error:  # the libraries raise whatever they like
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise RecipeError(f"the tokenizer cannot be used: {why}. Mend its files, or name another one.") from error


def _reference(read: Read, control: set[str]) -> Library:
    """The library that says which ids are right, once it has encoded something."""
    if read.model is not None:
        return libraries.SentencePiece(read.model)
    made = libraries.HuggingFace(json.dumps(_guarded(read.definition or {}, control)))
    made.encode(probes.USUAL)
    return made


def _check_mark(read: Read, token: str, option: str, does: str) -> None:
    if token in read.tokens:
        return
    own = f"Its own files name '{read.ends}'. " if option == "end_of_text" and read.ends in read.tokens else ""
    known = did_you_mean(token, read.special) or "It has no special tokens at all."
    raise RecipeError(
        f"the tokenizer has no token '{token}'. {own}{known} Set {option} to the token that {does} its documents."
    )


def _plain(definition: dict[str, Any]) -> dict[str, Any]:
    """The tokenizer.json without what adds tokens, cuts or fills, and without chance."""
    model = {**definition["model"], "dropout": None} if "dropout" in definition["model"] else definition["model"]
    return {**definition, "model": model, **dict.fromkeys(("post_processor", "truncation", "padding"))}


def _guarded(definition: dict[str, Any], control: set[str]) -> dict[str, Any]:
    """For Hugging Face's library: all added tokens have their ids, and control tokens are special."""
    added = [{**t, "special": t["content"] in control} for t in definition.get("added_tokens") or []]
    return {**_plain(definition), "added_tokens": added}


def _stripped(definition: dict[str, Any], control: set[str]) -> dict[str, Any]:
    """For gigatoken: no control tokens."""
    added = [t for t in definition.get("added_tokens") or [] if t["content"] not in control]
    return {**_plain(definition), "added_tokens": added}


def unknown(definition: dict[str, Any] | None) -> str | None:
    """The token that stands for what the vocabulary lacks; text may produce it."""
    model = (definition or {}).get("model", {})
    if model.get("unk_id") is not None:
        return model["vocab"][model["unk_id"]][0]
    return model.get("unk_token")


def _lossless(definition: dict[str, Any], control: set[str]) -> bool:
    """Whether the model spells all bytes and nothing before it changes the text: byte-level BPE, no normalizer."""
    from datacurate.mixture.tiktoken_file import byte_letters

    model, cut = definition["model"], definition.get("pre_tokenizer") or {}
    steps = cut.get("pretokenizers", [cut])
    kinds = {step.get("type") for step in steps}
    added = [t for t in definition.get("added_tokens") or [] if t["content"] not in control]
    return (
        model.get("type") == "BPE"
        and definition.get("normalizer") is None
        and kinds <= {"ByteLevel", "Split", "Digits"}
        and "ByteLevel" in kinds
        and not any(step.get("add_prefix_space") or step.get("behavior") == "Removed" for step in steps)
        and (definition.get("decoder") or {}).get("type") == "ByteLevel"
        and all(letter in model.get("vocab", {}) for letter in byte_letters())
        and not any(t.get("lstrip") or t.get("rstrip") for t in added)
    )


def _spaced(definition: dict[str, Any]) -> bool:
    """Whether a normalizer or pre-tokenizer begins every stretch of text with a space."""

    def steps(step: dict[str, Any] | None) -> list[dict[str, Any]]:
        return (step or {}).get("normalizers") or (step or {}).get("pretokenizers") or [step or {}]

    found = [*steps(definition.get("normalizer")), *steps(definition.get("pre_tokenizer"))]
    return any(
        step.get("type") == "Prepend" or step.get("prepend_scheme") == "always" or step.get("add_prefix_space") is True
        for step in found
    )
