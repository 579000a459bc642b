"""MosaicML Streaming: SPLIT/index.json and shards SPLIT/shard.NNNNN.mds.

As MDSWriter writes them (mosaicml-streaming 0.13, base/format/mds): the number of samples, their places (uint32), the
configuration as JSON, then the samples: sizes of the columns of variable size (uint32), and the columns by name. An
array of one known type has before it a byte with its dimensions and the type of its shape, and the shape.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from datacurate.mixture.export.files import SHARD_BYTES, About, Files, Format
from datacurate.mixture.export.samples import Samples

ARRAY = "ndarray:int32"
COLUMNS = {"documents": {"tokens": ARRAY}, "rows": {"length": "int", "starts": ARRAY, "tokens": ARRAY}}
"""Columns by name: `starts` are the places in a row where documents begin, `length` the tokens before its padding.
Where there are tokens that no loss is taken of, `labels` are the tokens with -100 in their place and in padding."""
IGNORED = -100
SHAPES = ((1 << 8, "<u1"), (1 << 16, "<u2"), (1 << 32, "<u4"))


class Mds(Format):
    """MosaicML Streaming and LLM Foundry: `tokens` (and in rows `starts` and `length`) of int32."""

    units = ("rows", "documents")
    loss_mask = "labels"

    def __init__(self, files: Files, about: About) -> None:
        super().__init__(files, about)
        columns = COLUMNS[about.unit] | ({"labels": ARRAY} if about.masked else {})
        names = sorted(columns)
        self.config = {
            "version": 2,
            "format": "mds",
            "compression": None,
            "hashes": ["sha256"],
            "size_limit": SHARD_BYTES,
            "column_names": names,
            "column_encodings": [columns[name] for name in names],
            "column_sizes": [8 if columns[name] == "int" else None for name in names],
        }
        self.head = json.dumps(self.config, sort_keys=True).encode()
        self.shards: list[dict[str, Any]] = []
        self._start()

    def _start(self) -> None:
        self.held: list[bytes] = []
        self.size = 8 + len(self.head)

    def add(self, samples: Samples) -> None:
        """Hold samples until a shard is full."""
        bounds, stretches = samples.offsets.tolist(), samples.stretches().tolist()
        tokens = samples.tokens.astype("<i4", copy=False)
        masked = np.where(samples.scored(), tokens, IGNORED).astype("<i4") if self.about.masked else None
        for i in range(len(samples)):
            row = slice(bounds[i], bounds[i + 1])
            columns = {"tokens": array(tokens[row])}
            if masked is not None:
                columns["labels"] = array(masked[row])
            if self.about.unit == "rows":
                mine = slice(stretches[i], stretches[i + 1])
                columns["starts"] = array((samples.starts[mine] - bounds[i]).astype("<i4"))
                columns["length"] = np.array([samples.sizes[mine].sum()], "<i8").tobytes()
            made = _sample(columns)
            if self.held and self.size + len(made) + 4 > SHARD_BYTES:
                self._flush()
            self.held.append(made)
            self.size += len(made) + 4

    def _flush(self) -> None:
        name = f"shard.{len(self.shards):05}.mds"
        file = self.files.open(f"{self.about.split}/{name}")
        sizes = np.array([0, *map(len, self.held)], np.int64)
        places = np.cumsum(sizes) + 4 + 4 * len(sizes) + len(self.head)
        file.write(np.array([len(self.held)], "<u4"))
        file.write(places.astype("<u4"))
        file.write(self.head)
        file.write(b"".join(self.held))
        file.close()
        raw = {"basename": name, "bytes": file.bytes, "hashes": {"sha256": file.digest}}
        self.shards.append({"samples": len(self.held), "raw_data": raw, "zip_data": None, **self.config})
        self._start()

    def close(self) -> None:
        """Write the last shard and the index."""
        if self.held:
            self._flush()
        index = json.dumps({"version": 2, "shards": self.shards}, sort_keys=True)
        self.files.write(f"{self.about.split}/index.json", index)


def _sample(columns: dict[str, bytes]) -> bytes:
    """A sample: the sizes of its arrays, then all columns, by name; the size of `length` is always the same."""
    names = sorted(columns)
    sizes = [len(columns[name]) for name in names if name != "length"]
    return np.array(sizes, "<u4").tobytes() + b"".join(columns[name] for name in names)


def array(values: np.ndarray) -> bytes:
    """A one-dimensional array of known type: dimensions and type of the shape in a byte, the shape, the values."""
    code = next(i for i, (limit, _) in enumerate(SHAPES) if len(values) < limit)
    return bytes([1 << 2 | code]) + np.array([len(values)], SHAPES[code][1]).tobytes() + values.tobytes()
