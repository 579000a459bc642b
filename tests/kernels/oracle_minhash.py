"""The kernels of minhash and exact deduplication again, slow and obvious."""

from __future__ import annotations

# ruff: noqa: RUF001
import re
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


PUNCTUATION = "!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_.\"}►»" + "".join(
    map(chr, [*range(9), 11, 12, *range(13, 32), *range(127, 160)])
)
"""As in datatrove."""


def characters(text: bytes) -> str:
    """U+FFFD for every byte that is not UTF-8."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text.decode("utf-8", "surrogateescape"))


def folded(text: bytes) -> list[str]:
    """Words as datatrove's simplify_text leaves them; marks in no order, a final sigma as any other."""
    simple = re.sub(r"\d+([.,،٫⎖⎗⎘]\d+)?", "0", characters(text).lower())
    simple = simple.translate({ord(character): " " for character in PUNCTUATION})
    simple = "".join(unicodedata.normalize("NFD", character) for character in simple)
    simple = "".join(character for character in simple if unicodedata.category(character) != "Mn")
    return simple.replace("ς", "σ").split()


def units(text: bytes, kind: str) -> list[str]:
    """What shingles are runs of."""
    if kind == "words":
        return words(text)
    if kind == "folded":
        return folded(text)
    return re.split("[^A-Za-z_0-9]", characters(text)) if kind == "identifiers" else list(characters(text))


def word_hash(word: str, kind: str = "words") -> int:
    """Eight bytes at a time; among words of ours, which are in lower case, the underscore is 0x7F."""
    value = 0x243F6A8885A308D3
    data = bytes(byte | 0x20 if byte < 128 and kind == "words" else byte for byte in word.encode())
    if kind == "characters":
        return mix(ord(word) * GOLDEN & MASK)
    whole = len(data) // 8 * 8
    for at in range(0, whole, 8):
        value = (value ^ int.from_bytes(data[at : at + 8], "little")) * 0xFF51AFD7ED558CCD & MASK
        value ^= value >> 33
    value ^= int.from_bytes(data[whole:], "little") ^ len(data) * GOLDEN & MASK
    value = value * 0xFF51AFD7ED558CCD & MASK
    return (value ^ (value >> 33)) * 0xC4CEB9FE1A85EC53 & MASK


def shingles(text: bytes, ngram: int, kind: str = "words") -> list[int]:
    """The hash of every run of `ngram` units that are not all empty."""
    found = []
    for run in runs(text, ngram, kind):
        value = 0
        for unit in run:
            value = (value * 0xD6E8FEB86659FD93 + word_hash(unit, kind)) & MASK
        found.append(mix(value))
    return found


def runs(text: bytes, ngram: int, kind: str = "words") -> list[tuple[str, ...]]:
    found = units(text, kind)
    return [tuple(found[i : i + ngram]) for i in range(len(found) - ngram + 1) if any(found[i : i + ngram])]


def true_shingles(text: bytes, ngram: int, kind: str = "words") -> set[tuple[str, ...]]:
    """The runs of `ngram` words themselves."""
    return set(runs(text, ngram, kind))


def jaccard(left: set, right: set) -> float:
    return len(left & right) / len(left | right) if left | right else 0.0


def splitmix(state: int) -> int:
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB & MASK
    return state ^ (state >> 31)


def sketch(text: bytes, ngram: int, bands: int, rows: int, seed: int, kind: str = "words") -> tuple[list[int], int]:
    """Band hashes and number of shingles."""
    drawn = [splitmix((i * GOLDEN + seed) & MASK) >> 32 for i in range(1, 2 * bands * rows + 1)]
    factors, terms = [a | 1 for a in drawn[: bands * rows]], drawn[bands * rows :]
    found = [shingle >> 32 for shingle in shingles(text, ngram, kind)]
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


def contained(left: set, right: set) -> float:
    return len(left & right) / len(left) if left else 0.0


def stars(order, buckets, sets, verify, alike=jaccard):
    """`{document: (survivor, similarity)}` of the merged ones: each is compared with all survivors it met."""
    survivors, merged = [], {}
    for one in order:
        met = [s for s in survivors if set(buckets[s]) & set(buckets[one])]
        scored = [(alike(sets[one], sets[s]), s) for s in met]
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
