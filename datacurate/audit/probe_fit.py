"""How files grow from a sample to all documents: with documents, with bytes of text, or with both."""

from __future__ import annotations

import numpy as np

from datacurate.audit.probe_sample import Count


def growth(sizes: dict[str, int], counts: dict[str, Count]) -> float:
    """How many times larger files by shard will be, from their sizes in the sample.

    A table holds so much per document (ids, hashes) and so much per byte of text (shingles, the texts). Least squares
    over the shards, neither below zero, tells the two apart; both parts then grow by the counts of all shards. Files of
    shards that are not counted, those of other datasets, do not grow: they are never sampled.
    """
    known = [shard for shard in sizes if shard in counts]
    if not known or not sum(sizes.values()):
        return 1.0
    mine = np.array([[counts[s].sampled, counts[s].sampled_bytes] for s in known], float)
    whole = np.array([[counts[s].documents, counts[s].bytes] for s in known], float).sum(axis=0)
    made = np.array([sizes[s] for s in known], float)
    share = mine.sum(axis=0)
    if not share.all():
        return 1.0
    per = _not_below_zero(mine / share, made)
    weights = per if per.sum() else np.ones(2)
    return float((weights * whole / share).sum() / weights.sum())


def _not_below_zero(columns: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Coefficients of least squares, none below zero; both equal where shards do not tell columns apart."""
    if len(values) < 3 or np.linalg.matrix_rank(columns, tol=1e-3 * np.linalg.norm(columns)) < 2:
        return np.full(2, values.sum() / 2)
    best = np.linalg.lstsq(columns, values, rcond=None)[0]
    if (best >= 0).all():
        return best
    alone = [float(column @ values / (column @ column)) for column in columns.T]
    errors = [float(((column * one - values) ** 2).sum()) for column, one in zip(columns.T, alone, strict=True)]
    at = int(np.argmin(errors))
    return np.array([alone[at] if at == k else 0.0 for k in range(2)])
