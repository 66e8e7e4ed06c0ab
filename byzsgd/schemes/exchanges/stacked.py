"""What all exchanges share: the exchange of all nodes at once, and the parts that most of them do not have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Generic

import torch
from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import FLOAT_BITS, Compress, Exchange, Sent
from byzsgd.interfaces.values import S


def gossip_step(own: Tensor, sent: Tensor, received: Tensor, weights: Tensor, gamma: float) -> Tensor:
    """own + γ·Σ_j w_j (received_j − sent): (d,), (d,), (k, d), (k,) -> (d,)."""
    return torch.addmv(own.sub(sent, alpha=gamma * float(weights.sum())), received.T, weights, alpha=gamma)


class Stateless:
    """An exchange of which no node has a State."""

    def init(self, models: Tensor) -> dict[int, None]:
        return dict.fromkeys(range(len(models)))


class Stacked(Generic[S]):
    """An exchange of single nodes, of which `mix` and `settle` are the stack over all of them."""

    memoryless: ClassVar[bool] = False
    steps_first: ClassVar[bool | None] = None
    random: bool = False
    shared: bool = False
    fixed_length: bool = True

    @property
    def gap_bound(self) -> float | None:
        return None

    def rows(self, own: Tensor, received: Tensor) -> Tensor:
        return received

    def pair(self, state: dict[int, S], own: Tensor, other: Tensor, uniforms: Tensor | None) -> tuple[Tensor, Tensor]:
        raise NotImplementedError(f"{type(self).__name__} does not serve pairs")

    def settle_node(self, state: S, before: Tensor, after: Tensor, uniforms: Tensor | None) -> Sent[S]:
        return Sent(after, 0, state)

    def mix(
        self: Exchange[S], state: dict[int, S], models: Tensor, weights: Tensor, uniforms: Tensor | None
    ) -> tuple[Tensor, dict[int, S]]:
        """One exchange of all nodes: models (n, d), W (n, n), uniforms (d,) for all or (n, d) -> (n, d), next State."""
        sent = [self.send(state[i], model, _of(uniforms, i)) for i, model in enumerate(models)]
        public = torch.stack([each.vector for each in sent])
        rows = []
        for i, model in enumerate(models):
            links = torch.as_tensor(weights)[i].to(models)
            others = (links != 0).index_fill(0, torch.tensor(i, device=links.device), False)
            rows.append(self.mix_node(model, public[i], public[others], links[others]))
        return torch.stack(rows), {i: each.state for i, each in enumerate(sent)}

    def settle(
        self: Exchange[S], state: dict[int, S], before: Tensor, after: Tensor, uniforms: Tensor | None
    ) -> tuple[Tensor, dict[int, S]]:
        """All nodes' models (n, d) before the round and after their steps -> (n, d) as they go on, next State."""
        sent = [self.settle_node(state[i], before[i], after[i], _of(uniforms, i)) for i in range(len(after))]
        return torch.stack([each.vector for each in sent]), {i: each.state for i, each in enumerate(sent)}


def _of(uniforms: Tensor | None, node: int) -> Tensor | None:
    """The numbers (d,) of one node."""
    return uniforms if uniforms is None or uniforms.dim() == 1 else uniforms[node]


@dataclass(frozen=True)
class Squeezing(Stacked[S]):
    """An exchange of what a compressor makes of vectors."""

    who: ClassVar[str]

    compressor: Compress

    def __post_init__(self) -> None:
        who, name = self.who, type(self.compressor).__name__
        require(hasattr(self.compressor, "compress"), who, "a compressor without memory", compressor=name)
        require(not getattr(self.compressor, "feedback", False), who, "feedback=false: it has a memory of its own",
                feedback=True)  # fmt: skip
        for setting, need in {"feedback_units": "gradient", "per": "vector", "enforce": True}.items():
            value = getattr(self.compressor, setting, need)
            require(value == need, who, f"{setting}={str(need).lower()}: whole models of honest nodes are compressed",
                    **{setting: value})  # fmt: skip
        require(getattr(self.compressor, "scaled", True), who, "a compressor that keeps the size of what is sent "
                "(compressor=scaled_sign): models come closer than 1", compressor=name)  # fmt: skip

    @property
    def random(self) -> bool:  # type: ignore[override]
        return self.compressor.random

    def squeeze(self, vector: Tensor, uniforms: Tensor | None) -> tuple[Tensor, int]:
        """What arrives of a vector (d,), and its bits; one that is not finite, as it is: the run has diverged."""
        if not bool(vector.isfinite().all()):
            return vector, FLOAT_BITS * vector.numel()
        return self.compressor.compress(vector, uniforms)

    @property
    def fixed_length(self) -> bool:  # type: ignore[override]
        return getattr(self.compressor, "fixed_length", False)

    def nominal_bits(self, num_parameters: int) -> int:
        return self.compressor.nominal_bits(num_parameters)


@dataclass(frozen=True)
class Damped(Squeezing[Tensor]):
    """One that remembers a vector for each node, 0 at first, and moves by γ of what mixing would do."""

    gamma: float = 1.0

    steps_first: ClassVar[bool | None] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 < self.gamma <= 1, self.who, "0 < gamma <= 1", gamma=self.gamma)

    def init(self, models: Tensor) -> dict[int, Tensor]:
        return {node: torch.zeros_like(model) for node, model in enumerate(models)}

    def mix_node(self, own: Tensor, sent: Tensor, received: Tensor, weights: Tensor) -> Tensor:
        return gossip_step(own, sent, received, weights, self.gamma)
