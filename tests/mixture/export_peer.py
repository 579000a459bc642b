"""Run in `.venv-export`: reads an export with the library that it is for, and writes the same with its own writer.

    python export_peer.py FORMAT FOLDER LENGTH SAMPLES.json OUT

reads FOLDER, an export of rows of LENGTH tokens or of documents, and writes to OUT/read.json what the library gives per
split; and writes SAMPLES.json, lists of ids per split, to OUT/written with the library's own writer.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np

Ids = list[list[int]]


def megatron(folder: Path, length: int, samples: dict[str, Ids], out: Path) -> dict[str, Ids]:
    import torch
    from megatron.core.datasets.indexed_dataset import IndexedDataset, IndexedDatasetBuilder

    found = {}
    for split, lists in samples.items():
        dataset = IndexedDataset(str(folder / split))
        assert len(dataset.document_indices) == len(dataset) + 1
        found[split] = [dataset[i].tolist() for i in range(len(dataset))]
        builder = IndexedDatasetBuilder(str(out / f"{split}.bin"), dtype=dataset.index.dtype)
        for ids in lists:
            builder.add_document(torch.tensor(ids), [len(ids)])
        builder.finalize(str(out / f"{split}.idx"))
    return found


def datatrove(folder: Path, length: int, samples: dict[str, Ids], out: Path) -> dict[str, Ids]:
    """The windows that nanotron would see; what is left over at the end is dropped by its reader."""
    from datatrove.pipeline.tokens.tokenizer import TokenizedFile
    from datatrove.utils.dataset import DatatroveFolderDataset

    found = {}
    for split, lists in samples.items():
        name = (folder / split / "00000.ds.metadata").read_text().splitlines()[0]
        size = int(name.rpartition("|")[2])
        dataset = DatatroveFolderDataset(str(folder / split), length - 1, token_size=size, return_positions=True)
        windows = [dataset[i] for i in range(len(dataset))]
        found[split] = [window["input_ids"].tolist() for window in windows]
        found[f"{split} positions"] = [window["positions"].tolist() for window in windows]
        own = TokenizedFile(
            str(out / split), "00000.ds", token_size=size, save_final_metadata=True,
            tokenizer_name_or_path=name.rpartition("|")[0],
        )  # fmt: skip
        for ids in lists:
            own.write(ids, None)
        own.close()
    return found


def mds(folder: Path, length: int, samples: dict[str, Ids], out: Path) -> dict[str, Ids]:
    from streaming import LocalDataset, MDSWriter, StreamingDataset

    found = {}
    for split, lists in samples.items():
        dataset = LocalDataset(str(folder), split)
        found[split] = [dataset[i]["tokens"].tolist() for i in range(len(dataset))]
        for column in ("starts", "length"):
            if column in dataset[0]:
                found[f"{split} {column}"] = [np.array(dataset[i][column]).tolist() for i in range(len(dataset))]
        streamed = StreamingDataset(local=str(folder), split=split, batch_size=1, shuffle=False, validate_hash="sha256")
        assert [row["tokens"].tolist() for row in streamed] == found[split]
        columns = dict.fromkeys(("tokens", "starts"), "ndarray:int32") | {"length": "int"}
        if "starts" not in dataset[0]:
            columns = {"tokens": "ndarray:int32"}
        with MDSWriter(columns=columns, out=str(out / split), hashes=["sha256"]) as writer:
            for i, ids in enumerate(lists):
                row = {"tokens": np.array(ids, np.int32)}
                if "starts" in columns:
                    row |= {"starts": dataset[i]["starts"], "length": int(dataset[i]["length"])}
                writer.write(row)
    return found


def litdata(folder: Path, length: int, samples: dict[str, Ids], out: Path) -> dict[str, Ids]:
    import torch
    from litdata import StreamingDataset
    from litdata.streaming.item_loader import TokensLoader
    from litdata.streaming.writer import BinaryWriter

    found = {}
    for split, lists in samples.items():
        dataset = StreamingDataset(str(folder / split), item_loader=TokensLoader(length), cache_dir=str(out / "cache"))
        found[split] = [ids.tolist() for ids in dataset]
        writer = BinaryWriter(str(out / split), chunk_bytes=1 << 26, item_loader=TokensLoader())
        for i, ids in enumerate(lists):
            writer[i] = torch.tensor(ids, dtype=torch.int32)
        writer.done()
        writer.merge(1)
    return found


def huggingface(folder: Path, length: int, samples: dict[str, Ids], out: Path) -> dict[str, Ids]:
    from datasets import load_dataset

    found = load_dataset(str(folder), cache_dir=str(out / "cache"))
    return {split: found[split]["input_ids"][:] for split in found} | {
        f"{split} {column}": found[split][column][:]
        for split in found
        for column in ("source", "sources", "starts", "length")
        if column in found[split].column_names
    }


if __name__ == "__main__":
    os.environ["HF_HUB_OFFLINE"] = "1"
    name, folder, length, samples, out = sys.argv[1:]
    written = Path(out) / "written"
    written.mkdir()
    read = globals()[name](Path(folder), int(length), json.loads(Path(samples).read_text()), written)
    (Path(out) / "read.json").write_text(json.dumps(read))
