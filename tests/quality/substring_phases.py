"""The phases of `substring` without the engine, and what the oracles say; for the tests of what it takes out."""

from __future__ import annotations

import gzip
import json
import sys
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from datacurate.core.phase import Size, selected_on
from datacurate.kernels import text as words
from datacurate.kernels.firsts import ranks
from datacurate.stages.dedup.substring import Substring

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "kernels"))
import oracle_substring as oracle  # noqa: E402


def table(docs):
    columns = {"id": [d[0] for d in docs], "text": [d[1] for d in docs], "source": ["a"] * len(docs)}
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def sharded(docs, count):
    bounds = np.linspace(0, len(docs), count + 1).astype(int)
    return [table(docs[a:b]) for a, b in pairwise(bounds)]


def batches(shards, size):
    for number, shard in enumerate(shards):
        for start in range(0, max(shard.num_rows, 1), size):
            part = shard.slice(start, size)
            yield part, np.arange(start, start + part.num_rows, dtype=np.uint64) + np.uint64(number << 40)


class Pieces:
    """Tables of a phase, as `store.Parts` hands them over: of some keys, a few rows at a time."""

    def __init__(self, table, column=None, keys=None):
        self.table, self.column, self.keys = table, column, keys

    def only(self, keys):
        return Pieces(self.table, self.column, [key for (key,) in keys])

    def __iter__(self):
        table = self.table
        if self.keys is not None:
            table = table.filter(np.isin(table[self.column].to_numpy(), self.keys))
        for start in range(0, table.num_rows, 300):
            yield table.slice(start, 300)


def drive(stage, shards, batch=1000, others=()):
    """The tables of all phases, and the outcomes of the last. `others` are names and tables of other datasets."""
    made, columns = {}, {}
    size = Size(sum(shard.nbytes for shard in shards), len(shards))
    stage = stage.model_copy(update={"against": tuple(name for name, _ in others)})
    for phase in stage.chosen_phases():
        call = getattr(stage if phase.uses is None else stage.seeing(phase.uses), phase.name)
        columns[phase.name] = (selected_on(phase, stage.phases()) or (None,))[0]
        whole = {name: pa.concat_tables(made[name]) for name in phase.reads if made.get(name)}
        if phase.over:
            given = [{"docs": docs, "dataset": name} for name, theirs in others for docs, _ in batches(theirs, batch)]
            made[phase.name] = [call(**{name: one[name] for name in phase.reads}) for one in given]
            continue
        if phase.grouping == "each":
            inputs = [{"docs": docs, "rows": rows, "size": size, **whole} for docs, rows in batches(shards, batch)]
            made[phase.name] = [call(**{name: given[name] for name in phase.reads}) for given in inputs]
            continue
        (column,) = phase.by
        over = {one.name for one in stage.phases() if one.over}
        made[phase.name] = []
        for key in phase.keys(stage, size):
            read = {name: table for name, table in whole.items() if name not in phase.streams}
            mine = {name: table.filter(table[column].to_numpy() == key[0]) for name, table in read.items()}
            for name in set(phase.streams) & set(made):
                pieces = Pieces(whole[name], columns[name])
                mine[name] = pieces if name in over else pieces.only([key])
            found = call(**mine, **({column: key[0]} if column in phase.reads else {}))
            made[phase.name] += [found] if isinstance(found, pa.Table) else list(found)
    return {name: parts if name == "apply" else pa.concat_tables(parts) for name, parts in made.items()}


def covered(made, shards, counts):
    """For every symbol of every document, whether the stage found it to be in a repeat; documents shard by shard."""
    found = {}
    rows = [int(row) for _, rows in batches(shards, 1000) for row in rows]
    for row, count in zip(rows, counts, strict=True):
        found[row] = np.zeros(count, bool)
    for row, start, end in zip(*(made["cuts"][name].to_pylist() for name in ("row", "start", "end")), strict=True):
        assert not found[row][start:end].any(), "pieces overlap"
        found[row][start:end] = True
    return [found[row] for row in rows]


def texts_after(made):
    """{id: text} of what goes on."""
    went = [outcome.docs for outcome in made["apply"]]
    return {
        one: text for docs in went for one, text in zip(docs["id"].to_pylist(), docs["text"].to_pylist(), strict=True)
    }


def symbols(texts, unit):
    """The symbols of every text as arrays of integers."""
    if unit == "bytes":
        return [np.frombuffer((text or "").encode(), np.uint8) for text in texts]
    array = pa.array(texts, pa.string())
    found = words.words(array)
    numbers, made = {}, []
    for doc, text in enumerate(texts):
        raw = (text or "").encode()
        places = zip(
            *(p[found.offsets[doc] : found.offsets[doc + 1]].tolist() for p in (found.starts, found.ends)), strict=True
        )
        made.append(np.array([numbers.setdefault(raw[a:b], len(numbers)) for a, b in places], np.int32))
    return made


def in_order(docs):
    """Positions of the documents in the stage's order."""
    ids, texts = (pa.array([d[k] for d in docs], pa.string()) for k in (0, 1))
    orders = ranks(ids, texts)
    assert len(np.unique(orders)) == len(docs)
    return np.argsort(orders)


def expected(docs, unit, least, everything, way, before=()):
    """What the oracle covers, for every document; the texts `before` come before all of them."""
    given, order = symbols([*before, *(text for _, text in docs)], unit), in_order(docs)
    found = way([*given[: len(before)], *(given[len(before) + i] for i in order)], least, everything)[len(before) :]
    back = np.empty(len(docs), object)
    for i, one in zip(order, found, strict=True):
        back[i] = np.asarray(one, bool)
    return list(back)


def evidence(made, shards, batch):
    """What is taken out, from whom, and who has it, too."""
    ids = {
        int(row): one
        for docs, rows in batches(shards, batch)
        for row, one in zip(rows, docs["id"].to_pylist(), strict=True)
    }
    columns = (made["removed"][name].to_pylist() for name in ("row", "start", "end", "survivor"))
    return {(ids[row], *rest) for row, *rest in zip(*columns, strict=True)}


def agree(docs, way, shards=1, others=(), **options):
    """The phases' tables and how many symbols are in repeats, if all is as the oracle says. `others` are names,
    documents and numbers of shards of other datasets."""
    stage = Substring(min_left=0, **options)
    split = sharded(docs, shards)
    made = drive(stage, split, others=[(name, sharded(theirs, count)) for name, theirs, count in others])
    everything = stage.mode == "remove_all"
    before = [text for _, theirs, _ in others for _, text in theirs]
    wanted = expected(docs, stage.unit, stage.min_length, everything, way, before)
    found = covered(made, split, [len(one) for one in wanted])
    for (name, text), one, other in zip(docs, found, wanted, strict=True):
        assert np.array_equal(one, other), (name, text, np.flatnonzero(one != other)[:5])
    return made, sum(int(one.sum()) for one in wanted)


LETTERS = st.text("ab", max_size=40)
RUNS = st.lists(st.tuples(st.text("abc", min_size=1, max_size=3), st.integers(1, 30)), max_size=4).map(
    lambda runs: "".join(part * times for part, times in runs)
)


def by_lists(texts, least, everything):
    return oracle.by_dictionary([text.tolist() for text in texts], least, everything)


def sample():
    """Two megabytes of the repository's own sample: books and a handbook's history, with planted repeats."""
    texts = books() + pq.read_table(ROOT / "sample" / "handbook.parquet")["text"].to_pylist()
    planted = [texts[i][100 * i : 100 * i + 700] + texts[-i][:500] for i in range(1, 40)]
    return [(f"{i:04d}", text) for i, text in enumerate([*texts, *planted, "", None, "short"])]


def books():
    """The sound records of the sample's books; some lines are broken on purpose."""
    texts = []
    with gzip.open(ROOT / "sample" / "books.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            with suppress(ValueError, KeyError, TypeError):
                texts.append(json.loads(line)["text"])
    return [text for text in texts if isinstance(text, str)]
