"""The kernels of minhash and exact deduplication again, slow and obvious."""

from __future__ import annotations

import unicodedata

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
UNSPACED = [
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x19E0, 0x19FF), (0x2E80, 0x2FDF), (0x3005, 0x3007),
    (0x3021, 0x312F), (0x31A0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F),
    (0xF900, 0xFAFF), (0xFF66, 0xFF9F), (0x1AFF0, 0x1B16F), (0x20000, 0x3FFFD),
]  # fmt: skip


def as_bytes(value) -> bytes:
    if value is None:
        return b""
    return value.encode() if isinstance(value, str) else value


def kind(character: str) -> str:
    """other, word, alone or space."""
    code = ord(character)
    unspaced = any(first <= code <= last for first, last in UNSPACED)
    if 0x20000 <= code <= 0x3FFFD:
        return "alone"
    if character == "_" or unicodedata.category(character)[0] in "LMN":
        return "alone" if unspaced else "word"
    return "space" if character.isspace() else "other"


def lower(character: str) -> str:
    return character.lower()[0]


def words(text: bytes) -> list[str]:
    found, word = [], ""
    for character in text.decode("utf-8", "replace") + " ":
        if kind(character) == "word":
            word += lower(character)
            continue
        if word:
            found.append(word)
            word = ""
        if kind(character) == "alone":
            found.append(lower(character))
    return found


def mix(value: int) -> int:
    value ^= value >> 33
    value = value * 0xFF51AFD7ED558CCD & MASK
    value ^= value >> 33
    value = value * 0xC4CEB9FE1A85EC53 & MASK
    return value ^ (value >> 33)


def word_hash(word: str) -> int:
    value = 0x243F6A8885A308D3
    for character in word:
        value = (value ^ ord(character)) * GOLDEN & MASK
    return mix(value)


def shingles(text: bytes, ngram: int) -> list[int]:
    """The hash of every run of `ngram` words."""
    hashes = [word_hash(word) for word in words(text)]
    found = []
    for i in range(len(hashes) - ngram + 1):
        value = 0
        for word in hashes[i : i + ngram]:
            value = (value * 0xD6E8FEB86659FD93 + word) & MASK
        found.append(mix(value))
    return found


def true_shingles(text: bytes, ngram: int) -> set[tuple[str, ...]]:
    """The runs of `ngram` words themselves."""
    found = words(text)
    return {tuple(found[i : i + ngram]) for i in range(len(found) - ngram + 1)}


def jaccard(left: set, right: set) -> float:
    return len(left & right) / len(left | right) if left | right else 0.0


def splitmix(state: int) -> int:
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB & MASK
    return state ^ (state >> 31)


def sketch(text: bytes, ngram: int, bands: int, rows: int, seed: int) -> tuple[list[int], int]:
    """Band hashes and number of shingles."""
    drawn = [splitmix((i * GOLDEN + seed) & MASK) >> 32 for i in range(1, 2 * bands * rows + 1)]
    factors, terms = [a | 1 for a in drawn[: bands * rows]], drawn[bands * rows :]
    found = [shingle >> 32 for shingle in shingles(text, ngram)]
    if not found:
        return [0] * bands, 0
    least = [min((a * s + b) % 2**32 for s in found) for a, b in zip(factors, terms, strict=True)]
    hashes = []
    for band in range(bands):
        value = mix((band + 1) * GOLDEN & MASK)
        for low in least[band * rows : (band + 1) * rows]:
            value = (mix(value ^ low) + GOLDEN) & MASK
        hashes.append(value)
    return hashes, len(found)


def stars(order, buckets, sets, verify):
    """`{document: (survivor, similarity)}` of the merged ones: each is compared with all survivors it met."""
    survivors, merged = [], {}
    for one in order:
        met = [s for s in survivors if set(buckets[s]) & set(buckets[one])]
        scored = [(jaccard(sets[one], sets[s]), s) for s in met]
        good = [(value, s) for value, s in scored if value >= verify]
        if good:
            best = max(value for value, _ in good)
            merged[one] = ({s for value, s in good if value == best}, best)
        else:
            survivors.append(one)
    return merged


def groups(buckets, rows):
    """`{row: rows it is linked with}`."""
    linked = {row: {row} for row in rows}
    changed = True
    while changed:
        changed = False
        for a, x in zip(buckets, rows, strict=True):
            for b, y in zip(buckets, rows, strict=True):
                if a == b and linked[x] != linked[y]:
                    union = linked[x] | linked[y]
                    for row in union:
                        linked[row] = union
                    changed = True
    return linked


def normalised(text: bytes, ignore_case: bool) -> bytes:
    """Runs of white space as one space, none at the ends; surrogate escapes keep invalid bytes apart."""
    characters = "".join(" " if c.isspace() else c for c in text.decode("utf-8", "surrogateescape"))
    if ignore_case:
        characters = "".join(lower(c) for c in characters)
    squeezed = " ".join(part for part in characters.split(" ") if part)
    return squeezed.encode("utf-8", "surrogateescape")
