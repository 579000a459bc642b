"""rensa's MinHash of all texts of a corpus. Runs in the peers' environment and prints JSON.

`python bench/peer_rensa.py INPUT`: runs of five words of lower-case text cut at white space, 112 permutations, one
thread.
`sketch_seconds` is of the signatures alone, `seconds` with the cutting into runs of words before, which Python does.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pyarrow.parquet as pq
from rensa import RMinHash

NGRAM, PERMUTATIONS = 5, 112


def main() -> None:
    """Measure and print."""
    files = sorted(Path(sys.argv[1]).glob("*.parquet"))
    texts = [text for file in files for text in pq.read_table(file)["text"].to_pylist()]
    start = time.process_time()
    sketching = 0.0
    for text in texts:
        words = text.lower().split()
        runs = [" ".join(words[at : at + NGRAM]) for at in range(len(words) - NGRAM + 1)]
        before = time.process_time()
        sketch = RMinHash(num_perm=PERMUTATIONS, seed=1)
        sketch.update(runs)
        sketch.digest()
        sketching += time.process_time() - before
    seconds = time.process_time() - start
    print(json.dumps({"seconds": seconds, "sketch_seconds": sketching, "version": version("rensa")}))


if __name__ == "__main__":
    main()
