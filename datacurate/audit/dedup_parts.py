"""The report on stages that cut parts out of documents: how long the parts are, and whose copies most of them are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from datacurate.audit.charts import histogram
from datacurate.audit.dedup_clusters import hashed, sizes
from datacurate.audit.dedup_cuts import ELSEWHERE, evidence_parts
from datacurate.audit.dedup_find import Documents
from datacurate.audit.markup import Markup, e, join, number, table, tag
from datacurate.audit.run_folder import Finished
from datacurate.core.task import SHARD_BITS

if TYPE_CHECKING:
    import pyarrow as pa

TOP = 5
"""Documents whose copies are named."""
SAMPLE = 300
"""Characters of a part that are shown."""
READ = 256 << 20
"""Bytes of a file of a source that is read again for a sample; larger ones are left alone."""


def parts_of(run: Finished, at: int) -> Markup | None:
    """What a stage cut out; None when it leaves no table of cuts, or cut nothing."""
    paths = list(evidence_parts(run.booked[at]).values())
    bins: Counter[int] = Counter()
    for piece in _pieces(paths, ["start", "end"]):
        lengths = piece["end"].to_numpy() - piece["start"].to_numpy()
        found, counts = np.unique(np.frexp(lengths)[1], return_counts=True)
        bins.update(dict(zip(found.tolist(), counts.tolist(), strict=True)))
    if not bins:
        return None
    columns = [(f"{1 << max(bin - 1, 0):,}", bins.get(bin, 0)) for bin in range(min(bins), max(bins) + 1)]
    clusters = sizes(lambda: (_hashes(piece) for piece in _pieces(paths, ["survivor"])), bins.total())
    said = f"{bins.total():,} parts were found that stand elsewhere, too, in {clusters.clusters:,} documents."
    return join(
        [
            tag("p", said),
            tag("figure", histogram(columns, "bytes of a part", "parts")),
            _largest(run, at, paths, {hash: count for count, hash in clusters.largest[:TOP]}),
        ]
    )


def _pieces(paths: list[Path], columns: list[str]) -> Iterator[pa.Table]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    for path in paths:
        with pq.ParquetFile(path) as file:
            more = [ELSEWHERE] if "survivor" in columns and ELSEWHERE in file.schema_arrow.names else []
            for batch in file.iter_batches(columns=columns + more):
                if batch.num_rows:
                    yield pa.Table.from_batches([batch])


def _hashes(piece: pa.Table) -> np.ndarray:
    """A number for every survivor: its reference, or a hash of its id."""
    import pyarrow.types as types

    column = piece["survivor"]
    numbers = column.to_numpy() if types.is_uint64(column.type) else hashed(column)
    if ELSEWHERE not in piece.schema.names:
        return numbers
    return np.where(piece[ELSEWHERE].is_valid().to_numpy(), hashed(piece[ELSEWHERE].fill_null("")), numbers)


def _largest(run: Finished, at: int, paths: list[Path], wanted: dict[int, int]) -> Markup:
    """The documents whose copies most parts are, each with one part as a sample."""
    samples: dict[int, dict[str, Any]] = {}
    for piece in _pieces(paths, ["row", "start", "end", "survivor"]):
        hashes = _hashes(piece)
        for hash in wanted.keys() - samples.keys():
            rows = np.flatnonzero(hashes == np.uint64(hash))
            if len(rows):
                samples[hash] = piece.slice(int(rows[0]), 1).to_pylist()[0]
        if len(samples) == len(wanted):
            break
    documents, shards = Documents(run), list(run.booked[at].ledgers)
    rows_ = []
    for hash, count in wanted.items():
        text = _text(documents, at, shards, samples[hash])
        quote = tag("blockquote", e(text, SAMPLE), dir="auto") if text else "—"
        survivor = samples[hash].get(ELSEWHERE) or samples[hash]["survivor"]
        rows_.append([_name(documents, at, shards, survivor), quote, number(count)])
    return table(["document in which they stand, too", "one of the parts", "parts"], rows_, text=2)


def _name(documents: Documents, at: int, shards: list[str], survivor: Any) -> str:
    if isinstance(survivor, str):
        return survivor
    shard, row = shards[survivor >> SHARD_BITS], survivor & ((1 << SHARD_BITS) - 1)
    return documents.ids(at, shard, {row}).get(row, f"row {row:,} of {shard}")


def _text(documents: Documents, at: int, shards: list[str], cut: dict[str, Any]) -> str | None:
    place, _ = documents.place(at, shards[cut["row"] >> SHARD_BITS])
    if place is None or (place.source is not None and place.path.stat().st_size > READ):
        return None
    text = place.text_of(cut["row"] & ((1 << SHARD_BITS) - 1))
    return text and text.encode("utf-8", "replace")[cut["start"] : cut["end"]].decode("utf-8", "replace")
