"""The stage that trains a small language model on a mixture, to prove the data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
from pydantic import model_validator

from datacurate.core.errors import CurateError
from datacurate.core.phase import once
from datacurate.core.stage import Stage
from datacurate.core.types import Amount, Count, Positive

if TYPE_CHECKING:
    from datacurate.training.loop import Settings
    from datacurate.training.model import Shape

PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {"layers": 2, "width": 128, "heads": 4, "kv_heads": 4, "learning_rate": 2e-3},
    "small": {"layers": 8, "width": 512, "heads": 8, "kv_heads": 8, "learning_rate": 1e-3},
    "base": {"layers": 12, "width": 768, "heads": 12, "kv_heads": 12, "learning_rate": 6e-4},
}
"""`base` is GPT-2 small's shape (Radford et al. 2019) at the rate GPT-3 used for it. `tiny`'s rate gave the lowest
validation loss of 2e-3, 4e-3 and 1e-2 in one run each (1,100 steps of 4 rows of 256, 300,000 tokens of Shakespeare:
4.50, 4.60, 4.70 nats). `small`'s rate lies between the two and is untested."""

METRICS = pa.schema(
    {
        "step": pa.int64(),
        "split": pa.string(),
        "source": pa.string(),
        "loss": pa.float64(),
        "tokens": pa.int64(),
        "learning_rate": pa.float64(),
        "stage": pa.int32(),
        "held": pa.list_(pa.int64()),
        "scored": pa.list_(pa.int64()),
    }
)
"""See `loop.Metric`."""


class Training(Stage):
    """A language model trained on the mixture, with its losses on held-out documents of every source.

    A mixture is only as good as what a model learns from it. The model is a small Llama-style decoder; one dial,
    `preset`, sets its size, and the fields below it override single numbers. A killed run goes on from its last
    checkpoint and, on a CPU, ends in the same bits.
    """

    result = "model"
    needs = ()
    version = 2
    unkeyed = ("log_every", "checkpoint_every")

    preset: Literal["tiny", "small", "base"] = "tiny"
    """Size: tiny (0.4 M parameters besides embeddings, for a CPU), small (25 M) or base (85 M, as GPT-2 small)."""
    layers: Positive | None = None
    """Number of layers; unset, the preset's."""
    width: Positive | None = None
    """Width of the residual stream; unset, the preset's. A multiple of twice the heads."""
    heads: Positive | None = None
    """Attention heads; unset, the preset's."""
    kv_heads: Positive | None = None
    """Key and value heads, which groups of attention heads share; unset, as many as heads."""
    steps: Positive | None = None
    """Optimizer steps; unset, as many as pass over every training row once."""
    batch_sequences: Positive = 4
    """Packed rows per step; the last step of a training stage may have fewer."""
    learning_rate: Amount | None = None
    """Peak learning rate; unset, the preset's."""
    schedule: Literal["wsd", "cosine"] = "wsd"
    """wsd: constant, then down to 0 over the last 10 % of the steps (MiniCPM); cosine: down to 10 % (Chinchilla)."""
    warmup_steps: Count = 20
    """Steps in which the learning rate rises from 0."""
    weight_decay: Amount = 0.1
    """Decay of matrices per step, times the learning rate (GPT-3); norms and embeddings have none."""
    mask_documents: bool = True
    """Whether attention and loss stop at the start of a document (Llama 3), or run on through the row."""
    evaluate_every: Positive = 100
    """Steps between evaluations; there is one after the last step in any case."""
    evaluate_sequences: Positive = 256
    """Most held-out rows that one evaluation reads."""
    checkpoint_every: Positive = 200
    """Steps between checkpoints, which is what a killed run loses at most."""
    log_every: Positive = 20
    """Steps between progress messages."""
    seed: Count = 0
    """Chooses the first weights, and the order of the rows."""

    @once(gpus=1)
    def trained(self, sequences: list[Path], receipt: pa.Table, index: pa.Table, folder: Path) -> pa.Table:
        """The losses. `folder` holds the checkpoint and, in the end, `model.safetensors`."""
        try:
            from datacurate.training import data, loop
        except ModuleNotFoundError as error:
            if error.name != "torch":
                raise
            raise CurateError("training needs PyTorch. Run: pip install 'datacurate[train]'") from error
        from datacurate.mixture.reading.find import of_paths

        found = [of_paths(sequences, index, receipt, split) for split in ("train", "validation")]
        rows, held_out = (data.Sequences(one, self.seed, self.mask_documents) for one in found)
        shape = self.shape(max(receipt["vocabulary"].to_pylist()), rows.sequence_length)
        settings = self.settings(self.steps or max(1, rows.steps(self.batch_sequences)))
        try:
            metrics = loop.train(shape, settings, list(found[0].sources), rows, held_out, Path(folder))
        finally:
            rows.close()
            held_out.close()
        columns = zip(*metrics, strict=True)
        return pa.table([pa.array(c, f.type) for c, f in zip(columns, METRICS, strict=True)], schema=METRICS)

    @once
    def accounts(self, trained: pa.Table, receipt: pa.Table, index: pa.Table) -> pa.Table:
        """Planned, drawn, packed and trained tokens of each training stage and source, and what lies between them."""
        from datacurate.training.accounts import accounts

        return accounts(trained, receipt, index, self.batch_sequences)

    @model_validator(mode="after")
    def _fits(self) -> Training:
        """Notice a shape that cannot be before anything runs."""
        width, heads, kv_heads = self._widths()
        if width % (2 * heads) or heads % kv_heads:
            raise ValueError(
                f"width {width}, heads {heads} and kv_heads {kv_heads} do not fit together. "
                "Make width a multiple of twice the heads, and heads a multiple of kv_heads"
            )
        return self

    def _widths(self) -> tuple[int, int, int]:
        preset = PRESETS[self.preset]
        heads = self.heads or preset["heads"]
        return self.width or preset["width"], heads, self.kv_heads or heads

    def shape(self, vocabulary: int, sequence_length: int) -> Shape:
        """The model's size; the vocabulary is rounded up to a multiple of 64, which matrix units prefer."""
        from datacurate.training.model import Shape

        width, heads, kv_heads = self._widths()
        layers = self.layers or PRESETS[self.preset]["layers"]
        return Shape(-(-vocabulary // 64) * 64, layers, width, heads, kv_heads, sequence_length)

    def settings(self, steps: int) -> Settings:
        """The loop's settings."""
        from datacurate.training.loop import Settings

        same = {n: getattr(self, n) for n in Settings.__dataclass_fields__ if n in type(self).model_fields}
        rate = PRESETS[self.preset]["learning_rate"] if self.learning_rate is None else self.learning_rate
        return Settings(**same | {"steps": steps, "learning_rate": rate})
