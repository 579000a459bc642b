"""Loss on held-out sequences, per source and over all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from datacurate.training.data import IGNORED, Sequences
from datacurate.training.model import losses


@torch.no_grad()
def evaluate(
    forward: Callable, data: Sequences, sources: int, size: int, at_most: int, device: str = "cpu"
) -> tuple[np.ndarray, np.ndarray]:
    """Summed loss in nats and number of scored tokens of each source, over the first `at_most` rows.

    `forward(ids, documents)` gives the logits; `size` is the rows per batch.
    """
    total, count = np.zeros(sources), np.zeros(sources, np.int64)
    for batch in data.batches(size, at_most):
        ids, labels, documents = (torch.from_numpy(a).to(device) for a in (batch.ids, batch.labels, batch.documents))
        found = losses(forward(ids, documents), labels).double().cpu().numpy()
        scored = batch.labels != IGNORED
        total += np.bincount(batch.sources[scored], found[scored], sources)
        count += np.bincount(batch.sources[scored], minlength=sources)
    return total, count
