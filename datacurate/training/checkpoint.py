"""Checkpoints and models as safetensors files that are there wholly or not at all.

Written by hand because equal states must make equal bytes: pickle also writes down which objects were shared.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

NAME = "checkpoint.safetensors"
MODEL = "model.safetensors"


def write(path: Path, pieces: list[bytes]) -> None:
    """Write a file under a temporary name, flush it to disk, and rename it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with open(temporary, "wb") as file:
        file.writelines(pieces)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def save(path: Path, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
    """Write tensors in float32, with `about` (JSON values) as the file's metadata."""
    header: dict[str, Any] = {"__metadata__": {k: json.dumps(v) for k, v in sorted(about.items())}}
    pieces, end = [], 0
    for name, tensor in sorted(tensors.items()):
        data = tensor.detach().cpu().float().contiguous().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [end, end + len(data)]}
        end += len(data)
        pieces.append(data)
    told = json.dumps(header).encode()
    told += b" " * (-len(told) % 8)
    write(path, [len(told).to_bytes(8, "little"), told, *pieces])


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the `about` of a file that `save` wrote."""
    data = bytearray(path.read_bytes())
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(bytes(data[8:start]))
    about = {k: json.loads(v) for k, v in header.pop("__metadata__").items()}
    tensors = {}
    for name, entry in header.items():
        a, b = entry["data_offsets"]
        flat = torch.from_numpy(np.frombuffer(data, "<f4", (b - a) // 4, start + a))
        tensors[name] = flat.reshape(entry["shape"]).clone()
    return tensors, about


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's state, named by parameter number and kind."""
    state = optimizer.state_dict()["state"]
    return {f"optimizer.{i}.{kind}": value for i, kinds in state.items() for kind, value in kinds.items()}


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put back what `optimizer_tensors` gave."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        _, number, kind = name.split(".")
        state.setdefault(int(number), {})[kind] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names start with the prefix."""
    return {name: value for name, value in tensors.items() if name.startswith(prefix)}
