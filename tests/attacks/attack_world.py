"""A small world to attack: views of the adversary, members by name, and a literal server."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hydra
import numpy as np
import torch
from composing import composed
from omegaconf import OmegaConf

from byzsgd.attacks import lift
from byzsgd.interfaces import AdversaryContext, Attack, Decision, View

CONF = Path(__file__).resolve().parents[2] / "conf"
MEMBERS = sorted(path.stem for path in (CONF / "attack").glob("*.yaml"))


def config(name: str, *overrides: str, num_workers: int = 10, num_byzantine: int = 3) -> Any:
    """The composed `attack` node of a member."""
    sizes = [f"+num_workers={num_workers}", f"+num_byzantine={num_byzantine}", f"+f={num_byzantine}"]
    return composed(f"+attack={name}", *sizes, *overrides)["attack"]


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


@dataclass
class LiteralState:
    """What the literal filtering server remembers."""

    buffer: list[tuple[int, torch.Tensor]] = field(default_factory=list)
    last: dict[int, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)
    coefficient: dict[int, float] = field(default_factory=dict)
    accepted: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class LiteralServer:
    """Kardam in a few lines: a buffer of `size`, the worker's own coefficients against the table, the 2f last accepted.

    `cone` refuses what is further than 1.5·‖cone‖ from that vector (AFLGuard); with `cosine` it refuses what has a
    smaller one to it and gives the rest its length (Zeno++).
    """

    size: int = 1
    f: int = 3
    n: int = 10
    lipschitz: bool = False
    frequency: bool = False
    slots: bool = False
    cone: torch.Tensor | None = None
    cosine: float | None = None
    rule: Any = staticmethod(lambda rows: rows.mean(dim=0))

    @property
    def scores(self) -> tuple[str, ...]:
        return ("lipschitz", "lipschitz_threshold") if self.lipschitz else ()

    def init(self, context: object = None) -> LiteralState:
        return LiteralState()

    def receive(self, state: LiteralState, arrival: Any) -> Decision:
        vector, worker, scores = arrival.vector, arrival.worker, {}
        if self.lipschitz:
            if worker in state.last:
                params, before = state.last[worker]
                state.coefficient[worker] = float((vector - before).norm() / (arrival.read_params - params).norm())
            state.last[worker] = (arrival.read_params, vector)
            table = sorted(state.coefficient.get(each, math.inf) for each in range(self.n))
            scores = {
                "lipschitz": state.coefficient.get(worker, math.inf),
                "lipschitz_threshold": table[self.n - self.f - 1],
            }
            if not scores["lipschitz"] <= scores["lipschitz_threshold"]:
                return Decision(False, "lipschitz", 0.0, None, scores)
        if self.frequency and worker in state.accepted[-2 * self.f :]:
            return Decision(False, "frequency", 0.0, None, scores)
        if self.cone is not None:
            if self.cosine is None:
                inside = (vector - self.cone).norm() <= 1.5 * self.cone.norm()
            else:
                inside = torch.cosine_similarity(vector, self.cone, dim=0) >= self.cosine
            if not inside:
                return Decision(False, "cone", 0.0, None, scores)
            if self.cosine is not None:
                vector = vector * (self.cone.norm() / vector.norm())
        state.accepted.append(worker)
        if self.slots:
            state.buffer = [row for row in state.buffer if row[0] != worker]
        state.buffer.append((worker, vector))
        if len(state.buffer) < self.size:
            return Decision(True, "accepted", 1.0, None, scores)
        rows, state.buffer = torch.stack([row for _, row in state.buffer]), []
        return Decision(True, "accepted", 1.0, self.rule(rows), scores)

    def preview(self, state: LiteralState, arrivals: Any) -> Decision:
        fork = copy.deepcopy(state)
        return [self.receive(fork, arrival) for arrival in arrivals][-1]


NOTHING = LiteralServer(cone=torch.ones(6), cosine=2.0)  # refuses every vector
