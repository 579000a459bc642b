"""The loop: batch, loss, step; now and then evaluate and checkpoint. Nothing in its results depends on the clock."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datacurate.training import checkpoint, optim
from datacurate.training.data import IGNORED, Batch, Sequences
from datacurate.training.evaluate import evaluate
from datacurate.training.model import Decoder, Shape, losses

log = logging.getLogger("datacurate")

CLIP = 1.0
"""Largest norm of the gradient (GPT-3, Llama)."""

Metric = tuple[int, str, str, float, int, float, int, list[int], list[int]]
"""step, split, source ('' for all), loss in nats per token, tokens that it is the mean of, learning rate; of steps also
the number of the training stage, and by source the tokens that the step's rows hold, and those that were scored."""


@dataclass(frozen=True)
class Settings:
    """What the loop needs to know; see `Training` for the meaning of each."""

    steps: int
    batch_sequences: int
    learning_rate: float
    schedule: str
    warmup_steps: int
    weight_decay: float
    evaluate_every: int
    evaluate_sequences: int
    checkpoint_every: int
    log_every: int
    seed: int
    mask_documents: bool


class Run:
    """A model in training. Made anew, or from the folder's checkpoint, in which case it goes on exactly."""

    def __init__(self, shape: Shape, settings: Settings, sources: list[str], folder: Path) -> None:
        self.settings, self.sources, self.folder = settings, sources, folder
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = Decoder(shape)
        self.model.initialise(settings.seed)
        self.model.to(self.device)
        self.compiled: Any = torch.compile(self.model) if self.device == "cuda" else self.model
        self.optimizer = optim.adamw(self.model, settings.weight_decay)
        self.step = 0
        self.metrics: list[Metric] = []
        self.resume()

    def resume(self) -> None:
        """Take up the folder's checkpoint, if there is one."""
        path = self.folder / checkpoint.NAME
        if not path.exists():
            return
        tensors, about = checkpoint.load(path)
        model = checkpoint.part(tensors, "model.")
        self.model.load_state_dict({n.removeprefix("model."): t for n, t in model.items()})
        checkpoint.load_optimizer(self.optimizer, checkpoint.part(tensors, "optimizer."))
        self.step, self.metrics = about["step"], [tuple(m) for m in about["metrics"]]
        log.info("training: going on after step %d", self.step)

    def save(self) -> None:
        """Write the checkpoint."""
        tensors = {f"model.{n}": t for n, t in self.model.state_dict().items()}
        tensors |= checkpoint.optimizer_tensors(self.optimizer)
        checkpoint.save(self.folder / checkpoint.NAME, tensors, {"step": self.step, "metrics": self.metrics})

    def forward(self, ids: Tensor, documents: Tensor) -> Tensor:
        """Logits, in bfloat16 on a GPU."""
        precision = torch.autocast("cuda", torch.bfloat16) if self.device == "cuda" else nullcontext()
        with precision:
            return self.compiled(ids, documents if self.settings.mask_documents else None)

    def update(self, data: Sequences) -> tuple[Tensor, float, Batch]:
        """One optimizer step: its mean loss (before the step), the learning rate, and the batch."""
        s = self.settings
        batch = data.batch(self.step, s.batch_sequences)
        ids, labels, documents = (
            torch.from_numpy(a).to(self.device) for a in (batch.ids, batch.labels, batch.documents)
        )
        scored = int((batch.labels != IGNORED).sum())
        rate = optim.rate(self.step, s.steps, s.learning_rate, s.schedule, s.warmup_steps)
        optim.set_rate(self.optimizer, rate)
        loss = losses(self.forward(ids, documents), labels).sum() / max(1, scored)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        return loss.detach(), rate, batch

    def validate(self, data: Sequences, rate: float) -> None:
        """Add the validation loss of each source, and of all, to the metrics."""
        s = self.settings
        self.model.eval()
        total, count = evaluate(
            self.forward, data, len(self.sources), s.batch_sequences, s.evaluate_sequences, self.device
        )
        self.model.train()
        named = [("", total.sum(), count.sum()), *zip(self.sources, total, count, strict=True)]
        for source, nats, tokens in named:
            if tokens:
                loss, step = float(nats / tokens), self.step
                self.metrics.append((step, "validation", source, loss, int(tokens), rate, 0, [], []))

    def _held(self, batch: Batch) -> tuple[int, list[int], list[int]]:
        """The training stage of a batch, and by source its tokens and those that were scored."""
        held, scored = batch.own[batch.own >= 0], batch.sources[batch.labels != IGNORED]
        return batch.stage, *(np.bincount(one, minlength=len(self.sources)).tolist() for one in (held, scored))

    def run(self, train: Sequences, validation: Sequences) -> list[Metric]:
        """Train to the last step; the metrics."""
        s = self.settings
        clock, seen = perf_counter(), 0
        while self.step < s.steps:
            loss, rate, batch = self.update(train)
            stage, held, scored = self._held(batch)
            seen += sum(scored)
            self.metrics.append((self.step, "train", "", float(loss), sum(scored), rate, stage, held, scored))
            last = self.step == s.steps
            if len(validation) and (last or self.step % s.evaluate_every == 0):
                self.validate(validation, rate)
            if self.step % s.log_every == 0 or last:
                speed = seen / (perf_counter() - clock)
                log.info("training: step %d of %d, loss %.3f, %.0f tokens/s", self.step, s.steps, float(loss), speed)
                clock, seen = perf_counter(), 0
            if last or self.step % s.checkpoint_every == 0:
                self.save()
        return self.metrics


def threads() -> int:
    """Threads on a CPU: OMP_NUM_THREADS, else 2 on every machine, since the bits of the result depend on it."""
    return int(os.environ.get("OMP_NUM_THREADS", 0)) or 2


@contextmanager
def repeatable() -> Iterator[None]:
    """Deterministic algorithms on the CPU; the process's own settings come back after."""
    count, before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads())
    torch.use_deterministic_algorithms(not torch.cuda.is_available())
    try:
        yield
    finally:
        torch.set_num_threads(count)
        torch.use_deterministic_algorithms(before)


def train(
    shape: Shape, settings: Settings, sources: list[str], data: Sequences, held_out: Sequences, folder: Path
) -> list[Metric]:
    """Train a model on packed rows, write it to `folder`, and return the metrics."""
    with repeatable():
        run = Run(shape, settings, sources, folder)
        unigram: Metric = (0, "unigram", "", *data.unigram(shape.vocabulary), 0.0, 0, [], [])
        metrics = [unigram, *run.run(data, held_out)]
        checkpoint.save(folder / checkpoint.MODEL, run.model.state_dict(), vars(shape))
    return metrics
