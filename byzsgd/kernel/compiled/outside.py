"""What Python does within a stretch: forging, a rule or a server that has no compiled form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from byzsgd.interfaces import Arrival, Decision, Message, Reply, View
from byzsgd.kernel.adversary import Liars
from byzsgd.kernel.compiled import layout as at
from byzsgd.kernel.compiled.layout import Arrays
from byzsgd.kernel.compiled.plan import Plan
from byzsgd.kernel.world import Kernel, World

REPLIES = {Reply.DISPATCH: at.DISPATCH, Reply.HOLD: at.WAIT, Reply.RESTART: at.RESTART}
NODE = 0
NOT_FINITE = "not_finite"  # the reason where a step fails for its non-finite rows


class Outside:
    """Answers compiled code that has stopped in the middle of a delivery."""

    def __init__(self, plan: Plan, kernel: Kernel, world: World, arrays: Arrays) -> None:
        self.plan, self.kernel, self.world, self.arrays = plan, kernel, world, arrays
        self.rows = torch.from_numpy(arrays.rows)
        self.direction = torch.from_numpy(arrays.direction)
        self.live = world.models.live[NODE]
        adversary = kernel.adversary
        self.aggregator: Any = adversary.aggregator  # a pipeline, where its parts are played here
        self.honest = np.array(adversary.honest if isinstance(adversary, Liars) else (), dtype=np.int64)
        self.reasons: dict[str, int] = {"accepted": 0}
        self.reasons |= {name: 1 + index for index, (name, _) in enumerate(plan.filters)}
        self.scores: list[Mapping[str, float]] = []  # of a server outside, delivery by delivery
        # What liars saw last: of which rows and jobs, and the vectors.
        self._sight_key, self._sight = b"", self.rows[:0]

    def forge(self) -> None:
        """The attack looks at a view, and what it sends goes into the row made for it."""
        adversary, arrays = self.kernel.adversary, self.arrays
        assert isinstance(adversary, Liars)
        counts, time = arrays.counts, float(arrays.sizes[at.NOW])
        worker = int(counts[at.WHO])
        serial, read_at, _, read_row = arrays.workers[worker, : at.READ + 1].tolist()
        view = View(
            worker=worker,
            own=self.rows[int(counts[at.OWN])].clone(),
            honest=self._honest(adversary.sees),
            params=self.live,
            read_params=self.rows[read_row].clone(),
            read_at=read_at,
            step=int(counts[at.STEP]),
            time=time,
            num_workers=adversary.num_workers,
            num_byzantine=len(adversary.byzantine),
            f=adversary.f,
            aggregator=self.aggregator,
            state=None,  # that it does not ask the server is what its form says
            rng=adversary.draws.at(worker, serial),
            memory=self.world.adversary.attack,
        )
        vector = adversary.attack.forge(view)
        assert not isinstance(vector, Message)
        self.rows[int(counts[at.VECTOR])].copy_(vector)

    def _honest(self, sees: str) -> Tensor:
        """(h, d) what the honest workers have sent, or in flight will send: stacked anew only where it has changed,
        since in a round every liar sees the same."""
        if sees == "own":
            return self.rows[:0].clone()
        workers = self.arrays.workers[self.honest]
        sends = workers[:, at.SEEN]
        if sees == "in_flight":
            sends = np.where(workers[:, at.BUSY] > 0, workers[:, at.RESULT], sends)
        # A row may be another vector by now, but then its worker is at another job.
        state = sends.tobytes() + workers[:, at.SERIAL].tobytes()
        if state != self._sight_key:
            there = sends >= 0
            self._sight_key, self._sight = state, self._gather(sends[there])
            if sees == "in_flight" and self.arrays.codes[at.WORKER_RULE] == at.INERT:
                self._damp(self._sight, workers[there])
        return self._sight

    def _damp(self, vectors: Tensor, workers: np.ndarray) -> None:
        """Momentum for the results of those that are busy."""
        inertia = float(self.arrays.settings[at.WORKER_INERTIA])
        for index in np.flatnonzero(workers[:, at.BUSY]).tolist():
            old = int(workers[index, at.MOMENTUM])
            vectors[index] *= 1 - inertia
            if old >= 0:
                vectors[index] += inertia * self.rows[old]

    def direct(self) -> None:
        """A rule outside makes the direction of what was collected."""
        arrays, codes = self.arrays, self.arrays.codes
        slots = arrays.slots
        ready = int(arrays.counts[at.COLLECTED]) if codes[at.COLLECTOR] == at.BUFFER else int(codes[at.ROOM])
        entries = slots[:ready]
        if codes[at.COLLECTOR] == at.LATEST_OF_ALL and not codes[at.ZEROS]:
            entries = entries[entries[:, 1] >= 0]
        damped = self._gather(entries[:, 1])
        raw = self._gather(entries[:, 2]) if codes[at.BY_SERVER] else None
        weights = tuple(map(float, entries[:, 3].tolist())) if self.plan.collector.weighted else None
        state, step = self.world.scheme.aggregator, int(arrays.counts[at.STEP])
        directions = self.aggregator.combine(state, damped, raw, weights, step)
        if directions is None:
            self._give_up()
            return
        direction, undamped = directions
        self.direction[0].copy_(direction)
        if undamped is not None:
            self.direction[1].copy_(undamped)

    def _give_up(self) -> None:
        """There is no step for rows that are not finite, and what was collected for it is let go."""
        arrays, counts, collector = self.arrays, self.arrays.counts, self.arrays.codes[at.COLLECTOR]
        counts[at.REASON] = self.reasons.setdefault(NOT_FINITE, len(self.reasons))
        counts[at.STEPPED], arrays.sizes[at.WEIGHT] = 0, 0.0
        # Whoever waits for the update that does not come would wait for ever.
        counts[at.REPLY] = at.RESTART if collector == at.ROUND else at.DISPATCH
        if collector == at.LATEST_OF_ALL:
            return
        for row in arrays.slots[:, 1:3].ravel().tolist():
            if row >= 0:
                arrays.readers[row] -= 1
                if not arrays.readers[row]:
                    arrays.free[counts[at.FREE]] = row
                    counts[at.FREE] += 1
        arrays.slots[:, :3], arrays.slots[:, 3], counts[at.COLLECTED] = at.NOBODY, 0, 0

    def _gather(self, rows: np.ndarray) -> Tensor:
        """(k, d) copies of rows; zeros in the place of one that is none."""
        copies = self.arrays.rows.take(np.maximum(rows, 0), axis=0)
        absent = rows < 0
        if absent.any():
            copies[absent] = 0.0
        return torch.from_numpy(copies)

    def receive(self) -> None:
        """A server outside decides."""
        arrays, counts, sizes = self.arrays, self.arrays.counts, self.arrays.sizes
        worker = int(counts[at.WHO])
        _, read_at, _, read_row = arrays.workers[worker, : at.READ + 1].tolist()
        arrival = Arrival(
            float(sizes[at.NOW]),
            worker,
            read_at,
            int(counts[at.STEP]),
            self.rows[int(counts[at.VECTOR])].clone(),
            self.rows[read_row].clone() if read_row >= 0 and self.kernel.reads else None,
        )
        decision: Decision = self.aggregator.receive(self.world.scheme.aggregator, arrival)
        counts[at.REASON] = self.reasons.setdefault(decision.reason, len(self.reasons))
        counts[at.SCORED] = decision.accepted  # a server outside may have any reasons and any scores
        sizes[at.WEIGHT] = decision.weight
        counts[at.REPLY] = REPLIES[decision.reply]
        if decision.direction is not None:
            counts[at.STEPPED] = 1
            self.direction[0].copy_(decision.direction)
        cancel = sorted(set(decision.cancel))
        arrays.starting[: len(cancel)] = cancel
        counts[at.STARTING] = len(cancel)
        self.scores.append(decision.scores)
