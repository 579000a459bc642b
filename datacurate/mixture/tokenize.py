"""Text to token ids: gigatoken where its ids equal those of Hugging Face `tokenizers`, else the latter."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from datacurate.core.errors import RecipeError, did_you_mean

log = logging.getLogger("datacurate")

PROBES = [
    "",
    " ",
    "The quick brown fox. It's 1,234.56!\n\n\tdef f(x):\n        return x  \r\n",
    "naïve café, weiß, Ελληνικά, русский, עברית, العربية, हिन्दी, 中文字符, 日本語, 한국어",
    "\u00a0\u200b\ufeff\u0000e\u0301 \U0001f469\u200d\U0001f4bb \U0001f1eb\U0001f1f7 aaaaaaaaaaaaaaaaaa",
]
"""Texts on which tokenizers tend to differ. Fixed, so that every process decides alike."""

SAMPLE = 64
"""Documents of the first batch on which both libraries are compared, besides the probes."""

Ragged = tuple[np.ndarray, np.ndarray]
"""Flat int32 token ids and int64 offsets, one more than there are documents."""


@dataclass
class Encoder:
    """A loaded tokenizer that reads special tokens inside a text as plain text.

    Both libraries would turn a literal `<|endoftext|>` into the control token, so control tokens are taken
    out of the tokenizer's list of added tokens before either library sees it. Where the model itself still
    spells one out (Unigram can), its id is in `control` and left out of what `encode` returns.
    """

    definition: str
    """The tokenizer.json without control tokens, templates, truncation and padding."""
    end_of_text: int
    control: np.ndarray
    """Ids that no text may produce, sorted."""
    vocabulary: int
    """One more than the largest id."""
    fast: Any = None
    """The gigatoken tokenizer; None when `tokenizers` does the work."""
    checked: bool = False
    _slow: Any = field(default=None, repr=False)

    def encode(self, texts: list[str]) -> Ragged:
        """Token ids of each text followed by the end-of-text id; a text without tokens gives none at all."""
        if not self.checked:
            self.check(texts[:SAMPLE])
        flat, offsets = self._fast(texts) if self.fast is not None else self.slow(texts)
        return with_end(*without(flat, offsets, self.control), self.end_of_text)

    def check(self, sample: list[str]) -> None:
        """Give up gigatoken when it cannot load the tokenizer or its ids differ."""
        self.checked = True
        try:
            import gigatoken

            self.fast = gigatoken.Tokenizer.from_json(self.definition)
            texts = PROBES + sample
            same = all(np.array_equal(a, b) for a, b in zip(self._fast(texts), self.slow(texts), strict=True))
            reason = "" if same else "its token ids differ from those of the tokenizers library"
        except Exception as error:
            reason = f"it cannot load this tokenizer ({error})"
        if reason:
            self.fast = None
            log.warning("gigatoken is not used: %s. Encoding with tokenizers, which is slower.", reason)

    def _fast(self, texts: list[str]) -> Ragged:
        if not texts:
            return np.zeros(0, np.int32), np.zeros(1, np.int64)
        layout = self.fast.encode_batch(texts).layout
        offsets = np.asarray(layout.offsets.data, np.int64)
        flat = np.asarray(layout.content.data)[offsets[0] : offsets[-1]]
        return flat.astype(np.int32), offsets - offsets[0]

    def slow(self, texts: list[str]) -> Ragged:
        """The same through Hugging Face `tokenizers`."""
        if self._slow is None:
            from tokenizers import Tokenizer

            self._slow = Tokenizer.from_str(self.definition)
        encoded = self._slow.encode_batch_fast(texts, add_special_tokens=False)
        ids = [np.array(e.ids, np.int32) for e in encoded]
        offsets = np.cumsum([0, *map(len, ids)], dtype=np.int64)
        return np.concatenate([np.zeros(0, np.int32), *ids]), offsets


def without(flat: np.ndarray, offsets: np.ndarray, control: np.ndarray) -> Ragged:
    """The documents with every control id left out."""
    keep = ~np.isin(flat, control)
    if keep.all():
        return flat, offsets
    kept_before = np.concatenate([[0], np.cumsum(keep)])
    return flat[keep], kept_before[offsets]


def with_end(flat: np.ndarray, offsets: np.ndarray, end_of_text: int) -> Ragged:
    """The documents with the end-of-text id appended to each that has tokens."""
    some = np.diff(offsets) > 0
    flat = np.insert(flat, offsets[1:][some], end_of_text).astype(np.int32)
    return flat, offsets + np.concatenate([[0], np.cumsum(some)])


def local_file(tokenizer: str) -> str | None:
    """The path of the tokenizer.json that `tokenizer` names, or None when it is a Hugging Face name."""
    for path in (tokenizer, os.path.join(tokenizer, "tokenizer.json")):
        if os.path.isfile(path):
            return path
    return None


def load(tokenizer: str, end_of_text: str) -> Encoder:
    """The tokenizer, loaded once per process (again when its file changes)."""
    path = local_file(tokenizer)
    stamp = (os.stat(path).st_mtime_ns, os.stat(path).st_size) if path else None
    return _load(tokenizer, end_of_text, stamp)


@lru_cache(maxsize=4)
def _load(tokenizer: str, end_of_text: str, stamp: Any) -> Encoder:
    return encoder(definition(tokenizer), end_of_text)


def definition(tokenizer: str) -> dict[str, Any]:
    """The parsed tokenizer.json."""
    path = local_file(tokenizer)
    try:
        if path:
            with open(path, encoding="utf-8") as file:
                return json.load(file)
        from tokenizers import Tokenizer

        return json.loads(Tokenizer.from_pretrained(tokenizer).to_str())
    except Exception as error:
        raise RecipeError(
            f"mixture: tokenizer '{tokenizer}' cannot be read ({str(error).splitlines()[0]}). "
            "Name a tokenizer.json file, or a Hugging Face repository that can be reached from here."
        ) from error


def encoder(parsed: dict[str, Any], end_of_text: str) -> Encoder:
    """An Encoder from a parsed tokenizer.json."""
    added = {t["content"]: t["id"] for t in parsed.get("added_tokens") or []}
    vocabulary = _vocabulary(parsed["model"])
    if end_of_text not in added and end_of_text not in vocabulary:
        raise RecipeError(
            f"mixture: the tokenizer has no token '{end_of_text}'. {did_you_mean(end_of_text, added)} "
            "Set end_of_text to the token that ends its documents."
        )
    special = [t["content"] for t in parsed.get("added_tokens") or [] if t.get("special")]
    control = {*special, end_of_text} - {_unknown(parsed["model"])}
    ids = {**vocabulary, **added}
    stripped = {
        **parsed,
        "added_tokens": [t for t in parsed.get("added_tokens") or [] if t["content"] not in control],
        **dict.fromkeys(("post_processor", "truncation", "padding")),
    }
    return Encoder(
        definition=json.dumps(stripped),
        end_of_text=ids[end_of_text],
        control=np.array(sorted(ids[token] for token in control), np.int32),
        vocabulary=max(ids.values()) + 1,
    )


def _vocabulary(model: dict[str, Any]) -> dict[str, int]:
    vocabulary = model.get("vocab", {})
    if isinstance(vocabulary, dict):
        return vocabulary
    return {token: i for i, (token, _) in enumerate(vocabulary)}


def _unknown(model: dict[str, Any]) -> str | None:
    """The token that stands for what the vocabulary lacks; text may produce it."""
    if model.get("unk_id") is not None:
        return model["vocab"][model["unk_id"]][0]
    return model.get("unk_token")
