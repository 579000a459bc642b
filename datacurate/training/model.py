"""A small decoder in the manner of Llama: RMSNorm, rotary positions, SwiGLU, grouped queries, tied embeddings."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from datacurate.training.data import IGNORED


@dataclass(frozen=True)
class Shape:
    """The size of a model. `width` is divisible by `heads`, and `heads` by `kv_heads`."""

    vocabulary: int
    layers: int
    width: int
    heads: int
    kv_heads: int
    sequence_length: int

    @property
    def hidden(self) -> int:
        """Width of the feed-forward layer: 8/3 of `width` (Shazeer 2020), in multiples of 32."""
        return -(-self.width * 8 // 3 // 32) * 32


def rotary(length: int, size: int, base: float = 10_000.0) -> Tensor:
    """Cosine and sine of every position's rotation, (2, length, size / 2) (Su et al. 2021)."""
    frequency = base ** (-torch.arange(0, size, 2, dtype=torch.float32) / size)
    angle = torch.arange(length, dtype=torch.float32)[:, None] * frequency
    return torch.stack([angle.cos(), angle.sin()])


def rotate(x: Tensor, turn: Tensor) -> Tensor:
    """`x` (batch, heads, length, size) turned by its position."""
    a, b = x.chunk(2, dim=-1)
    cos, sin = turn[:, : x.shape[2]].to(x.dtype)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


class Attention(nn.Module):
    """Causal self-attention; several query heads share one key and value head when kv_heads < heads."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.size = shape.width // shape.heads
        self.query = nn.Linear(shape.width, shape.heads * self.size, bias=False)
        self.key = nn.Linear(shape.width, shape.kv_heads * self.size, bias=False)
        self.value = nn.Linear(shape.width, shape.kv_heads * self.size, bias=False)
        self.out = nn.Linear(shape.heads * self.size, shape.width, bias=False)
        self.groups = shape.heads // shape.kv_heads

    def forward(self, x: Tensor, turn: Tensor, mask: Tensor | None) -> Tensor:
        """`mask` (batch, 1, length, length) is true where a query may look; None means causal."""
        q, k, v = (f(x).unflatten(-1, (-1, self.size)).transpose(1, 2) for f in (self.query, self.key, self.value))
        q, k = rotate(q, turn), rotate(k, turn)
        made = F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, is_causal=mask is None, enable_gqa=self.groups > 1
        )
        return self.out(made.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """SwiGLU (Shazeer 2020)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate = nn.Linear(shape.width, shape.hidden, bias=False)
        self.up = nn.Linear(shape.width, shape.hidden, bias=False)
        self.out = nn.Linear(shape.hidden, shape.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(F.silu(self.gate(x)) * self.up(x))


class Block(nn.Module):
    """Attention and feed-forward, each normalised before and added after."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(shape.width, eps=1e-6)
        self.attention = Attention(shape)
        self.feed_norm = nn.RMSNorm(shape.width, eps=1e-6)
        self.feed = FeedForward(shape)

    def forward(self, x: Tensor, turn: Tensor, mask: Tensor | None) -> Tensor:
        x = x + self.attention(self.attention_norm(x), turn, mask)
        return x + self.feed(self.feed_norm(x))


class Decoder(nn.Module):
    """Token ids in, logits of the next token out."""

    turn: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, eps=1e-6)
        size = shape.width // shape.heads
        self.register_buffer("turn", rotary(shape.sequence_length, size), persistent=False)

    def initialise(self, seed: int) -> None:
        """Normal weights of deviation 0.02, layers that add to the stream scaled by depth (GPT-2)."""
        generator = torch.Generator().manual_seed(seed)
        for name, weight in self.named_parameters():
            if weight.ndim < 2:
                nn.init.ones_(weight)
                continue
            scale = (2 * self.shape.layers) ** -0.5 if name.endswith("out.weight") else 1.0
            nn.init.normal_(weight, std=0.02 * scale, generator=generator)

    def forward(self, ids: Tensor, documents: Tensor | None = None) -> Tensor:
        """Logits (batch, length, vocabulary) of `ids` (batch, length).

        `documents` numbers the document of each place; given it, no place looks into another document.
        """
        mask = None if documents is None else document_mask(documents)
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.turn, mask)
        return F.linear(self.norm(x), self.embedding.weight)


def document_mask(documents: Tensor) -> Tensor:
    """(batch, 1, length, length), true where key and query are of one document and the key is not later."""
    same = documents[:, None, :, None] == documents[:, None, None, :]
    return same.tril()


def losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy in nats of each place, 0 where the label is IGNORED; float32 (batch, length)."""
    flat = F.cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), ignore_index=IGNORED, reduction="none")
    return flat.view(labels.shape)
