"""Folds of hosts, for training and judging the classifiers of `extract: {engine: blocks}`."""

from __future__ import annotations

from hashlib import blake2b

FOLDS = 4


def fold_of(site: str) -> int:
    """The fold of a site, or of a family of documentation."""
    return blake2b(site.encode(), digest_size=8).digest()[0] % FOLDS
