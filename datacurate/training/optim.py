"""AdamW and the learning rate over time."""

from __future__ import annotations

from math import cos, pi
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

DECAY_SHARE = 0.1
"""Share of the steps in which `wsd` goes down to 0 (Hu et al. 2024, MiniCPM; Hägele et al. 2024)."""
COSINE_FLOOR = 0.1
"""Share of the peak at which `cosine` ends (Hoffmann et al. 2022)."""


def rate(step: int, steps: int, peak: float, schedule: str, warmup_steps: int) -> float:
    """Learning rate of a step, counted from 0: linear warm-up, then the schedule."""
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    if schedule == "cosine":
        done = (step - warmup_steps) / max(1, steps - warmup_steps)
        return peak * (COSINE_FLOOR + (1 - COSINE_FLOOR) * (1 + cos(pi * done)) / 2)
    decay_steps = max(1, round(steps * DECAY_SHARE))
    return peak * min(1.0, (steps - step) / decay_steps)


def adamw(model: torch.nn.Module, weight_decay: float) -> torch.optim.AdamW:
    """AdamW with decay on matrices only: not on norms, and not on embeddings (OLMo 2, 2024).

    Betas 0.9 and 0.95 as in GPT-3 (Brown et al. 2020).
    """
    import torch

    named = list(model.named_parameters())
    decayed = [p for n, p in named if p.ndim >= 2 and "embedding" not in n]
    others = [p for n, p in named if p.ndim < 2 or "embedding" in n]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.95), eps=1e-8)


def set_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    """Give every parameter group the learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = value
