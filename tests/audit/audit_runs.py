"""Small runs over handmade documents, hostile ones among them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datacurate.core.phase import each
from datacurate.core.plan import plan
from datacurate.core.recipe import Recipe
from datacurate.core.run import execute
from datacurate.core.stage import Filter, Outcome, Removed, Stage
from datacurate.executors.inline import Inline
from datacurate.sources.jsonl import Jsonl

HOSTILE = [
    "</script><script>alert(1)</script><img src=https://evil.example/x onerror=alert(2)>" + "!" * 40,
    "user\u202egnp.exe\u2066 \x00\x07\x1b[31m \ufeff\u200b\U000e0041" + "!" * 40,
    "!" * 1_000_000,
    "'\" style=position:fixed onload=alert(3) &amp; &lt; <style>body{background:url(//evil.example)}</style>"
    + "!" * 99,
]


class Shouting(Filter):
    """Keep documents with few exclamation marks."""

    max_share: float = 0.2
    """Largest share of characters."""
    min_chars: int = 3
    """Fewest characters."""
    max_chars: int = 10_000_000
    """Most characters."""

    def measure(self, text: Any) -> dict[str, Any]:
        chars = pc.utf8_length(text).to_numpy(zero_copy_only=False)
        marks = np.array([value.as_py().count("!") for value in text])
        if any(value.as_py() == "boom" for value in text):
            raise ValueError("boom <b>here</b>")
        return {"chars": chars, "share": marks / np.maximum(chars, 1)}

    def rules(self, chars: Any, share: Any) -> dict[str, Any]:
        return {"shouting": share <= self.max_share, "short": chars >= self.min_chars, "long": chars <= self.max_chars}


class Twins(Stage):
    """Keep one of documents that begin alike."""

    @each
    def apply(self, docs: pa.Table) -> Outcome:
        heads = [text[:9] for text in docs["text"].to_pylist()]
        ids = docs["id"].to_pylist()
        gone = np.array([at for at, head in enumerate(heads) if head in heads[:at]], np.int64)
        survivors = [ids[heads.index(heads[at])] for at in gone]
        keep = np.ones(docs.num_rows, bool)
        keep[gone] = False
        removed = Removed(gone, "merged", "twin", survivor=survivors, similarity=np.full(len(gone), 0.875))
        return Outcome(docs.filter(pa.array(keep)), [removed])


def documents() -> dict[str, list[dict[str, str]]]:
    """Documents by source. `loud-N` has a share of N % exclamation marks."""
    web = [{"id": "<script>alert(4)</script>", "text": "!!"}]
    web += [{"id": f"hostile-{n}", "text": text} for n, text in enumerate(HOSTILE[:3])]
    web += [{"id": f"calm-{n:02d}", "text": f"{n:02d} is a calm sentence about nothing."} for n in range(20)]
    web += [{"id": f"loud-{n}", "text": f"{n} of 100:" + "!" * n + "." * (90 - n)} for n in (10, 30, 50)]
    web += [{"id": "hostile-3", "text": HOSTILE[3]}, {"id": "broken", "text": "boom"}]
    books = [{"id": f"book-{n}", "text": f"Chapter {n % 3} of a book, told in copy {n}."} for n in range(6)]
    books += [{"id": "calm-00", "text": "The same id in another source, kept as well."}]
    return {"web": web, "<b>books</b>": books}


def write_sources(folder: Path) -> dict[str, Jsonl]:
    """The documents as JSON Lines, with one line that is no JSON."""
    made = {}
    for number, (name, docs) in enumerate(documents().items()):
        path = folder / f"source{number}.jsonl"
        path.write_text("".join(json.dumps(doc) + "\n" for doc in docs) + ("{broken\n" if number else ""))
        made[name] = Jsonl(path=str(path))
    return made


def make_run(folder: Path, name: str = "run", **options: Any) -> Path:
    """A run over the documents with `Shouting(**options)` and `Twins`; runs in one folder share their store."""
    folder.mkdir(exist_ok=True)
    stages = [Shouting(**options), Twins()]
    recipe = Recipe(name="audited", sources=write_sources(folder), stages=stages, quarantine_limit=1)
    return run_recipe(recipe, folder, name)


def run_recipe(recipe: Recipe, folder: Path, name: str) -> Path:
    """Run a recipe here and return its folder."""
    execute(plan(recipe, folder / "store"), Inline(folder / "logs"), folder / name)
    return folder / name


def characters(folder: Path) -> str:
    """A tokenizer of single characters."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    vocabulary = {chr(n): n - 32 for n in range(32, 127)} | {"<|endoftext|>": 95, "?unknown": 96}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="?unknown"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.add_special_tokens(["<|endoftext|>"])
    path = folder / "tokenizer.json"
    tokenizer.save(str(path))
    return str(path)
