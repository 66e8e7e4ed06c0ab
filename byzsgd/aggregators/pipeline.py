"""The server as a pipeline of exchangeable parts.

    arrival → filters (accept / refuse, each with a name) → damping Λ scales the vector → collector (when is there a
    step, and from which vectors?) → preaggregators (k, d)→(k', d) → rule (k, d)→(d,) → direction

Kardam, BASGD, Zeno++, FedBuff, Dahan & Levy's weighted servers and synchronous rounds are settings of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from byzsgd.aggregators.dampings.declaration import check_damping
from byzsgd.aggregators.declaration import lift
from byzsgd.aggregators.rows import NonFiniteRows
from byzsgd.aggregators.server import Server
from byzsgd.checks import require
from byzsgd.interfaces import (
    Arrival,
    Collected,
    Collector,
    Damping,
    Decision,
    Filter,
    Judgement,
    Reply,
    ServerContext,
    StatefulRule,
    accept,
    refuse,
)
from byzsgd.interfaces.compiled import compiled_as
from byzsgd.interfaces.server import NOTHING
from byzsgd.interfaces.values import derived

NOT_FINITE = "not_finite"  # the reason where a step fails for its non-finite rows


@dataclass
class PipelineState:
    """The states of the parts, by the part."""

    filters: dict[str, object]
    damping: object
    collector: object
    preaggregators: dict[str, object]
    rule: object


@compiled_as("pipeline", "filters", "damping", "collector", "preaggregator", "rule")
@dataclass(frozen=True, kw_only=True)
class Pipeline(Server[PipelineState]):
    """A server made of filters, a damping, a collector, pre-aggregators and a rule.

    Filters and pre-aggregators are ordered mappings by name; a part that is None is off. The first refusal ends an
    arrival, its filter's name is the reason. `weight` is Λ(τ) with τ at the arrival. An arrival that completes a step
    with more non-finite rows than the rule bears is not accepted either (reason `not_finite`): there is no update, and
    what a buffer, a round or buckets had collected is given up.
    """

    filters: Mapping[str, Filter | None] = field(default_factory=dict)
    damping: Damping
    collector: Collector
    preaggregator: Mapping[str, object] = field(default_factory=dict)
    rule: object

    def __post_init__(self) -> None:
        for name, part in self.active_filters:
            # A misspelt or missing member leaves a bare node of settings here.
            require(hasattr(part, "judge"), f"filter {name}", "a member of its own (aggregator/filters=[…])", node=part)
        check_damping(self.damping)
        active_preaggregators, final = self.active_preaggregators, self.final  # which refuses what cannot be
        require(
            self.collector.weighted or not final.weighted,
            "a weighted rule",
            "a collector that gives weights (aggregator/collector=latest)",
            collector=type(self.collector).__name__.lower(),
        )
        require(
            not (final.weighted and active_preaggregators),
            "a weighted rule",
            "no preaggregator before it, since rows would lose their weights",
            preaggregators=[name for name, _ in active_preaggregators],
        )

    @cached_property
    def active_filters(self) -> tuple[tuple[str, Filter], ...]:
        """The filters that are on, by name."""
        return tuple((name, part) for name, part in self.filters.items() if part is not None)

    @cached_property
    def active_preaggregators(self) -> tuple[tuple[str, StatefulRule], ...]:
        """The pre-aggregators that are on, by name."""
        return tuple((name, lift(part)) for name, part in self.preaggregator.items() if part is not None)

    @cached_property
    def final(self) -> StatefulRule:
        """The rule behind them."""
        return lift(self.rule)

    @cached_property
    def of_vectors(self) -> Callable[[Sequence[Tensor]], Tensor] | None:
        """(k vectors) -> (d,): the rule without a stack, where it has that and stands alone."""
        return None if self.active_preaggregators else getattr(self.final, "of_vectors", None)

    @derived
    def scores(self) -> tuple[str, ...]:
        return tuple(score for _, part in self.active_filters for score in part.scores)

    @derived
    def needs_read_params(self) -> bool:
        """Whether one of its filters does."""
        return any(getattr(part, "needs_read_params", True) for _, part in self.active_filters)

    @property
    def synchronous(self) -> bool:
        """Whether it waits for every worker, round by round."""
        return self.collector.waiting is Reply.HOLD

    @property
    def calls(self) -> bool:
        """Whether only some of the workers take part at a time: those that `called` names."""
        return hasattr(self.collector, "called")

    def called(self, state: PipelineState) -> Collection[int]:
        """Who takes part now."""
        collector: Any = self.collector
        workers: Collection[int] = collector.called(state.collector)
        return workers

    def check(self, num_workers: int) -> None:
        """Every condition on n, and those of the rules on the number of rows that they will see."""
        for _, part in self.active_filters:
            part.check(num_workers)
        self.collector.check(num_workers)
        rows = self.collector.rows(num_workers)
        for _, preaggregator in self.active_preaggregators:
            rows = preaggregator.check(rows)
        self.final.check(rows)

    def init(self, context: ServerContext) -> PipelineState:
        self.check(context.num_workers)
        init_damping = getattr(self.damping, "init", None)
        return PipelineState(
            filters={name: part.init(context) for name, part in self.active_filters},
            damping=init_damping(context) if init_damping else None,
            collector=self.collector.init(context),
            preaggregators={name: part.init(context) for name, part in self.active_preaggregators},
            rule=self.final.init(context),
        )

    def receive(self, state: PipelineState, arrival: Arrival) -> Decision:
        raw, scores, active_filters = arrival.vector, NOTHING, self.active_filters
        if active_filters:
            raw, judgements, refused_by = self._judge(state, arrival)
            scores = {}
            for name, part in active_filters:
                judgement = judgements.get(name)
                part.record(state.filters[name], arrival, judgement, not refused_by)
                if judgement is not None:
                    scores.update(judgement.scores)
            if refused_by:
                return refuse(refused_by, scores)

        weight = float(self.damping(state.damping, arrival))
        vector = raw if weight == 1.0 else weight * raw
        collected = self.collector.add(state.collector, arrival, vector, raw)
        if collected is None:
            return accept(None, weight, scores, self.collector.waiting)
        try:
            direction = self._step(state, arrival, collected)
        except NonFiniteRows:
            # Whoever waits for the update that does not come would wait for ever.
            reply = Reply.RESTART if self.collector.waiting is Reply.HOLD else collected.reply
            return refuse(NOT_FINITE, scores, reply)
        if direction is vector and (active_filters or self.collector.weighted):
            # The mean of one vector is that very vector, which filters and the table of latest vectors may keep.
            direction = direction.clone()
        return accept(direction, weight, scores, collected.reply)

    def combine(
        self,
        state: PipelineState,
        vectors: Tensor,
        raw: Tensor | None,
        weights: tuple[float, ...] | None,
        step: int,
    ) -> tuple[Tensor, Tensor | None] | None:
        """The direction (d,) of a step from collected vectors (k, d), and that of the undamped `raw` where they are
        given: what a compiled stretch asks for whose filters and collector are its own. None: too many rows are not
        finite."""
        before = (state.preaggregators, state.rule)
        try:
            undamped = None if raw is None else self._of_rows(*before, raw, weights, step)[0]
            direction, state.preaggregators, state.rule = self._of_rows(*before, vectors, weights, step)
        except NonFiniteRows:
            return None
        return direction, undamped

    def _judge(self, state: PipelineState, arrival: Arrival) -> tuple[Tensor, dict[str, Judgement], str]:
        """The vector after the filters, the judgements of the filters asked, and who refused ("" for nobody)."""
        judgements: dict[str, Judgement] = {}
        vector, current = arrival.vector, arrival
        for name, part in self.active_filters:
            judgement = judgements[name] = part.judge(state.filters[name], current)
            if not judgement.passes:
                return vector, judgements, name
            if judgement.vector is not vector:
                vector = judgement.vector
                current = Arrival(
                    arrival.time, arrival.worker, arrival.read_at, arrival.step, vector, arrival.read_params
                )
        return vector, judgements, ""

    def _step(self, state: PipelineState, arrival: Arrival, collected: Collected) -> Tensor:
        if not self.active_filters:
            direction, state.preaggregators, state.rule = self._aggregate(
                state.preaggregators, state.rule, collected.vectors, collected.weights, arrival.step
            )
            return direction
        # Taken before the rule moves on: filters compare undamped directions made by the same rule state.
        before = (state.preaggregators, state.rule)

        def undamped() -> Tensor:
            if collected.raw is collected.vectors:
                return direction
            return self._aggregate(*before, collected.raw, collected.weights, arrival.step)[0]

        direction, state.preaggregators, state.rule = self._aggregate(
            *before, collected.vectors, collected.weights, arrival.step
        )
        for name, part in self.active_filters:
            part.stepped(state.filters[name], arrival, undamped)
        return direction

    def _aggregate(
        self,
        preaggregators: dict[str, object],
        rule: object,
        vectors: tuple[Tensor, ...],
        weights: tuple[float, ...] | None,
        step: int,
    ) -> tuple[Tensor, dict[str, object], object]:
        if self.of_vectors is not None:
            return self.of_vectors(vectors), preaggregators, rule
        rows = vectors[0].unsqueeze(0) if len(vectors) == 1 else torch.stack(vectors)
        return self._of_rows(preaggregators, rule, rows, weights, step)

    def _of_rows(
        self,
        preaggregators: dict[str, object],
        rule: object,
        rows: Tensor,
        weights: tuple[float, ...] | None,
        step: int,
    ) -> tuple[Tensor, dict[str, object], object]:
        after: dict[str, object] = {}
        for name, part in self.active_preaggregators:
            rows, after[name] = part.aggregate(preaggregators[name], rows, None, step)
        shares = torch.tensor(weights, dtype=rows.dtype, device=rows.device) if self.final.weighted else None
        direction, rule = self.final.aggregate(rule, rows, shares, step)
        return direction, after, rule
