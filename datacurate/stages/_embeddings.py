"""Vectors of texts by a local model of sentence-transformers, the same whatever the other texts of a batch."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from datacurate.core.errors import InputError

KINDS = (".json", ".safetensors", ".bin", ".txt", ".model")
"""Files of a model's folder that its vectors can depend on: options, weights, tokenizer. Not its README."""
ELSEWHERE = ("onnx", "openvino", "coreml", "tf_model", "flax_model")
"""Folders and files in which the same weights may lie once more, in formats that are not read."""
CHARACTERS = 16
"""Characters that are read per token of `max_tokens`. English has about 5; a megabyte of text is not tokenized to keep
its beginning."""

CELLS = 64 * 256**2
"""Most pairs of tokens, in a batch of a GPU, of which every head of the model holds the attention: 16 MB each."""
ADVICE = "Name a folder that sentence-transformers saved a model in."


def check_package() -> None:
    """Raise InputError when sentence-transformers is not installed."""
    if find_spec("sentence_transformers") is None:
        raise InputError("semantic: models need sentence-transformers: pip install 'datacurate[semantic]'")


def model_files(folder: str, max_tokens: int | None) -> list[str]:
    """The files of a model's folder that its vectors depend on; InputError when it is none, or reads less."""
    if not os.path.isdir(folder):
        raise InputError(f"semantic: model: {folder} is no folder. {ADVICE}")
    files = sorted(_below(folder))
    options = os.path.join(folder, "config.json")
    weights = [file for file in files if file.endswith((".safetensors", ".bin"))]
    if options not in files or not weights:
        lacks = "config.json" if options not in files else "weights (model.safetensors)"
        raise InputError(f"semantic: model: {folder} has no {lacks}. {ADVICE}")
    limit = _options(options).get("max_position_embeddings")
    if limit is not None and max_tokens is not None and max_tokens > limit:
        raise InputError(f"semantic: max_tokens: {max_tokens}, but the model in {folder} reads at most {limit}.")
    return files


def _options(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            return dict(json.load(file))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"semantic: {path} is no JSON object: {error}") from error


def _below(folder: str) -> Iterator[str]:
    top = folder.rstrip("/") or "/"
    for place, folders, names in os.walk(top):
        folders[:] = [name for name in folders if not name.startswith((".", *ELSEWHERE))]
        for name in names:
            if name.endswith(KINDS) and not name.startswith((".", *ELSEWHERE)):
                yield os.path.join(place, name)


class Embedder:
    """A model, and how it is given texts.

    Sums of floats depend on the shape of what is multiplied, and the shape on the texts that share a batch. So a text
    is alone in its batch on a processor (which costs 5 % of the speed at 256 tokens, half of it at 26), and all batches
    of a GPU have `rows` rows, repeated ones among them, and a length that only the text decides: the next multiple of
    `step` tokens.
    """

    def __init__(
        self, folder: str, max_tokens: int | None, half: bool = False, rows: int = 1, step: int = 1, device: str = "cpu"
    ):
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()
        # fused attention leaves the mask out where it hides nothing: then a text's company would choose the arithmetic
        how = {} if rows == step == 1 else {"attn_implementation": "eager"}
        try:
            model = SentenceTransformer(folder, device=device, local_files_only=True, model_kwargs=how)
            self.model = (model.bfloat16() if half else model.float()).eval()
        except Exception as error:  # of the many libraries that read models, each has errors of its own
            raise InputError(f"semantic: cannot load the model in {folder}: {' '.join(str(error).split())}") from error
        self.tokenizer = self.model.tokenizer
        if not hasattr(self.tokenizer, "all_special_ids"):
            raise InputError(f"semantic: the model in {folder} is no transformer. Take one that is.")
        self.limit = int(max_tokens or self.model.max_seq_length or 512)
        self.rows, self.step, self.device = rows, step, device
        self.special = set(self.tokenizer.all_special_ids)
        self.unknown = self.tokenizer.unk_token_id

    def tokens(self, text: str) -> np.ndarray:
        """Ids of the text's first tokens, the special ones that the model wants around them included."""
        found = self.tokenizer(text[: self.limit * CHARACTERS], truncation=True, max_length=self.limit)
        return np.array(found["input_ids"], dtype=np.int64)

    def known(self, ids: np.ndarray) -> tuple[int, int]:
        """`(tokens of the text, those of them that the model does not know)`."""
        unknown = 0 if self.unknown is None else int((ids == self.unknown).sum())
        other = self.special - {self.unknown}
        return int(sum(token not in other for token in ids.tolist())), unknown

    def vectors(self, ids: list[np.ndarray]) -> np.ndarray:
        """One unit vector per list of ids, shape (lists, dimensions), float32."""
        made = np.zeros((len(ids), int(self.model.get_embedding_dimension() or 0)), dtype=np.float32)
        lengths = np.array([min(self.limit, -(-len(one) // self.step) * self.step) for one in ids], dtype=np.int64)
        for length in np.unique(lengths).tolist():
            same = np.flatnonzero(lengths == length)
            rows = max(1, min(self.rows, CELLS // length**2))
            for start in range(0, len(same), rows):
                some = same[start : start + rows]
                made[some] = self._forward([ids[at] for at in some], rows, length)[: len(some)]
        if not np.isfinite(made).all():
            raise InputError("semantic: the model makes vectors that are no numbers. Are its weights whole?")
        return made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-12)

    def _forward(self, ids: list[np.ndarray], rows: int, length: int) -> np.ndarray:
        import torch

        padding = self.tokenizer.pad_token_id or 0
        tokens = np.full((rows, length), padding, dtype=np.int64)
        mask = np.zeros((rows, length), dtype=np.int64)
        for row in range(rows):
            one = ids[min(row, len(ids) - 1)]
            tokens[row, : len(one)], mask[row, : len(one)] = one, 1
        features = {"input_ids": tokens, "attention_mask": mask}
        if "token_type_ids" in self.tokenizer.model_input_names:
            features["token_type_ids"] = np.zeros_like(tokens)
        given = {name: torch.from_numpy(values).to(self.device) for name, values in features.items()}
        with torch.inference_mode(), _one_thread():
            return self.model(given)["sentence_embedding"].float().cpu().numpy()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Workers are as many as there are cores; and how threads share a product out decides its last bits."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@lru_cache(maxsize=1)
def embedder(folder: str, max_tokens: int | None, half: bool) -> Embedder:
    """The model of a folder, on a GPU when there is one."""
    check_package()
    import torch

    if torch.cuda.is_available():
        return Embedder(folder, max_tokens, half, rows=64, step=32, device="cuda")
    return Embedder(folder, max_tokens, half)
