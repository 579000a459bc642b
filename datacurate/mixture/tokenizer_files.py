"""Which files a tokenizer is, of which kind, and what they say."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, Literal

from datacurate.core.errors import RecipeError
from datacurate.mixture import sentencepiece_file, tiktoken_file

PAIRS = (("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe"))
"""Names of vocabularies and merges of byte-level BPE, as Hugging Face and as OpenAI name them."""
KINDS = (
    "Name a tokenizer.json, a folder with vocab.json and merges.txt, a SentencePiece .model, a .tiktoken file, or a "
    "Hugging Face repository that can be reached from here."
)


@dataclass(frozen=True)
class Found:
    """The local files of a tokenizer."""

    kind: Literal["json", "pair", "ranks", "sentencepiece"]
    files: tuple[str, ...]


@dataclass
class Read:
    """A tokenizer as its files say it is.

    `definition` is its tokenizer.json, or None for a SentencePiece model that has none. `model` holds the bytes of a
    SentencePiece file. `ends` is the token that the files themselves name as the end of a text.
    """

    definition: dict[str, Any] | None
    tokens: dict[str, int]
    special: set[str]
    """Tokens that mark something and stand for no text."""
    ends: str | None = None
    model: bytes | None = None


def as_read(parsed: dict[str, Any], ends: str | None = None) -> Read:
    """A parsed tokenizer.json."""
    model, added = parsed["model"], parsed.get("added_tokens") or []
    vocabulary = model.get("vocab") or {}
    if not isinstance(vocabulary, dict):
        vocabulary = {token: i for i, (token, _) in enumerate(vocabulary)}
    tokens = {**vocabulary, **{t["content"]: t["id"] for t in added}}
    return Read(parsed, tokens, {t["content"] for t in added if t.get("special")}, ends)


def find(tokenizer: str) -> Found | None:
    """The local files that `tokenizer` names; None when it is a Hugging Face name. RecipeError for a wrong one."""
    if os.path.isdir(tokenizer):
        return _in_folder(tokenizer)
    if os.path.isfile(tokenizer):
        folder, name = os.path.split(tokenizer)
        if any(name in pair for pair in PAIRS):
            return _in_folder(folder, alone=name)
        return Found(_kind(tokenizer), (tokenizer,))
    if tokenizer.endswith((".json", ".model", ".tiktoken", ".txt", ".bpe")) or tokenizer.startswith(("/", ".", "~")):
        raise RecipeError(f"tokenizer '{tokenizer}' cannot be read: there is no such file. {KINDS}")
    return None


def _in_folder(folder: str, alone: str = "") -> Found:
    """The tokenizer of a folder; `alone` names a file that needs the one beside it."""

    def here(name: str) -> str:
        return os.path.join(folder, name)

    if not alone and os.path.isfile(here("tokenizer.json")):
        return Found("json", (here("tokenizer.json"),))
    for pair in PAIRS:
        if (not alone or alone in pair) and all(os.path.isfile(here(name)) for name in pair):
            return Found("pair", tuple(map(here, pair)))
    if alone:
        other = next(b if alone == a else a for a, b in PAIRS if alone in (a, b))
        raise RecipeError(f"tokenizer '{here(alone)}': {other} must lie beside it. {KINDS}")
    single = sorted(name for name in os.listdir(folder) if name.endswith((".model", ".tiktoken")))
    if len(single) == 1:
        return Found(_kind(here(single[0])), (here(single[0]),))
    said = f"it has several: {', '.join(single)}. Name the file" if single else "it holds no tokenizer"
    raise RecipeError(f"tokenizer '{folder}': {said}. {KINDS}")


def _kind(path: str) -> Literal["json", "ranks", "sentencepiece"]:
    """What a file is, by how it begins: Llama 3 calls its ranks tokenizer.model, too."""
    with open(path, "rb") as file:
        head = file.read(8192)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")) or path.endswith(".json"):
        return "json"
    if path.endswith(".tiktoken") or tiktoken_file.looks_like_ranks(head):
        return "ranks"
    return "sentencepiece"


def read(tokenizer: str, encoding: str | None, special_tokens: dict[str, int] | None) -> Read:
    """What the tokenizer's files say, or those of a Hugging Face repository. RecipeError for what cannot be read."""
    found = find(tokenizer)
    if (encoding or special_tokens) and (found is None or found.kind != "ranks"):
        raise RecipeError(
            f"tokenizer '{tokenizer}': encoding and special_tokens are for files of ranks (.tiktoken); this one has "
            "its own. Leave them out."
        )
    try:
        if found is None:
            return _remote(tokenizer)
        if found.kind == "ranks":
            known = tiktoken_file.encoding_of(encoding, found.files[0], special_tokens)
            ranks = tiktoken_file.read_ranks(_bytes(found.files[0]))
            return as_read(tiktoken_file.definition(ranks, known))
        if found.kind == "sentencepiece":
            return _sentencepiece(_bytes(found.files[0]))
        return _pair(*found.files) if found.kind == "pair" else _json(found.files[0])
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RecipeError(f"tokenizer '{tokenizer}' cannot be read ({why}). {KINDS}") from error


def _bytes(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _parsed(path: str) -> Any:
    return json.loads(_bytes(path).decode("utf-8-sig"))


def _remote(name: str) -> Read:
    try:
        from tokenizers import Tokenizer

        return as_read(json.loads(Tokenizer.from_pretrained(name).to_str()))
    except Exception as error:  # the library raises whatever its client raises
        raise ValueError(str(error) or type(error).__name__) from error


def _json(path: str) -> Read:
    parsed = _parsed(path)
    if not isinstance(parsed, dict) or not isinstance(parsed.get("model"), dict):
        raise ValueError("it is JSON, but no tokenizer.json: that has a 'model'")
    return as_read(parsed, _end_of(os.path.dirname(path)))


def _pair(vocabulary: str, merges: str) -> Read:
    """Byte-level BPE as GPT-2's: other kinds of BPE do not say in these files how they cut and spell texts."""
    ids = _parsed(vocabulary)
    letters = tiktoken_file.byte_letters()
    if not isinstance(ids, dict) or any(letter not in ids for letter in letters):
        raise ValueError("its vocabulary is not one of byte-level BPE, and only that needs no tokenizer.json")
    lines = _bytes(merges).decode("utf-8").splitlines()
    pairs = [line.split(" ") for line in lines if line.strip() and not line.startswith("#version")]
    if wrong := next((pair for pair in pairs if len(pair) != 2 or "".join(pair) not in ids), None):
        raise ValueError(f"the merge {' '.join(wrong)!r} is no pair of tokens, or makes none of the vocabulary")
    folder = os.path.dirname(vocabulary)
    end = _end_of(folder)
    special = _added(folder) | {token: ids[token] for token in (end or "", "<|endoftext|>") if token in ids}
    model: dict[str, Any] = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": ""}
    model |= {"end_of_word_suffix": "", "fuse_unk": False, "byte_fallback": False, "vocab": ids, "merges": pairs}
    return as_read(tiktoken_file.byte_level(model, tiktoken_file.Encoding(tiktoken_file.GPT2, special)), end)


def _added(folder: str) -> dict[str, int]:
    path = os.path.join(folder, "added_tokens.json")
    return dict(_parsed(path)) if os.path.isfile(path) else {}


def _end_of(folder: str) -> str | None:
    """The end-of-text token that a folder of a model names."""
    path = os.path.join(folder, "tokenizer_config.json")
    try:
        token = _parsed(path).get("eos_token")
    except (OSError, ValueError, AttributeError):
        return None
    return token.get("content") if isinstance(token, dict) else token


def _sentencepiece(data: bytes) -> Read:
    model = sentencepiece_file.read_model(data)
    tokens = {piece: i for i, (piece, _, _) in enumerate(model.pieces)}
    special = {piece for piece, _, kind in model.pieces if kind == sentencepiece_file.CONTROL}
    named = model.trainer.get(42, 2)  # eos_id
    end = next((piece for piece in special if tokens[piece] == named), None)
    return Read(sentencepiece_file.definition(model), tokens, special, end, data)
