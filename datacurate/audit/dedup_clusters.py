"""Counts clusters of merged documents from ledgers, in bounded memory however many there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from datacurate.audit.run_folder import Finished, FinishedStage

if TYPE_CHECKING:
    import pyarrow as pa

AT_A_TIME = 4_000_000
"""Merged documents whose clusters are counted at a time, in about 150 MB; for more, ledgers are read more than once."""
TOP = 10
"""Largest clusters that are shown."""
MEMBERS = 3
"""Members of a cluster that are shown."""
LOOKED_THROUGH = 5_000_000
"""Documents among whose ids survivors are looked up; in larger runs their texts are left to `dedup explain`."""
EXCERPT = 300
"""Characters of a text."""


@dataclass
class Sizes:
    """How many clusters there are by size (powers of two), and the largest, by a hash of the survivor."""

    clusters: int = 0
    members: int = 0
    bins: Counter[int] = field(default_factory=Counter)
    """Bin n holds sizes from 2^n + 1 to 2^(n + 1), survivors counted; bin 0 the pairs."""
    largest: list[tuple[int, int]] = field(default_factory=list)
    """Size without the survivor, and hash."""

    def add(self, hashes: np.ndarray, counts: np.ndarray) -> None:
        """Add clusters that were not there yet."""
        self.clusters += len(counts)
        self.members += int(counts.sum())
        bins, many = np.unique(np.frexp(counts)[1] - 1, return_counts=True)
        self.bins.update(dict(zip(bins.tolist(), many.tolist(), strict=True)))
        order = np.lexsort((hashes, -counts))[:TOP]
        found = [*self.largest, *zip(counts[order].tolist(), hashes[order].tolist(), strict=True)]
        self.largest = sorted(found, key=lambda pair: (-pair[0], pair[1]))[:TOP]


def sizes(read: Callable[[], Iterable[np.ndarray]], rows: int) -> Sizes:
    """Sizes of clusters from hashes of survivors, one per member; `read` gives them in pieces, as often as asked."""
    found = Sizes()
    passes = max(1, -(-rows // AT_A_TIME))
    for number in range(passes):
        pieces: list[tuple[np.ndarray, np.ndarray]] = []
        for hashes in read():
            mine = hashes[hashes % np.uint64(passes) == number] if passes > 1 else hashes
            pieces.append(np.unique(mine, return_counts=True))
            if len(pieces) > 64:
                pieces = [_summed(pieces)]
        if pieces:
            found.add(*_summed(pieces))
    return found


def _summed(pieces: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    hashes, which = np.unique(np.concatenate([hashes for hashes, _ in pieces]), return_inverse=True)
    sums = np.zeros(len(hashes), np.int64)
    np.add.at(sums, which, np.concatenate([counts for _, counts in pieces]))
    return hashes, sums


def hashed(column: Any) -> np.ndarray:
    """A hash of every id."""
    from datacurate.stages.dedup._parts import digests_of

    return digests_of(column)[:, 0]


@dataclass
class Cluster:
    """One of the largest clusters: its survivor, what was merged into it, and samples."""

    members: int
    survivor: str = ""
    text: str | None = None
    """How the survivor begins."""
    sources: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    samples: list[tuple[str, str | None]] = field(default_factory=list)
    """Ids of members and how they begin, those with an excerpt in the ledger first."""
    sample: str | None = None
    """How one of the members begins, of which only that is known."""


def merged(stage: FinishedStage, columns: list[str]) -> Iterator[pa.Table]:
    """Columns of the merged documents of a stage's ledgers, in bounded pieces."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    for path in stage.ledgers.values():
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=["fate", *columns]):
                table = pa.Table.from_batches([batch])
                table = table.filter(pc.and_(pc.equal(table["fate"], "merged"), pc.is_valid(table["survivor"])))
                if table.num_rows:
                    yield table.combine_chunks()


def clusters_of(run: Finished, stage: FinishedStage) -> tuple[Sizes, list[Cluster]]:
    """Sizes of a stage's clusters, and the largest with samples, from its ledgers and its phase `verdict`."""
    rows = sum(amounts["documents"] for amounts in (stage.books or {}).get("merged", {}).values())
    found = sizes(lambda: (hashed(t["survivor"]) for t in merged(stage, ["survivor"])), rows)
    largest = {hash: Cluster(count) for count, hash in found.largest}
    for table in merged(stage, ["id", "source", "survivor", "bytes", "excerpt"]):
        for hash, mine in _of(table, largest):
            _enter(largest[hash], mine)
    for path in stage.phase("verdict").values():
        _samples_of(path, largest)
    _texts(run, stage, {cluster.survivor: cluster for cluster in largest.values()})
    return found, list(largest.values())


def _of(table: pa.Table, wanted: Iterable[int]) -> Iterator[tuple[int, pa.Table]]:
    """The rows of a table whose survivor has one of the hashes, apart."""
    hashes = hashed(table["survivor"])
    for hash in wanted:
        rows = np.flatnonzero(hashes == np.uint64(hash))
        if len(rows):
            yield hash, table.take(rows)


def _enter(cluster: Cluster, table: pa.Table) -> None:
    """Add members of one batch to a cluster."""
    import pyarrow.compute as pc

    cluster.survivor = table["survivor"][0].as_py()
    cluster.bytes += pc.sum(table["bytes"]).as_py()
    cluster.sources.update({c["values"] or "": c["counts"] for c in pc.value_counts(table["source"]).to_pylist()})
    first = table.filter(pc.is_valid(table["excerpt"])).slice(0, MEMBERS).to_pylist()
    first += table.slice(0, MEMBERS).to_pylist() if len(first) < MEMBERS else []
    known = dict(cluster.samples)
    for row in first:
        known[row["id"]] = known.get(row["id"]) or row["excerpt"]
    cluster.samples = sorted(known.items(), key=lambda sample: sample[1] is None)[:MEMBERS]


def _samples_of(path: Path, largest: dict[int, Cluster]) -> None:
    """Take how a member begins from the phase that chose survivors, where the ledger has no excerpt."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    if not path.exists() or not {"survivor", "excerpt"} <= set(pq.read_schema(path).names):
        return
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=["survivor", "excerpt"]):
            table = pa.Table.from_batches([batch])
            table = table.filter(pc.is_valid(table["excerpt"]))
            for hash, mine in _of(table, largest) if table.num_rows else ():
                largest[hash].sample = largest[hash].sample or mine["excerpt"][0].as_py()


def _texts(run: Finished, stage: FinishedStage, survivors: dict[str, Cluster]) -> None:
    """How survivors begin, from the documents that the stage (or the run) stored, unless these are too many."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    stored = stage if stage.manifest["shards"] else run.documents
    if stored is None or sum(shard["rows"] for shard in stored.manifest["shards"]) > LOOKED_THROUGH:
        return
    wanted = pa.array(list(survivors), pa.string())
    for path in stored.shards.values():
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                ids = file.read_row_group(group, columns=["id"])["id"]
                rows = np.flatnonzero(pc.is_in(ids, wanted).to_numpy(zero_copy_only=False))
                if len(rows):
                    docs = file.read_row_group(group, columns=["id", "text"]).take(rows)
                    for id, text in zip(docs["id"].to_pylist(), docs["text"].to_pylist(), strict=True):
                        survivors[id].text = survivors[id].text or (text or "")[:EXCERPT]
