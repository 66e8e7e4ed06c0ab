"""A clock's state, written to JSON by the records and read back, goes on to the same bits."""

import json

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


def play(clock, state, turns, step):
    tape = []
    for _ in range(turns):
        turn = clock.peek(state, step)
        clock.pop(state)
        tape.append(turn)
        step += 1
        if step % 7 == 0:
            clock.cancel(state, step % 20)
            clock.dispatch(state, step % 20, step, turn.time, clock.seconds(state, step % 20))
        if step % 7 or turn.worker != step % 20:
            clock.dispatch(state, turn.worker, step, turn.time, clock.seconds(state, turn.worker))
    return tape


@pytest.mark.parametrize("kind", DELAYS)
def test_a_state_survives_being_saved(kind):
    clock = build_clock(DELAYS[kind], Streams(1), 20)
    state = clock.init(20)
    for worker in range(20):
        clock.dispatch(state, worker, 0, 0.0, clock.seconds(state, worker))
    play(clock, state, 777, 0)
    tree, tensors = encode(state)
    again = decode(json.loads(json.dumps(tree)), tensors, {})
    fresh = build_clock(DELAYS[kind], Streams(1), 20)
    assert play(fresh, again, 1500, 777) == play(clock, state, 1500, 777)
