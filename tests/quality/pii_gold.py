"""Presidio's sentences with spans, and how detectors are scored on them: run in our environment or presidio's."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

GOLD = {
    "EMAIL_ADDRESS": "email", "PHONE_NUMBER": "phone", "CREDIT_CARD": "card", "IBAN_CODE": "iban", "IP_ADDRESS": "ip",
    "US_SSN": "national_id",
}  # fmt: skip
"""Types of the gold file that are kinds of ours."""
Found = Iterable[tuple[str, int, int]]


def sentences(folder: Path) -> list[dict]:
    """The sentences of presidio_spans.jsonl.gz."""
    with gzip.open(folder / "presidio_spans.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def score(rows: list[dict], detect: Callable[[list[str]], list[Found]]) -> dict[str, dict[str, float]]:
    """Precision and recall per kind. A gold span is found when a span of its kind covers four fifths of it, and a span
    is right when four fifths of it are gold of its kind: `(0)` or an extension more or less does not count."""
    hit: Counter[str] = Counter()
    right: Counter[str] = Counter()
    gold_count: Counter[str] = Counter()
    found_count: Counter[str] = Counter()
    for row, found in zip(rows, detect([row["text"] for row in rows]), strict=True):
        gold = [
            (GOLD[s["entity_type"]], s["start_position"], s["end_position"])
            for s in row["spans"]
            if s["entity_type"] in GOLD
        ]
        mine = [one for one in found if one[0] in GOLD.values()]
        for kind, start, end in gold:
            gold_count[kind] += 1
            hit[kind] += any(_shared((start, end), f) >= 0.8 * (end - start) for f in mine if f[0] == kind)
        for kind, start, end in mine:
            found_count[kind] += 1
            right[kind] += any(_shared((start, end), g) >= 0.8 * (end - start) for g in gold if g[0] == kind)
    return {
        kind: {
            "gold": gold_count[kind],
            "found": found_count[kind],
            "recall": hit[kind] / max(1, gold_count[kind]),
            "precision": right[kind] / max(1, found_count[kind]),
        }
        for kind in sorted(set(GOLD.values()))
    }


def _shared(place: tuple[int, int], span: tuple[str, int, int]) -> int:
    return max(0, min(place[1], span[2]) - max(place[0], span[1]))


def ours(texts: list[str]) -> list[Found]:
    """What our stage finds with its defaults, in characters."""
    import pyarrow as pa

    from datacurate.stages.pii import Pii

    made = []
    for text, spans in zip(texts, Pii().measure(pa.array(texts, pa.string()))["spans"].to_pylist(), strict=True):
        data = text.encode()
        made.append([(s["kind"], len(data[: s["start"]].decode()), len(data[: s["end"]].decode())) for s in spans])
    return made


def markdown(scores: dict[str, dict[str, dict[str, float]]]) -> str:
    """A table of scores, a row per kind, two columns per detector."""
    kinds = list(next(iter(scores.values())))
    head = " | ".join(f"{name} precision | {name} recall" for name in scores)
    lines = [f"| kind | gold | {head} |", "|---|---|" + "---|---|" * len(scores)]
    for kind in kinds:
        cells = [f"{score[kind]['precision']:.3f} | {score[kind]['recall']:.3f}" for score in scores.values()]
        lines.append(f"| {kind} | {next(iter(scores.values()))[kind]['gold']} | {' | '.join(cells)} |")
    return "\n".join(lines)
