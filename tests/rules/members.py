"""The members of the family as their YAML files name them, with parameters that suit a number of rows."""

import inspect
from pathlib import Path

import numpy as np
import torch

from byzsgd.aggregators import preaggregators, rules

CONF = Path(__file__).resolve().parents[2] / "conf" / "aggregator"
RULES = sorted(file.stem for file in (CONF / "rule").glob("*.yaml"))
PREAGGREGATORS = sorted(file.stem for file in (CONF / "preaggregator").glob("*.yaml"))
UNWEIGHTED = [name for name in RULES if getattr(rules, name).declaration.kind == "rule"]
WEIGHTED = [name for name in RULES if name not in UNWEIGHTED]


def member(name):
    return getattr(rules, name, None) or getattr(preaggregators, name)


def declaration(name):
    return member(name).declaration


def settings(name, f=0, d=1, dtype=torch.float64, seed=0):
    """What the member cannot do without, as a fresh dict."""
    known = inspect.signature(member(name)).parameters
    given = {
        "f": f,
        "rng": np.random.default_rng(seed),
        "trusted": torch.linspace(-1, 2, d, dtype=dtype),
        "share": 0.2,
    }
    # dnc's share has a default; ctma's has none
    return {
        key: value
        for key, value in given.items()
        if key in known and (known[key].default is inspect.Parameter.empty or key == "f")
    }


def bound(name, f=0, d=1, dtype=torch.float64, weights=None, seed=0):
    """The member as a function of its rows alone."""
    function = member(name)
    if declaration(name).kind == "weighted rule":
        return lambda rows: function(
            rows,
            torch.ones(len(rows), dtype=dtype) if weights is None else weights,
            **settings(name, f, d, dtype, seed),
        )
    return lambda rows: function(rows, **settings(name, f, d, dtype, seed))


def most_liars(name, k):
    """The largest f that the member's condition admits, 0 where it takes none."""
    said = declaration(name)
    if not said.takes_f:
        return 0
    best = 0
    for f in range(k):
        try:
            said.demand(k, {**settings(name, f)})
        except ValueError:
            break
        best = f
    return best
