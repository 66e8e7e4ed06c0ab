from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from byzsgd.checks import require


class _Block(nn.Module):
    """Pre-normalised causal attention, then a layer of four times the width."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.join = nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, states: Tensor) -> Tensor:
        batch, length, width = states.shape
        mixed = self.queries_keys_values(self.norms[0](states)).view(batch, length, 3, self.heads, -1)
        queries, keys, values = mixed.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        states = states + self.join(seen.transpose(1, 2).reshape(batch, length, width))
        fed: Tensor = self.feed(self.norms[1](states))
        return states + fed


class _Transformer(nn.Module):
    def __init__(self, outputs: int, length: int, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(outputs, width)
        self.positions = nn.Parameter(0.02 * torch.randn(length, width))
        self.blocks = nn.Sequential(*(_Block(width, heads) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, outputs)
        nn.init.normal_(self.embedding.weight, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        states = self.blocks(self.embedding(tokens) + self.positions)
        scores: Tensor = self.head(self.norm(states[:, -1]))
        return scores


def transformer(
    input_shape: tuple[int, ...], outputs: int, /, *, width: int = 64, heads: int = 4, layers: int = 2
) -> nn.Module:
    """A small causal transformer over (B, T) tokens that scores the next one, (B, outputs); no dropout.

    Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser, Polosukhin: Attention is all you need (NeurIPS 2017),
    arXiv:1706.03762.

    Differs: layers are normalised before and not after attention, positions are learned, and there is no dropout.
    """
    who = "model transformer"
    require(len(input_shape) == 1, who, "inputs of shape (T,)", input_shape=tuple(input_shape))
    require(min(width, heads, layers) >= 1 and width % heads == 0, who, "heads that divide the width, layers >= 1",
            width=width, heads=heads, layers=layers)  # fmt: skip
    return _Transformer(outputs, input_shape[0], width, heads, layers)
