"""A small world to attack: views of the adversary, members by name, and a literal server."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hydra
import numpy as np
import torch
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from byzsgd.attacks import lift
from byzsgd.interfaces import AdversaryContext, Attack, Decision, View

CONF = Path(__file__).resolve().parents[2] / "conf"
MEMBERS = sorted(path.stem for path in (CONF / "attack").glob("*.yaml"))


@functools.cache
def config(name: str, *overrides: str, num_workers: int = 10, num_byzantine: int = 3) -> Any:
    """The composed `attack` node of a member."""
    GlobalHydra.instance().clear()
    sizes = [f"+num_workers={num_workers}", f"+num_byzantine={num_byzantine}", f"+f={num_byzantine}"]
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        composed = hydra.compose(overrides=[f"+attack={name}", *sizes, *overrides])
    return OmegaConf.to_container(composed, resolve=True)["attack"]


def member(name: str, *overrides: str, **sizes: int) -> Attack:
    """The attack as a run gets it."""
    return lift(hydra.utils.instantiate(OmegaConf.create(config(name, *overrides, **sizes)), _convert_="all"))


@dataclass
class MeanState:
    """What the literal server remembers: the newest vector of each worker."""

    newest: dict[int, torch.Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class MeanServer:
    """A literal server: accepts everything and steps along the mean of the newest vectors of all workers."""

    scores: tuple[str, ...] = ()

    def check(self, num_workers: int) -> None: ...

    def init(self, context: object) -> MeanState:
        return MeanState()

    def receive(self, state: MeanState, arrival: Any) -> Decision:
        state.newest = {**state.newest, arrival.worker: arrival.vector}
        direction = torch.stack([state.newest[worker] for worker in sorted(state.newest)]).mean(dim=0)
        return Decision(True, "accepted", 1.0, direction, {})

    def preview(self, state: MeanState, arrivals: Any) -> Decision:
        fork = MeanState(dict(state.newest))
        return [self.receive(fork, arrival) for arrival in arrivals][-1]


def context(aggregator: Any = None, num_workers: int = 10, num_byzantine: int = 3, d: int = 6) -> AdversaryContext:
    byzantine = tuple(range(num_byzantine))
    return AdversaryContext(num_workers, byzantine, num_byzantine, d, aggregator or MeanServer())


def view(
    own: Any = None,
    honest: Any = None,
    *,
    d: int = 6,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    aggregator: Any = None,
    state: Any = None,
    **fields: Any,
) -> View:
    """What a liar sees, n = 10, m = f = 3; drawn where not given."""
    rng = np.random.default_rng(seed)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.standard_normal(shape)).to(dtype)

    def given(values: Any, *shape: int) -> torch.Tensor:
        made = drawn(*shape)
        return made if values is None else torch.as_tensor(values, dtype=dtype)

    own, honest = given(own, d), given(honest, 7, d) if honest is None else given(honest)
    d = own.numel()
    settings: dict[str, Any] = {
        "worker": 0,
        "params": drawn(d),
        "read_params": drawn(d),
        "read_at": 4,
        "step": 9,
        "time": 12.5,
        "num_workers": 10,
        "num_byzantine": 3,
        "f": 3,
        "aggregator": aggregator or MeanServer(),
        "state": state or MeanState({worker + 3: row for worker, row in enumerate(honest)}),
        "rng": np.random.default_rng(seed + 1),
        "memory": None,
    }
    return View(own=own, honest=honest, **{**settings, **fields})
