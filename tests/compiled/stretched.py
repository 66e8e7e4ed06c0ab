"""One experiment on both paths: the kernel's turns are the oracle of compiled ones."""

from __future__ import annotations

from functools import cache
from itertools import islice

import numpy as np
import polars as pl

from byzsgd import experiment
from byzsgd.kernel.compiled.stretch import End, Stretches
from byzsgd.kernel.lookahead import events
from byzsgd.records.rows import Block, arrivals_schema

SMALL = ("num_workers=10", "num_byzantine=3", "f=3", "batch_size=8", "budget.arrivals=400", "dtype=float64",
         "model=mlp", "model.activation=tanh", "model.widths=[9]")  # fmt: skip


@cache
def prepared(*overrides):
    """An experiment and what is built for it, which many worlds may share, on either path."""
    chosen = experiment(*SMALL, *overrides, "engine=compiled")
    return chosen, chosen.prepare()


class Played:
    """A prepared experiment, its world, and compiled code that plays it."""

    def __init__(self, *overrides):
        self.experiment, self.prepared = prepared(*overrides)
        self.world = self.prepared.begin(self.prepared.initial.clone())
        self.scores = tuple(self.experiment.aggregator.scores)
        self.rows = []
        given = (self.prepared.engine, self.prepared.problem, self.prepared.batches, self.scores)
        self.stretches = Stretches(self.prepared.chosen.plan, self.prepared.kernel, self.world, *given)

    @property
    def params(self):
        return self.world.models.live[0].numpy()

    def stretch(self, most, leave=None):
        """A stretch of so many deliveries; `leave` True or False: the world is then given back."""
        left = most
        while left:
            end = self.stretches.play(left)
            columns = self.stretches.columns()
            self.rows.append(frame(columns, self.scores))
            left -= len(columns["time"])
            if end is not End.DONE or not len(columns["time"]):
                break
        if leave is not None:
            self.stretches.give_back(leave=leave)

    def general(self, most):
        """So many deliveries by the kernel's turns."""
        block = Block(self.scores)
        for event in islice(events(self.prepared.kernel, self.world, self.prepared.engine), most):
            block.add(event)
        self.rows.append(frame(block.take(), self.scores))

    def columns(self):
        return pl.concat(self.rows)


def frame(columns, scores):
    schema = {name: kind for name, kind in arrivals_schema(scores).items() if name != "arrival"}
    return pl.DataFrame({name: columns[name] for name in schema}, schema=schema)


def assert_equal(one, other, tolerance):
    """Whole numbers and verdicts are the same, real numbers up to rounding."""
    assert len(one) == len(other)
    for name in one.columns:
        if one[name].dtype == pl.Float64:
            assert one[name].is_null().equals(other[name].is_null()), name
            ours, theirs = one[name].to_numpy(), other[name].to_numpy()
            np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=1e-12, err_msg=name)
        else:
            assert one[name].equals(other[name]), name
