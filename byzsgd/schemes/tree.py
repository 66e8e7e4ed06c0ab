"""The scheme `tree`: CodedReduce."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np
from torch import Tensor

from byzsgd.checks import require
from byzsgd.codes.decoding import decode
from byzsgd.codes.rounds import MatrixCode, added
from byzsgd.codes.tree import ROOT, Tree
from byzsgd.interfaces import (
    FLOAT_BITS,
    Arrival,
    Attack,
    Delay,
    Delivery,
    Job,
    Message,
    Outcome,
    SchemeContext,
    Verbs,
    W,
    World,
    accept,
)
from byzsgd.schemes.settled import Settled
from byzsgd.schemes.work import NODE, OneModel, Shares, busy_seconds, receptions, require_on_time

BEHIND = 4  # units in the last place


@dataclass(frozen=True, kw_only=True)
class CodedReduce(Settled):
    """Rounds on a tree: every node decodes what n − s of its n children send, adds its own sum and sends that up.

    The root steps. A child that is dropped is lost with all that is below it, and parents receive at the same time. A
    round computes one batch of each of `least_examples` data blocks. A job takes until its parent has its message: over
    a link a parent receives one at a time, in the order in which they are ready. A liar's lie stands for all that is
    below it. See `byzsgd.codes.tree`.

    Reisizadeh, Prakash, Pedarsani, Avestimehr: CodedReduce: A Fast and Robust Framework for Gradient Aggregation in
    Distributed Learning; arXiv 1902.01981.

    Differs: the authors' code measures time alone, and does not apply the coefficients.
    """

    server: ClassVar[bool] = False

    children: int
    layers: int
    stragglers: int
    code: MatrixCode  # of every parent

    @cached_property
    def tree(self) -> Tree:
        return Tree(self.children, self.layers, self.stragglers)

    def __post_init__(self) -> None:
        survivable = getattr(self.code, "stragglers", None)
        require(survivable == self.stragglers, "scheme tree", "a code against as many stragglers (scheme/code=auto)",
                stragglers=self.stragglers, code_stragglers=survivable)  # fmt: skip
        self.code.check(self.children)

    def check(self, num_workers: int) -> None:
        nodes = self.tree.num_workers
        require(num_workers == nodes, "scheme tree", f"num_workers={nodes} (n + n² + … + n^layers)",
                num_workers=num_workers, children=self.children, layers=self.layers)  # fmt: skip

    def blocks(self, num_workers: int) -> int:
        return self.tree.least_examples

    def admit(self, delay: Delay, attack: Attack) -> None:
        require_on_time("scheme tree", delay, attack)

    def bind(self, context: SchemeContext) -> TreeRounds:
        rng = context.stream("code", 0, 0)
        matrix = self.code.matrix(self.children, rng)
        shares = self.tree.allocate(self.tree.least_examples, rng, matrix)
        parts, weights = tuple(each for each, _ in shares), tuple(each for _, each in shares)
        return TreeRounds(context, self.tree, matrix, Shares(parts, weights, context.sizes))


@dataclass(eq=False)
class TreeState:
    """The round under way."""

    round: int = 0
    received: dict[int, dict[int, Tensor]] = field(default_factory=dict)  # parent -> child -> its message


@dataclass(frozen=True, eq=False)
class TreeRounds(OneModel):
    """`CodedReduce` for one run."""

    context: SchemeContext
    tree: Tree
    matrix: np.ndarray
    shares: Shares
    scores: ClassVar[tuple[str, ...]] = ("load", "dropped", "amplification")
    forwards: ClassVar[bool] = True  # an honest node sends on what liars sent

    def begin(self, kernel: Verbs[W], world: W) -> TreeState:
        state = TreeState()
        self._start(kernel, world, state)
        return state

    def relay(self, world: World, job: Job, message: Message) -> Message:
        """What a node sends: its own sum and what its children's messages decode to."""
        received = world.scheme.received.get(job.worker)
        if received is None:
            return message
        below = self._decode(job.worker, received)[0]
        return Message(message.vector + below, message.bits, message.claimed_read_at)

    def delivered(self, kernel: Verbs[W], world: W, delivery: Delivery) -> Outcome:
        state, worker, vector = world.scheme, delivery.job.worker, delivery.message.vector
        arrival = Arrival(delivery.time, worker, delivery.key[1], world.models.version[NODE], vector, None)
        scores: dict[str, float] = {"load": self.shares.loads[worker]}
        if (own := state.received.pop(worker, None)) is not None:
            scores |= self._scores(self._decode(worker, own)[1], len(own))
        parent, direction = self.tree.parent(worker), None
        received = state.received.setdefault(parent, {})
        received[worker] = vector
        if parent == ROOT and len(received) == self._waited_for:
            total, largest = self._decode(ROOT, received)
            direction = total.div_(self.shares.examples)
            scores.setdefault("amplification", largest)
            kernel.apply(world, NODE, direction)
            for other in sorted(world.workers):
                kernel.cancel(world, other)
            state.round, state.received = state.round + 1, {}
            self._start(kernel, world, state)
        return Outcome(arrival, accept(direction, scores=scores), direction is not None)

    @property
    def _waited_for(self) -> int:
        return self.tree.children - self.tree.stragglers

    def _scores(self, largest: float, received: int) -> dict[str, float]:
        return {"dropped": self.tree.children - received, "amplification": largest}

    def _decode(self, node: int, received: dict[int, Tensor]) -> tuple[Tensor, float]:
        """(d,) what the messages of a node's children come to, and the largest coefficient."""
        first = self.tree.children_of(node).start
        children = sorted(received)
        coefficients = decode(self.matrix, [child - first for child in children])
        terms = ((float(a), received[child]) for a, child in zip(coefficients, children, strict=True))
        return added(terms), float(np.abs(coefficients).max())

    def _start(self, kernel: Verbs[W], world: W, state: TreeState) -> None:
        version = world.models.version[NODE]
        clock = self.context.clock
        ready = [world.time + self.shares.seconds(self.context, world, worker) for worker in sorted(world.workers)]
        ways = [clock.way(world.clock, worker) for worker in sorted(world.workers)]
        for worker, finish in enumerate(tree_receptions(self.tree, ready, ways, self._busy)):
            work = self.shares.work(worker, version, state.round)
            kernel.start(world, worker, NODE, work, finish - world.time)

    @cached_property
    def _busy(self) -> float | None:
        link = self.context.link
        return None if link is None else busy_seconds(link, FLOAT_BITS * self.context.num_parameters)


def tree_receptions(tree: Tree, ready: Sequence[float], ways: Sequence[float], busy: float | None) -> list[float]:
    """By worker, when its parent has its message; inf: it is not waited for.

    `ready`: when its own work is done; it sends once it also has the messages of its first n − s children. `ways` and
    `busy` as in `receptions`.
    """
    ready, finishes = list(ready), [math.inf] * tree.num_workers
    for node in range(tree.num_workers - 1, ROOT - 1, -1):  # whoever waits comes after those that it waits for
        children = tree.children_of(node)
        if not children:
            continue
        times = receptions([ready[child] for child in children], [ways[child] for child in children], busy)
        first = sorted(range(len(children)), key=lambda each: (times[each], each))[: tree.children - tree.stragglers]
        for each in first:
            finishes[children[each]] = times[each]
        if node != ROOT:
            last = times[first[-1]]
            # A tie goes to the lower worker, which the parent is: it must not be delivered before its children.
            ready[node] = max(ready[node], last + BEHIND * math.ulp(last))
    return finishes
