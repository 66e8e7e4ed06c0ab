"""A draw is a function of (seed, name, worker, serial)."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import pytest

from byzsgd.kernel.randomness import Streams


def test_the_numbers_are_those_of_philox():
    """Key: the hash of seed and name. Counter: the stretch in its two high words."""
    key = np.frombuffer(blake2b(b"5/batch", digest_size=16).digest(), dtype=np.uint64)
    expected = np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 7, 3])).random(5)
    assert np.array_equal(Streams(5).generator("batch", 3, 7).random(5), expected)


@pytest.mark.parametrize("draw", [lambda g: g.random(5), lambda g: g.integers(7, size=3), lambda g: g.permutation(9)])
def test_a_moved_generator_is_a_new_one(draw):
    """Whatever was drawn in between, half used words included."""
    streams = Streams(5)
    stream = streams.stream("batch")
    for worker, serial in [(0, 0), (3, 1), (0, 0), (10_000, 2**40)]:
        drawn = draw(stream.at(worker, serial))
        assert np.array_equal(drawn, draw(streams.generator("batch", worker, serial)))


def test_stretches_share_nothing():
    streams = Streams(5)
    places = [(0, 0), (0, 1), (1, 0), (1, 1)]
    drawn = {tuple(streams.stream(name).at(*place).random(4)) for name in ("batch", "attack") for place in places}
    drawn |= {tuple(Streams(6).stream("batch").at(*place).random(4)) for place in places}
    assert len(drawn) == 12
