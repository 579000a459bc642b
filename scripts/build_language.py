"""Writes docs/language.md: how often lid.176 is right, by language, by the stage and by fastText itself in one run.

Needs ../shared/data (or DATACURATE_SHARED).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.quality.lid_gold import LINGUA, TATOEBA, Sentences  # noqa: E402

HEAD = """<!-- Written by scripts/build_language.py; do not edit. -->
# How often the language is right

Sentences with the right label, by language: by `language` with its defaults, and by the library fastText with the same
model (lid.176.ftz) in the same run. *Web* are web sentences of Lingua's test data (Leipzig corpora; most languages
have 250), *short* sentences of Tatoeba (most 80). Both are single sentences, much shorter than documents. A language
stands under the model's label; `no` is Bokmål, `als` Alemannic.

{summary}

| language | web: stage | web: fastText | short: stage | short: fastText |
|---|---|---|---|---|
"""
NONE = "The model has no label for {codes}; their {count:,} sentences are left out, and get the label of a neighbour.\n"


def main() -> None:
    """Read both sets, ask both, write the page."""
    data = Path(os.environ.get("DATACURATE_SHARED", ROOT.parent / "shared")) / "data"
    sets = [Sentences.read(data, kind) for kind in (LINGUA, TATOEBA)]
    columns, lines = [], []
    for name, one in zip(("Web", "Short"), sets, strict=True):
        (ours, scores), (theirs, expected) = one.by_stage(), one.by_library()
        columns += [one.right(ours), one.right(theirs)]
        apart = sum(a != b for a, b in zip(ours, theirs, strict=True))
        most = max(abs(a - b) for a, b in zip(scores, expected, strict=True))
        mean = sum(hits / every for hits, every in columns[-2].values()) / len(columns[-2])
        lines.append(
            f"- {name}: {len(ours):,} sentences, {len(columns[-2])} languages with a label, mean over languages "
            f"{mean:.3f}; labels that differ from fastText's: {apart}; largest difference of a score: {most:.0e}."
        )
    rows = [
        f"| {code} | " + " | ".join(_share(column.get(code)) for column in columns) + " |"
        for code in sorted({code for column in columns for code in column})
    ]
    unknown = sorted({code for one in sets for code in one.unknown()})
    count = sum(code in unknown for one in sets for code in one.codes)
    body = HEAD.format(summary="\n".join(lines)) + "\n".join(rows) + "\n\n"
    page = body + NONE.format(codes=", ".join(f"`{code}`" for code in unknown), count=count)
    (ROOT / "docs" / "language.md").write_text(page, encoding="utf-8")


def _share(counts: tuple[int, int] | None) -> str:
    return f"{counts[0] / counts[1]:.3f}" if counts else ""


if __name__ == "__main__":
    main()
