from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from byzsgd.checks import require
from byzsgd.codes.groups import Groups, Voting, require_replicas
from byzsgd.codes.rounds import CodeContext
from byzsgd.interfaces import Rule
from byzsgd.signatures import unwrapped


@dataclass(frozen=True, kw_only=True)
class Detox:
    """Groups of r workers vote as in draco_repetition, then the rule of `scheme/rule` aggregates the winners.

    Its rows are the means of `buckets` buckets of winners, drawn anew in every round (null: every winner is a row).
    Groups without a majority are left out, which may leave fewer rows. q liars win at most ⌊q / ⌈r / 2⌉⌋ of the n / r
    groups.

    Rajput, Wang, Charles, Papailiopoulos: DETOX: A Redundancy-based Framework for Faster and More Robust Gradient
    Aggregation; NeurIPS 2019, arXiv 1907.12205.

    Differs: in the authors' code the rule is the coordinate-wise median, or Multi-Krum in two buckets.
    """

    replicas: int  # r
    buckets: int | None

    def check(self, num_workers: int, rule: Rule | None = None) -> None:
        require_replicas("detox", self.replicas, num_workers)
        groups = num_workers // self.replicas
        require(self.buckets is None or 1 <= self.buckets <= groups, "detox", "1 <= buckets <= num_workers / replicas",
                buckets=self.buckets, groups=groups)  # fmt: skip
        require(rule is not None, "detox", "a rule (scheme/rule=median)", rule=None)
        function, _, values = unwrapped(rule)
        if (declaration := getattr(function, "declaration", None)) is not None:
            require(hasattr(declaration, "demand"), "detox", "a rule of servers, of rows alone", rule=function.__name__)
            fed = [name for name in declaration.feed.gives if name not in values]
            require(not fed, "detox", "a rule that no server feeds", rule=declaration.name, feeds=fed)
            declaration.demand(self.rows(num_workers), values)

    def rows(self, num_workers: int) -> int:
        """The number of rows of the rule if no group is left out."""
        return num_workers // self.replicas if self.buckets is None else self.buckets

    def use(self, context: CodeContext) -> DetoxInUse:
        assert context.rule is not None
        groups = Groups(self.replicas, context.sizes)
        return DetoxInUse(groups, self.rows(len(context.sizes)), context.rule, context.of_round)


@dataclass(frozen=True, eq=False)
class DetoxInUse(Voting):
    """`Detox` for one run."""

    buckets: int
    rule: Rule
    of_round: Callable[[int], np.random.Generator]

    def direction(self, winners: Mapping[range, Tensor], number: int) -> Tensor:
        rows = torch.stack([winner / self.groups.examples(group) for group, winner in winners.items()])
        order = self.of_round(number).permutation(len(rows))
        buckets = np.array_split(order, min(self.buckets, len(rows)))
        means = torch.stack([rows[torch.as_tensor(bucket, device=rows.device)].mean(0) for bucket in buckets])
        return self.rule(means)
