"""One process that reads packed rows: `python loader_peer.py WHAT FOLDER LENGTH BATCH` prints seconds and tokens.

`litdata` and `datasets` run in .venv-export, the others in our own environment.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Iterable
from typing import Any

EXTRAS = ("document_ids", "position_ids", "cu_seqlens")


def ours(what: str, folder: str, batch: int) -> Iterable[Any]:
    """PackedDataset, alone or with a worker of torch's DataLoader."""
    from torch.utils.data import DataLoader

    from datacurate import PackedDataset

    more: dict[str, Any] = {"extras": EXTRAS} if what == "extras" else {}
    more |= {"rank": 0, "world_size": int(what.removeprefix("rank"))} if what.startswith("rank") else {}
    data = PackedDataset(folder, batch_size=batch, **more)
    return DataLoader(data, batch_size=None, num_workers=1) if what == "worker" else data


def litdata(folder: str, length: int, batch: int) -> Iterable[Any]:
    """LitData's dataset of token blocks."""
    from litdata import StreamingDataLoader, StreamingDataset
    from litdata.streaming.item_loader import TokensLoader

    data = StreamingDataset(folder, item_loader=TokensLoader(length), shuffle=False)
    return StreamingDataLoader(data, batch_size=batch, num_workers=0)


def datasets(folder: str, batch: int) -> Iterable[Any]:
    """Parquet through Hugging Face datasets, streamed, as torch tensors."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from datasets import load_dataset
    from torch.utils.data import DataLoader

    data = load_dataset("parquet", data_files=f"{folder}/*.parquet", split="train", streaming=True)
    return DataLoader(data.select_columns(["input_ids"]).with_format("torch"), batch_size=batch)


def main() -> None:
    """Read everything, or (`first`) one batch."""
    what, folder, length, batch = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    import torch  # noqa: F401  # its import is not what is measured

    if what == "litdata":
        import litdata as _
    elif what == "datasets":
        import datasets as _  # noqa: F401
    else:
        import datacurate.training.loader  # noqa: F401
    before = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    start, tokens = time.perf_counter(), 0
    feed = {"litdata": lambda: litdata(folder, length, batch), "datasets": lambda: datasets(folder, batch)}.get(
        what, lambda: ours(what, folder, batch)
    )()
    for item in feed:
        tokens += item["input_ids"].numel() if isinstance(item, dict) else item.numel()
        if what == "first":
            break
    seconds = time.perf_counter() - start
    del feed
    after = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = sum(b.ru_utime + b.ru_stime - a.ru_utime - a.ru_stime for a, b in zip(before, after, strict=True))
    print(json.dumps({"seconds": seconds, "tokens": tokens, "cpu": cpu}))


if __name__ == "__main__":
    main()
