"""A clock's state, written to JSON by the records and read back, goes on to the same bits."""

import json
from dataclasses import astuple

import pytest

from byzsgd.delays import pareto, staleness_normal
from byzsgd.delays.availability import bernoulli
from byzsgd.kernel.clocks import build_clock
from byzsgd.kernel.randomness import Streams
from byzsgd.records.tree_format import decode, encode

DELAYS = {
    "events": pareto(shape=1.1, scale=1.0, availability=bernoulli(probability=0.7, slot=5.0)),
    "prescribed": staleness_normal(mean=6.0, std=2.0, max=12),
}


def play(clock, state, turns, step, flying):
    """The turns told; `flying`: workers whose job has started."""
    tape = []
    for _ in range(turns):
        turn = clock.peek(state, step)
        clock.pop(state)
        flying.discard(turn.worker)
        tape.append(astuple(turn))
        step += 1
        waiting, other = {turn.worker}, step % 20
        if step % 7 == 0 and clock.cancel(state, other, step, other in flying):
            waiting.add(other)
        for worker in sorted(waiting):
            start(clock, state, worker, step, turn.time, flying)
    return tape


def start(clock, state, worker, step, time, flying):
    flying.discard(worker)
    if clock.dispatch(state, worker, step, time, clock.seconds(state, worker)) is not None:
        flying.add(worker)


@pytest.mark.parametrize("kind", DELAYS)
def test_a_state_survives_being_saved(kind):
    clock = build_clock(DELAYS[kind], Streams(1), 20)
    state, flying = clock.init(20), set()
    for worker in range(20):
        start(clock, state, worker, 0, 0.0, flying)
    play(clock, state, 777, 0, flying)
    tree, tensors = encode(state)
    again = decode(json.loads(json.dumps(tree)), tensors, {})
    fresh = build_clock(DELAYS[kind], Streams(1), 20)
    assert play(fresh, again, 1500, 777, set(flying)) == play(clock, state, 1500, 777, flying)
