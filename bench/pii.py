"""Personal data: our speed and presidio's in the same run, and precision and recall of both. Prints Markdown tables.

`python bench/pii.py ../shared/data`: presidio's sentences with spans (`pii/`) for quality; for speed those and the web
pages, forum posts and papers of `text/`. Presidio runs in `.venv-presidio` (`make bench` makes it), with its predefined
pattern recognisers for English and no model. CPU seconds of one core; ours are the best of three.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa

from datacurate.stages.pii import Pii

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
SAMPLE = 400
"""Documents of the speed corpus that presidio gets; it needs about a second for each 100,000 characters."""


def presidio(texts: list[str]) -> dict[str, Any]:
    """What presidio finds, and how long it takes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "texts.jsonl"
        file.write_text("\n".join(json.dumps(text) for text in texts), encoding="utf-8")
        command = [ROOT / ".venv-presidio/bin/python", ROOT / "bench/peer_presidio.py", file]
        run = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(run.stdout.splitlines()[-1])


def seconds(stage: Pii, texts: list[str], apply: bool = False) -> float:
    """The best of three, of finding spans, or of finding and masking."""
    table = pa.table({"id": [str(at) for at in range(len(texts))], "text": pa.array(texts, pa.string())})
    best = 1e9
    for _ in range(3):
        start = time.process_time()
        measured = pa.table(stage.measure(table["text"].combine_chunks()))
        if apply:
            stage.handed(table, measured)
        best = min(best, time.process_time() - start)
    return best


def main() -> None:
    """Measure and print."""
    os.environ["DATACURATE_SHARED"] = str(Path(sys.argv[1]).resolve().parent)
    from tests.quality import corpus, pii_gold

    texts = [document.text for document in corpus.documents(characters=20_000)]
    size = sum(len(text.encode()) for text in texts) / 1e6
    Pii().warm()
    print(f"Texts in many languages, {len(texts):,} documents, {size:.0f} MB, one core:\n")
    print("| what | MB/s |\n|---|---|")
    for name, options in (("`pii`, all kinds, mask", {}), ("`pii --preset datatrove`", {"preset": "datatrove"})):
        print(f"| {name}: find | {size / seconds(Pii(**options), texts):.0f} |")
        print(f"| {name}: find and replace | {size / seconds(Pii(**options), texts, apply=True):.0f} |")
    some = texts[:SAMPLE]
    small = sum(len(text.encode()) for text in some) / 1e6
    theirs, ours = presidio(some), seconds(Pii(), some)
    print(f"| presidio-analyzer {theirs['version']}, patterns | {small / theirs['seconds']:.2f} |")
    print(f"\nOn the first {SAMPLE} documents ({small:.1f} MB): {theirs['seconds'] / ours:,.0f} times presidio.\n")
    rows = pii_gold.sentences(Path(sys.argv[1]) / "pii")
    found = {"ours": pii_gold.ours, "presidio": lambda sentences: presidio(sentences)["spans"]}
    print(pii_gold.markdown({name: pii_gold.score(rows, detect) for name, detect in found.items()}))


if __name__ == "__main__":
    main()
