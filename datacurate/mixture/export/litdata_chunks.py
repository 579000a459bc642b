"""LitData: SPLIT/index.json and chunks SPLIT/chunk-0-N.bin for its TokensLoader.

As BinaryWriter writes them (litdata 0.2.76, streaming/writer.py): the number of items, their places and the end
(uint32), then the items, which are bare tokens of int32. The loader cuts each chunk into blocks of its own length and
drops what is left over, so rows come out whole when `block_size` is their length.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

from datacurate.mixture.export.files import SHARD_BYTES, About, Files, Format
from datacurate.mixture.export.samples import Samples

INT32 = 16
"""The place of torch.int32 among LitData's types (constants.py)."""
LEAF = '[1, {"type": null, "context": null, "children_spec": []}]'
"""How it writes down that an item is a single tensor."""


class LitDataChunks(Format):
    """LitData and LitGPT: chunks for `StreamingDataset(DIR/train, item_loader=TokensLoader(block_size))`."""

    units = ("rows", "documents")

    def __init__(self, files: Files, about: About) -> None:
        super().__init__(files, about)
        self.chunks: list[dict[str, Any]] = []
        self.held: list[np.ndarray] = []
        self.lengths: list[int] = []
        self.size = 0

    def add(self, samples: Samples) -> None:
        """Hold samples until a chunk is full."""
        bounds, tokens = samples.offsets.tolist(), samples.tokens.astype("<i4", copy=False)
        for i in range(len(samples)):
            row = tokens[bounds[i] : bounds[i + 1]]
            if self.held and self.size + row.nbytes + 4 > SHARD_BYTES - 8:
                self._flush()
            self.held.append(row)
            self.lengths.append(len(row))
            self.size += row.nbytes + 4

    def _flush(self) -> None:
        name = f"chunk-0-{len(self.chunks)}.bin"
        file = self.files.open(f"{self.about.split}/{name}")
        places = np.cumsum([0, *self.lengths], dtype=np.int64) * 4 + 4 * (len(self.lengths) + 2)
        file.write(np.array([len(self.lengths)], "<u4"))
        file.write(places.astype("<u4"))
        file.write(np.concatenate(self.held))
        file.close()
        told = {"chunk_bytes": file.bytes, "chunk_size": len(self.lengths), "dim": sum(self.lengths), "filename": name}
        self.chunks.append(told)
        self.held, self.lengths, self.size = [], [], 0

    def close(self) -> None:
        """Write the last chunk and the index."""
        if self.held:
            self._flush()
        unused = ("compression", "compression_level", "compression_batch_size", "ipc_compression", "encryption")
        config: dict[str, Any] = dict.fromkeys((*unused, "chunk_size"))
        config |= {"chunk_bytes": SHARD_BYTES, "data_format": [f"no_header_tensor:{INT32}"], "data_spec": LEAF}
        config |= {"item_loader": "TokensLoader", "types": "tensor"}
        # In LitData's own files a time: where it changes, cached chunks are fetched anew.
        made = "".join(self.files.made[f"{self.about.split}/{chunk['filename']}"].digest for chunk in self.chunks)
        index = {"chunks": self.chunks, "config": config, "updated_at": hashlib.sha256(made.encode()).hexdigest()}
        self.files.write(f"{self.about.split}/index.json", json.dumps(index, sort_keys=True))
