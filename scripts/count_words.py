"""Count how often English words are used, for `decontaminate`: writes datacurate/data/words/en.txt.

    python scripts/count_words.py FILE.jsonl.gz... > datacurate/data/words/en.txt

Each line is a word and the number of bits that one use of it is worth: 1 in 2**bits words is this one. Words are cut as
`decontaminate` cuts them (kernels/contam_words.py, PLAIN): lower case, without punctuation.
"""

from __future__ import annotations

import gzip
import json
import math
import re
import sys
from collections import Counter

MOST = 3000
"""Words that are kept; the last ones are 1 in 30,000."""


def main(paths: list[str]) -> None:
    """Count the words of the column `text` of all files."""
    counts: Counter[str] = Counter()
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                text = re.sub(r"[^0-9a-z\s]", "", (json.loads(line).get("text") or "").lower())
                counts.update(text.split())
    whole = sum(counts.values())
    words = [word for word, _ in counts.most_common(2 * MOST) if word.isalpha() and counts[word] >= 20]
    for word in words[:MOST]:
        sys.stdout.write(f"{word} {math.log2(whole / counts[word]):.1f}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
