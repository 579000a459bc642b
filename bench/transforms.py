"""What transforms cost: CPU seconds of a run of each, Parquet to Parquet in this process, beside a plain copy.

    python bench/transforms.py [--docs FOLDER] [--code FOLDER] [--repeats 3]

`--docs` is a folder of Parquet files with `id` and `text`; without it, the corpus `medium` is built
(`bench/corpus.py`). `--code` is a folder with one folder for each repository; without it, the installed Python
packages. Best of all repeats.
"""

from __future__ import annotations

import argparse
import sys
import sysconfig
import time
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent))
import corpus
from ours import _copy

from datacurate.core.plan import plan
from datacurate.core.recipe import Recipe
from datacurate.core.run import execute
from datacurate.core.stage import Stage
from datacurate.executors.inline import Inline
from datacurate.mixture import pieces, tokenize
from datacurate.sources.parquet import Parquet
from datacurate.stages.fim import Fim
from datacurate.stages.long_documents import LongDocuments
from datacurate.stages.repo_order import RepoOrder
from datacurate.stages.reverse import Reverse

ROOT = Path(__file__).resolve().parent.parent
PROSE: dict[str, Stage] = {
    "fim, half of the documents": Fim(),
    "reverse, words, all documents": Reverse(share=1, unit="words"),
    "reverse, names, all documents": Reverse(share=1),
    "reverse, segments, all documents": Reverse(share=1, unit="segments"),
    "long_documents, by a column": LongDocuments(related="column", column="group"),
    "long_documents, similar": LongDocuments(),
}
CODE: dict[str, Stage] = {"repo_order": RepoOrder(), "fim of code, half of the files": Fim()}
MOST_CODE = 40_000_000
FILES = 4


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--docs", type=Path)
    parser.add_argument("--code", type=Path, default=Path(sysconfig.get_paths()["purelib"]))
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    folder = Path(mkdtemp(prefix="transforms-"))
    try:
        prose = grouped(given.docs or corpus.build("medium"), folder / "prose")
        for name, docs, stages in (("prose", prose, PROSE), ("code", code(given.code, folder / "code"), CODE)):
            texts = [
                text for file in sorted(docs.glob("*.parquet")) for text in pq.read_table(file)["text"].to_pylist()
            ]
            size = sum(len(text.encode()) for text in texts) / 1e6
            print(f"{name}: {len(texts):,} documents, {size:.1f} MB")
            row("copy", min(timed(lambda d=docs: _copy(str(d))) for _ in range(given.repeats)), size)
            for what, stage in stages.items():
                stage.warm()
                row(what, min(timed(lambda s=stage, d=docs: run(s, d, folder)) for _ in range(given.repeats)), size)
            marked(texts, size, given.repeats)
    finally:
        rmtree(folder)


def grouped(docs: Path, folder: Path) -> Path:
    """The documents with a column of groups of 20."""
    folder.mkdir()
    for n, file in enumerate(sorted(docs.glob("*.parquet"))):
        table = pq.read_table(file)
        groups = pa.array([f"{n}-{at // 20}" for at in range(table.num_rows)])
        pq.write_table(table.append_column("group", groups), folder / file.name)
    return folder


def code(root: Path, folder: Path) -> Path:
    """Python files of the folders of `root`, each a repository, in some Parquet files."""
    rows: list[dict[str, str]] = []
    size = 0
    for path in sorted(root.rglob("*.py")):
        text = path.read_text(encoding="utf-8", errors="replace")
        repo, _, inner = str(path.relative_to(root)).partition("/")
        if inner and size < MOST_CODE:
            rows.append({"id": f"{repo}/{inner}", "repo": repo, "path": inner, "text": text})
            size += len(text)
    folder.mkdir()
    for n in range(FILES):
        pq.write_table(pa.Table.from_pylist(rows[n::FILES]), folder / f"{n}.parquet")
    return folder


def run(stage: Stage, docs: Path, folder: Path) -> None:
    """One run of a stage in a fresh store."""
    made = Path(mkdtemp(dir=folder))
    recipe = Recipe(name="bench", sources={"docs": Parquet(path=f"{docs}/*.parquet")}, stages=[stage])
    execute(plan(recipe, made / "store"), Inline(made / "logs"), made / "run")
    rmtree(made)


def marked(texts: list[str], size: float, repeats: int) -> None:
    """Tokens of texts as they are, and of the same texts when half of them are to be filled in."""
    from tokenizers import Tokenizer

    path = Path(mkdtemp(prefix="tokens-")) / "tokenizer.json"
    found = Tokenizer.from_file(str(ROOT / "sample" / "tokenizer.json"))
    found.add_special_tokens(["<fim_prefix>", "<fim_suffix>", "<fim_middle>"])
    found.save(str(path))
    encoder = tokenize.load(str(path), "<|endoftext|>")
    ids = [str(n) for n in range(len(texts))]
    docs = Fim().mapped(pa.table({"id": ids, "text": texts, "source": ["s"] * len(texts)}))
    for what, column in (("tokens of plain texts", None), ("tokens with fim's pieces", docs["pieces"])):
        seconds = min(timed(lambda c=column: pieces.encode(encoder, docs["text"], c)) for _ in range(repeats))
        row(what, seconds, size)
    rmtree(path.parent)


def timed(call) -> float:
    """CPU seconds of this process."""
    start = time.process_time()
    call()
    return time.process_time() - start


def row(what: str, seconds: float, size: float) -> None:
    """One line of the table."""
    print(f"  {what:36}{seconds:8.2f} s{size / seconds:10.1f} MB/s", flush=True)


if __name__ == "__main__":
    main()
