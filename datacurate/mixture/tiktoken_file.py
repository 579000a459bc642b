"""tiktoken files: ranks of byte strings, made into the definition (a tokenizer.json) that all our libraries load.

A .tiktoken file holds ranks and nothing else. How text is cut into pieces before any merging, and which special tokens
there are, stands in the code of whoever made it; `ENCODINGS` has both for the files that OpenAI publishes.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from functools import cache
from typing import Any

from datacurate.core.errors import RecipeError, did_you_mean

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""How GPT-2 cuts texts (Radford et al. 2019, openai/gpt-2 src/encoder.py)."""
CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
_ENDINGS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
O200K = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_ENDINGS}|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_ENDINGS}"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

LONGEST = 4096
"""Bytes of the longest token that is taken; the longest that is published has 128 (spaces, in cl100k)."""


@dataclass(frozen=True)
class Encoding:
    """What a file of ranks does not say: how texts are cut into pieces, and the special tokens with their ids."""

    pattern: str
    special_tokens: dict[str, int]


_FIM = ("<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>")
_CL100K_SPECIAL = {"<|endoftext|>": 100257, **dict(zip(_FIM, range(100258, 100261), strict=True))}
_RESERVED = (200000, 200001, 200004, *range(200009, 200012), *range(200013, 201088))
_HARMONY = {f"<|reserved_{i}|>": i for i in _RESERVED}
_HARMONY |= {"<|startoftext|>": 199998, "<|endoftext|>": 199999, "<|endofprompt|>": 200018, "<|return|>": 200002}
_HARMONY |= {"<|constrain|>": 200003, "<|channel|>": 200005, "<|start|>": 200006, "<|end|>": 200007}
_HARMONY |= {"<|message|>": 200008, "<|call|>": 200012}

ENCODINGS = {
    "gpt2": Encoding(GPT2, {"<|endoftext|>": 50256}),
    "r50k_base": Encoding(GPT2, {"<|endoftext|>": 50256}),
    "p50k_base": Encoding(GPT2, {"<|endoftext|>": 50256}),
    "p50k_edit": Encoding(GPT2, {"<|endoftext|>": 50256, **dict(zip(_FIM, range(50281, 50284), strict=True))}),
    "cl100k_base": Encoding(CL100K, {**_CL100K_SPECIAL, "<|endofprompt|>": 100276}),
    "o200k_base": Encoding(O200K, {"<|endoftext|>": 199999, "<|endofprompt|>": 200018}),
    "o200k_harmony": Encoding(O200K, _HARMONY),
}
"""Published encodings by name (tiktoken 0.14, tiktoken_ext/openai_public.py; a test compares them)."""


def encoding_of(name: str | None, file: str, special_tokens: dict[str, int] | None) -> Encoding:
    """The encoding that an option names, or else the file; a name with signs of a pattern is one.

    RecipeError when neither is known: a wrong way of cutting spoils every id and nobody notices.
    """
    short = file.replace("\\", "/").rpartition("/")[2].partition(".")[0]
    wanted = name or short
    known = ENCODINGS.get(wanted) or ENCODINGS.get(f"{wanted}_base")
    if known is None and name and not name.replace("_", "").replace("-", "").isalnum():
        known = Encoding(name, {})
    if known is None:
        said = f"no encoding is called '{name}'" if name else "its name does not say which encoding it belongs to"
        raise RecipeError(
            f"tokenizer '{file}': {said}, and a file of ranks does not say how texts are cut. "
            f"{did_you_mean(wanted, ENCODINGS)} Set encoding to one of them, or to the pattern itself (a regular "
            "expression), with special_tokens beside it."
        )
    return Encoding(known.pattern, {**known.special_tokens, **(special_tokens or {})})


def looks_like_ranks(head: bytes) -> bool:
    """Whether a file begins like one of ranks: base64, a space, a number."""
    first = head.lstrip().split(b"\n", 1)[0].split()
    return len(first) == 2 and first[1].isdigit() and _decoded(first[0]) is not None


def read_ranks(data: bytes) -> dict[bytes, int]:
    """Byte strings and their ranks. ValueError, with the line, for what is no such file."""
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(data.splitlines(), 1):
        parts = line.split()
        if not parts:
            continue
        token = _decoded(parts[0]) if len(parts) == 2 and parts[1].isdigit() else None
        if not token:
            raise ValueError(f"line {number} is no base64 and rank: {line[:60]!r}")
        if len(token) > LONGEST:
            raise ValueError(f"line {number}: a token of {len(token):,} bytes")
        if token in ranks:
            raise ValueError(f"line {number}: {token!r} is there twice")
        ranks[token] = int(parts[1])
    if len(set(ranks.values())) < len(ranks):
        raise ValueError("two tokens have the same rank")
    if lacking := [b for b in range(256) if bytes([b]) not in ranks]:
        raise ValueError(
            f"{len(lacking)} of the 256 single bytes are missing ({lacking[:5]} ...): the file is cut off?"
        )
    return ranks


def _decoded(word: bytes) -> bytes | None:
    try:
        return base64.b64decode(word, validate=True)
    except binascii.Error:
        return None


def definition(ranks: dict[bytes, int], encoding: Encoding) -> dict[str, Any]:
    """The tokenizer.json of ranks: a BPE model over bytes whose merges are the last step to each token."""
    if taken := set(encoding.special_tokens.values()) & set(ranks.values()):
        raise ValueError(f"special tokens have ids that the ranks have too: {sorted(taken)[:5]}")
    letters = byte_letters()
    spelled = {token: "".join(letters[b] for b in token) for token in ranks}
    merges = []
    for token in sorted((t for t in ranks if len(t) > 1), key=lambda t: ranks[t]):
        parts = last_step(token, ranks)
        if len(parts) == 2:
            merges.append([spelled[part] for part in parts])
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": "",
        "end_of_word_suffix": "",
        "fuse_unk": False,
        "byte_fallback": False,
        # tiktoken takes a piece that is a token as it is, also where no merges lead to it.
        "ignore_merges": True,
        "vocab": {spelled[token]: rank for token, rank in ranks.items()},
        "merges": merges,
    }
    return byte_level(model, encoding)


def byte_level(model: dict[str, Any], encoding: Encoding) -> dict[str, Any]:
    """The tokenizer.json of a model over byte letters whose texts are cut by the encoding's pattern."""
    split = {"type": "Split", "pattern": {"Regex": encoding.pattern}, "behavior": "Isolated", "invert": False}
    letters = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    cut = {"type": "Sequence", "pretokenizers": [split, {**letters, "use_regex": False}]}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": i, "content": token, **flags} for token, i in encoding.special_tokens.items()],
        "normalizer": None,
        "pre_tokenizer": {**letters, "use_regex": True} if encoding.pattern == GPT2 else cut,
        "post_processor": None,
        "decoder": {**letters, "use_regex": True},
        "model": model,
    }


def last_step(token: bytes, ranks: dict[bytes, int]) -> list[bytes]:
    """The parts of a token before its own merge: what merges of lower rank make of its bytes, best first."""
    own = ranks[token]
    ways = [i for i in range(1, len(token)) if token[:i] in ranks and token[i:] in ranks]
    if len(ways) == 1:
        return [token[: ways[0]], token[ways[0] :]]
    parts = [token[i : i + 1] for i in range(len(token))]
    while len(parts) > 2:
        best, at = own, -1
        for i in range(len(parts) - 1):
            rank = ranks.get(parts[i] + parts[i + 1], own)
            if rank < best:
                best, at = rank, i
        if at < 0:
            break
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts


@cache
def byte_letters() -> tuple[str, ...]:
    """The printable character that stands for each byte in a vocabulary of byte-level BPE (GPT-2's encoder.py)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = (b for b in range(256) if b not in printable)
    letter = {b: chr(b) for b in printable} | {b: chr(256 + n) for n, b in enumerate(others)}
    return tuple(letter[b] for b in range(256))
