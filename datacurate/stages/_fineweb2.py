"""Least probabilities of GlotLID's labels that FineWeb-2 kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

TABLE = Path(__file__).parent.parent / "data" / "fineweb2" / "language_score.txt"
THRESHOLDS = {label: float(least) for label, least in map(str.split, TABLE.read_text("utf-8").splitlines())}
"""`language_score` in configs/LABEL.yml of github.com/huggingface/fineweb-2 (Penedo et al. 2025), for 1,929
labels. `from_folder` reads a newer copy."""
LEAST = 0.3
"""The lowest of them all: thresholds were made of each language's scores and kept between 0.3 and 0.9."""


def from_folder(folder: Path) -> dict[str, Any]:
    """The thresholds of a copy of that repository's folder configs; ValueError when there are none."""
    import yaml

    found: dict[str, Any] = {}
    for path in sorted(folder.glob("*.yml")):
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        if isinstance(config, dict) and "language_score" in config:
            found[path.stem] = config["language_score"]
    if not found:
        raise ValueError(
            f"'{folder}' holds no LABEL.yml with a language_score. Name the folder configs of a copy of FineWeb-2's "
            "repository, or give thresholds as a table of labels and numbers"
        )
    return found
