"""Least probabilities of GlotLID's labels that FineWeb-2 kept."""

from __future__ import annotations

_TABLE = """
afr_Latn 0.3
fra_Latn 0.824
"""

THRESHOLDS = {label: float(least) for label, least in (line.split() for line in _TABLE.strip().split("\n"))}
