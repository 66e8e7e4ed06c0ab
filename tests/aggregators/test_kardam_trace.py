"""Kardam decision by decision: n=4, f=1, d=1, learning rate 1, worked out by hand.

x0 = 0; the buffer holds max(2, ⌊4/3⌋) = 2 vectors; the threshold is the third smallest of four coefficients; a worker
is refused by `frequency` when it sent one of the last two accepted vectors. Damping is 1/(1+τ).
"""

import math
from dataclasses import dataclass

import pytest
import torch

from byzsgd import experiment
from byzsgd.interfaces import Arrival, ServerContext

INF, NAN = math.inf, math.nan


@dataclass(frozen=True)
class Line:
    worker: int
    read_at: int
    vector: float
    reason: str
    weight: float
    lipschitz: float
    threshold: float
    direction: float | None = None  # and then the model is x − direction


TRACE = [
    Line(0, 0, 1.0, "accepted", 1.0, INF, INF),  # nobody has a coefficient: inf <= inf
    Line(1, 0, 3.0, "accepted", 1.0, INF, INF, 2.0),  # (1 + 3)/2; x1 = -2
    Line(2, 0, 4.0, "accepted", 0.5, INF, INF),
    Line(0, 0, 1.5, "accepted", 0.5, INF, INF, 1.375),  # same model: still no coefficient; (2 + .75)/2; x2 = -3.375
    Line(1, 1, 7.0, "accepted", 0.5, 2.0, INF),  # |7-3| / |-2-0|
    Line(0, 2, 4.875, "frequency", 0.0, 1.0, INF),  # 3.375/3.375; one of the last two accepted is worker 0's
    Line(2, 1, 10.0, "accepted", 0.5, 3.0, 3.0, 4.25),  # 6/2, table 1 2 3 inf; (3.5 + 5)/2; x3 = -7.625
    Line(3, 0, 5.0, "lipschitz", 0.0, INF, 3.0),  # a first delivery once the threshold is finite
    Line(3, 3, 8.05, "accepted", 1.0, 0.4, 2.0),  # 3.05/7.625, table .4 1 2 3
    Line(1, 2, NAN, "lipschitz", 0.0, NAN, NAN),  # leaves no trace
    Line(1, 3, 52.0, "lipschitz", 0.0, 8.0, 3.0),  # 45/5.625 against its delivery at x1, table .4 1 3 8
    Line(2, 3, 14.5, "frequency", 0.0, 0.8, 1.0),  # 4.5/5.625, table .4 .8 1 8
    Line(0, 2, 3.1875, "accepted", 0.5, 0.5, 0.8, 4.821875),  # against x0, its last *other* model: 1.6875/3.375
]


def test_every_decision_of_the_trace():
    server = experiment("aggregator=kardam", "num_workers=4", "num_byzantine=1").aggregator
    params = torch.zeros(1, dtype=torch.float64)
    state = server.init(ServerContext(4, params))
    models = [params.clone()]
    for number, line in enumerate(TRACE):
        vector = torch.tensor([line.vector], dtype=torch.float64)
        step = len(models) - 1
        decision = server.receive(
            state, Arrival(float(number), line.worker, line.read_at, step, vector, models[line.read_at])
        )
        assert decision.reason == line.reason, number
        assert decision.accepted == (line.reason == "accepted"), number
        assert decision.weight == line.weight, number
        assert decision.scores["lipschitz"] == pytest.approx(line.lipschitz, nan_ok=True), number
        assert decision.scores["lipschitz_threshold"] == pytest.approx(line.threshold, nan_ok=True), number
        if line.direction is None:
            assert decision.direction is None, number
        else:
            assert decision.direction is not None, number
            assert decision.direction.item() == pytest.approx(line.direction), number
            params -= decision.direction
            models.append(params.clone())
    assert params.item() == pytest.approx(-12.446875)


AUTHOR = [
    # n=4, f=1, candidate=server, memory=max, warmup=all, hatch, no frequency filter, a step at every accepted vector.
    Line(0, 0, 1.0, "accepted", 1.0, NAN, NAN, 1.0),  # x1 = -1
    Line(1, 0, 2.0, "accepted", 0.5, NAN, NAN, 1.0),  # x2 = -2
    Line(2, 0, 2.0, "accepted", 1 / 3, NAN, NAN, 2 / 3),  # x3 = -8/3
    Line(3, 0, 2.0, "accepted", 0.25, NAN, NAN, 0.5),  # x4 = -19/6
    Line(0, 1, 2.0, "accepted", 0.25, NAN, NAN, 0.5),  # K0 = 1/1; x5 = -11/3
    Line(1, 2, 3.0, "accepted", 0.25, NAN, NAN, 0.75),  # K1 = 1/2; x6 = -53/12
    Line(2, 3, 2.0, "accepted", 0.25, NAN, NAN, 0.5),  # K2 = 0; x7 = -59/12; its undamped vector is 2
]


def test_the_authors_reading_starts_judging_when_everybody_has_a_coefficient():
    server = experiment("aggregator=kardam_author", "num_workers=4", "num_byzantine=1").aggregator
    params = torch.zeros(1, dtype=torch.float64)
    state = server.init(ServerContext(4, params))
    models = [params.clone()]
    for number, line in enumerate(AUTHOR):
        arrival = Arrival(
            float(number),
            line.worker,
            line.read_at,
            len(models) - 1,
            torch.tensor([line.vector], dtype=torch.float64),
            models[line.read_at],
        )
        decision = server.receive(state, arrival)
        assert decision.reason == "accepted", number
        assert math.isnan(decision.scores["lipschitz"]), number
        assert decision.weight == pytest.approx(line.weight), number
        assert decision.direction is not None
        assert decision.direction.item() == pytest.approx(line.direction), number
        params -= decision.direction
        models.append(params.clone())
    # Worker 3 completes the table {0, 3/19, 1/2, 1}: threshold 1/2. |2.5 − 2| / |x7 − x6| = .5/.5 = 1 is refused…
    late = Arrival(9.0, 3, 4, 7, torch.tensor([2.5], dtype=torch.float64), models[4])
    decision = server.receive(state, late)
    assert decision.reason == "lipschitz"
    assert decision.scores["lipschitz"] == pytest.approx(1.0)
    assert decision.scores["lipschitz_threshold"] == pytest.approx(0.5)
    # … and so are n − 1 = 3 more in a row; the fifth failure goes through the hatch.
    decisions = [server.receive(state, late) for _ in range(4)]
    assert [decision.reason for decision in decisions] == ["lipschitz", "lipschitz", "lipschitz", "accepted"]
    # It closes behind it: x8 = x7 - .25·2.5, and |4 − 2.5| / .625 = 2.4.
    assert decisions[-1].direction is not None
    params -= decisions[-1].direction
    after = server.receive(state, Arrival(10.0, 2, 4, 8, torch.tensor([4.0], dtype=torch.float64), models[4]))
    assert after.reason == "lipschitz"
    assert after.scores["lipschitz"] == pytest.approx(2.4)
