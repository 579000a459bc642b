"""Makes datacurate/data/charset/model.npz: how likely characters follow each other, per language.

    python scripts/train_charset.py ../shared

Alphabets: log-probabilities of pairs of characters, from the sentences of the language identification data (Lingua and
Tatoeba) and the Debian documentation pages. Chinese, Japanese, Korean: log-probabilities of single characters, from the
same texts and from where the national standards put a character (the first level holds the common ones).
The detection (datacurate/stages/_charset_model.py) asks which decoding of a page makes the likeliest text. No file of
encodings_a.zip is read here: that is the test.
"""

from __future__ import annotations

import gzip
import html
import json
import re
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np

TARGET = Path(__file__).resolve().parent.parent / "datacurate/data/charset/model.npz"
LONG = {
    "ara": "ar", "bel": "be", "bul": "bg", "bos": "bs", "cat": "ca", "ces": "cs", "dan": "da", "deu": "de", "ell": "el",
    "eng": "en", "spa": "es", "est": "et", "pes": "fa", "fin": "fi", "fra": "fr", "heb": "he", "hrv": "hr", "hun": "hu",
    "isl": "is", "ita": "it", "lit": "lt", "lvs": "lv", "mkd": "mk", "nob": "nb", "nno": "nb", "nn": "nb", "nld": "nl",
    "pol": "pl", "por": "pt", "ron": "ro", "rus": "ru", "slk": "sk", "slv": "sl", "sqi": "sq", "srp": "sr", "swe": "sv",
    "tha": "th", "tur": "tr", "ukr": "uk", "vie": "vi", "cmn": "zh", "jpn": "ja", "kor": "ko", "no": "nb",
}  # fmt: skip
ALPHABETS = [
    "ar", "be", "bg", "bs", "ca", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "he", "hr", "hu", "is",
    "it", "lt", "lv", "mk", "nb", "nl", "pl", "pt", "ro", "ru", "sk", "sl", "sq", "sr", "sv", "th", "tr", "uk", "vi",
]  # fmt: skip
SYMBOLS = {
    "\u00a0": 5e-3, "\u00ad": 1e-3,
    "’": 3e-3, **dict.fromkeys("–—“”", 1e-3),
    **dict.fromkeys("„‘‚«»…·•©®°", 5e-5),
    **dict.fromkeys("€£§№²³½¼¾±\u00d7÷¿¡¢¥¶†‡™ªº´¨\u00b8\u2039\u203a", 5e-6),
}  # fmt: skip
"""Not letters, but on pages of every language: how often one of them follows another character. The same for every
language, so that quotation marks do not decide between languages."""
IDEOGRAPHS = {
    "zh": [("gb2312", 0xB0, 0xD7, 0.55), ("gb2312", 0xD8, 0xF7, 0.02), ("big5", 0xA4, 0xC6, 0.35),
           ("big5", 0xC9, 0xF9, 0.01)],
    "ja": [("euc_jp", 0xB0, 0xCF, 0.36), ("euc_jp", 0xD0, 0xF4, 0.02), ("euc_jp", 0xA4, 0xA4, 0.4),
           ("euc_jp", 0xA5, 0xA5, 0.15)],
    "ko": [("euc_kr", 0xB0, 0xC8, 0.9), ("euc_kr", 0xCA, 0xFD, 0.01), ("cp949", 0x81, 0xA0, 0.002)],
}  # fmt: skip
"""By language: ranges of lead bytes of a national standard, and the share of a text that their characters make up."""
APART = 0.02
"""How much rarer a symbol beside an ASCII letter (`don’t`) is in a language of another script."""
PAIR_WEIGHT = 4.0
"""How many observed pairs the estimate from single characters counts for."""
STEP = 0.15
FLOOR = -127 * STEP
"""Log-probabilities are kept in a byte, in steps of this size."""


def texts(shared: Path) -> dict[str, list[str]]:
    """Texts by language."""
    found: dict[str, list[str]] = {}
    with gzip.open(shared / "data/lid/sentences.tsv.gz", "rt", encoding="utf-8") as file:
        for line in file:
            name, _, text = line.rstrip("\n").split("\t", 2)
            found.setdefault(LONG.get(name, name), []).append(unicodedata.normalize("NFC", text))
    for name, page in pages(shared):
        if sum(map(len, found.setdefault(name, []))) < 400_000:
            found[name].append(page)
    return found


def pages(shared: Path):
    """Language and text of the documentation pages whose language is sure."""
    from datacurate.sources.warc import Warc

    folder = shared / "data/docs_pages"
    with gzip.open(folder / "docs_a.gold.jsonl.gz", "rt", encoding="utf-8") as file:
        gold = {row["url"]: row for row in map(json.loads, file)}
    for batch in Warc(path="docs").read(folder / "docs_a.warc.gz", "docs"):
        for row in batch.docs.select(["url", "html"]).to_pylist():
            about = gold.get(row["url"])
            if about and (about["lang_lid_score"] or 0) > 0.8:
                try:
                    page = row["html"].decode("utf-8")
                except UnicodeDecodeError:
                    continue
                bare = html.unescape(re.sub(r"(?s)<(script|style).*?</\1>|<[^>]*>", " ", page))
                yield (
                    LONG.get(about["lang_lid"], about["lang_lid"]),
                    unicodedata.normalize("NFC", " ".join(bare.split())),
                )


def alphabet(text: str) -> tuple[str, np.ndarray]:
    """The non-ASCII characters of a language, and the table of log-probabilities of pairs of classes.

    Classes: 0 ASCII without letters, 1 to 26 letters without case, 27 any other letter, 28 any other character,
    29 what no text holds, then the alphabet.
    """
    counts = Counter(char for char in text if char >= "\x80")
    total = sum(counts.values())
    least = max(2, total * 2e-4)
    kept = [
        char
        for char, count in counts.items()
        if (count >= least and char.isalpha()) or (count > 2 and unicodedata.combining(char))
    ]
    both = {other for char in kept for other in (char.lower(), char.upper()) if len(other) == 1 and other >= "\x80"}
    letters = "".join(sorted(set(kept) | both) + list(SYMBOLS))
    number = {char: 30 + at for at, char in enumerate(letters)}
    classes = np.array([_class(char, number) for char in text])
    size = 30 + len(letters)
    single = np.bincount(classes, minlength=size) + 0.5
    single[27], single[28], single[29] = 0.02, 0.02, 1e-6
    single /= single.sum()
    pairs = np.bincount(classes[:-1] * size + classes[1:], minlength=size * size).reshape(size, size).astype(float)
    pairs[27:30] = pairs[:, 27:30] = 0
    made = (pairs + PAIR_WEIGHT * single) / (pairs.sum(axis=1, keepdims=True) + PAIR_WEIGHT)
    latin = sum(char < "\u0250" for char in letters) > len(letters) / 2
    for symbol, share in SYMBOLS.items():
        made[:, number[symbol]] = share
        made[1:27, number[symbol]] = share if latin else share * APART
        made[number[symbol]] = np.where(np.arange(size) < 27, 0.03 if latin else 0.03 * APART, np.minimum(single, 0.01))
        made[number[symbol], 0] = 0.3
    made[29] = 1e-12
    return letters, np.log(made)


def _class(char: str, number: dict[str, int]) -> int:
    if char < "\x80":
        return ord(char.lower()) - 96 if char.isalpha() else 0
    return number.get(char, 27 if char.isalpha() else 28)


def ideographs(text: str, ranges: list[tuple[str, int, int, float]]) -> np.ndarray:
    """Log-probability of every character of the basic plane, 0 for ASCII."""
    prior = np.full(65536, 1e-8)
    for codec, first, last, share in ranges:
        chars = [ord(char) for lead in range(first, last + 1) for trail in range(0x40, 0xFF)
                 if len(char := bytes([lead, trail]).decode(codec, "ignore")) == 1 and char >= "\x80"]  # fmt: skip
        prior[chars] += share / len(chars)
    prior[[ord(char) for char in "、。「」・ー〜，！？：；（）《》“”…—　"]] += 0.004
    prior[0xFF10:0xFF5B] += 0.0003
    prior[0xFF61:0xFFA0] = 1e-6
    prior[0xE000:0xF900] = 1e-8
    seen = np.bincount([ord(char) for char in text if "\x80" <= char < "\U00010000"], minlength=65536)
    strength = 20_000.0
    made = np.log((seen + strength * prior) / (seen.sum() + strength))
    made[0xFFFD] = made[0x80:0xA0] = FLOOR
    made[:0x80] = 0
    return made


def steps(table: np.ndarray) -> np.ndarray:
    return np.clip(np.round(table / STEP), -127, 0).astype(np.int8)


def main() -> None:
    found = texts(Path(sys.argv[1]))
    made: dict[str, np.ndarray] = {}
    for name in ALPHABETS:
        letters, table = alphabet("\n".join(found[name]))
        made[f"{name}.letters"] = np.array([ord(char) for char in letters], dtype=np.uint16)
        made[f"{name}.pairs"] = steps(table)
    for name, ranges in IDEOGRAPHS.items():
        made[f"{name}.chars"] = steps(ideographs("\n".join(found[name]), ranges))
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(TARGET, **made)
    print(f"{TARGET.name}: {TARGET.stat().st_size:,} bytes, {len(ALPHABETS) + len(IDEOGRAPHS)} languages")


if __name__ == "__main__":
    main()
