"""The messages of a run: whether the compressor fits the parts around it, the channel, and the bits that are sent."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from byzsgd.checks import require
from byzsgd.interfaces import FLOAT_BITS, Compressor, Delay, Exchange, WorkerContext
from byzsgd.kernel.adversary import forges
from byzsgd.kernel.channel import Channel, Compressing
from byzsgd.kernel.engine.problem import SupervisedProblem
from byzsgd.kernel.randomness import Streams

if TYPE_CHECKING:
    from byzsgd.run.experiment import Experiment


def check_messages(experiment: Experiment) -> None:
    """Raises ValueError where the compressor does not fit the parts around it."""
    compressor, delay, exchange = experiment.compressor, experiment.delay, exchange_of(experiment)
    who = f"compressor {experiment.choices.get('compressor', type(compressor).__name__)}"
    chosen = experiment.choices.get("scheme/exchange", type(exchange).__name__)
    if not math.isinf(bandwidth := _bandwidth(delay)):
        carrier = compressor if exchange is None else exchange
        require(carrier.fixed_length, who if exchange is None else f"exchange {chosen}",
                "messages of a known length where a link has a finite bandwidth",
                bandwidth=bandwidth)  # fmt: skip
    if exchange is not None and experiment.num_byzantine and forges(experiment.attack):
        require(exchange.memoryless, f"attack {experiment.choices.get('attack', type(experiment.attack).__name__)}",
                "exchange plain or moniqua: a lie to one neighbour would change what all remember",
                exchange=chosen)  # fmt: skip
    if compressor.lossless:
        return
    require(experiment.scheme.server, who, "a scheme with a server", scheme=experiment.choices.get("scheme"))
    require(compressor.feedback or experiment.worker.sends != "deltas", who, "feedback=true with deltas, or what one "
            "loses is lost for good", worker=experiment.choices.get("worker"))  # fmt: skip
    require(compressor.feedback_units == "gradient" or _rate(experiment) is not None, f"{who} with feedback_units=step",
            "an optimizer with lr and schedule", optimizer=experiment.choices.get("optimizer"))  # fmt: skip
    if compressor.needs_round:
        require(getattr(experiment.aggregator, "synchronous", False), f"{who} with bound=max",
                "aggregator/collector=round", aggregator=experiment.choices.get("aggregator"))  # fmt: skip
        require(not delay.prescribed and not _interrupts(delay), f"{who} with bound=max",
                "all jobs of a round in flight together: a delay in seconds, with availability=always",
                delay=experiment.choices.get("delay"))  # fmt: skip
    if getattr(compressor, "private", False):
        _check_private(experiment, who)


def _check_private(experiment: Experiment, who: str) -> None:
    worker, compressor = experiment.worker, experiment.compressor
    require(hasattr(worker, "sensitivity"), who, "a worker rule of clipped per-example gradients (worker=private)",
            worker=experiment.choices.get("worker"))  # fmt: skip
    own, theirs = getattr(compressor, "clip", None), getattr(worker, "clip", None)
    require(own == theirs, who, "the clip of its worker rule", clip=own, worker_clip=theirs)
    norm = {"gaussian": "l2", "laplace": "l1"}[getattr(compressor, "noise", "gaussian")]
    worker_norm = getattr(worker, "norm", None)
    require(worker_norm == norm, who, f"clipping by the {norm} norm (worker.norm={norm})", norm=worker_norm)


def _interrupts(delay: Delay) -> bool:
    availability = getattr(delay, "availability", None)
    return availability is not None and getattr(availability, "interrupts", True)


def exchange_of(experiment: Experiment) -> Exchange | None:
    """The exchange between neighbours; None: the scheme has none."""
    return getattr(experiment.scheme, "exchange", None) if experiment.scheme.edges else None


def _bandwidth(delay: Delay) -> float:
    """Bits per second of a link; inf where its law knows none."""
    bandwidth: float = getattr(getattr(delay, "communication", None), "bandwidth", math.inf)
    return bandwidth


def delay_of_run(experiment: Experiment, layers: Sequence[int]) -> Delay:
    """The delay of a run. A link of finite bandwidth gets the bits of one message: that of a job to the server, or to
    each neighbour."""
    delay: Any = experiment.delay
    if math.isinf(_bandwidth(delay)) or not hasattr(delay.communication, "carrying"):
        return experiment.delay
    if (exchange := exchange_of(experiment)) is not None:
        bits = exchange.nominal_bits(sum(layers))
    else:
        parts = layers if experiment.compressor.per == "layer" else [sum(layers)]
        bits = sum(experiment.compressor.nominal_bits(size) for size in parts)
    linked: Delay = replace(delay, communication=delay.communication.carrying(bits))
    return linked


def read_bits(experiment: Experiment, num_parameters: int) -> int:
    """Bits down when one worker reads the newest model: 32·d, or the `broadcast_bits` of the server."""
    if not experiment.scheme.server:
        return 0
    broadcast_bits = getattr(experiment.aggregator, "broadcast_bits", None)
    return FLOAT_BITS * num_parameters if broadcast_bits is None else int(broadcast_bits(num_parameters))


def channel_of_run(
    experiment: Experiment,
    compressor: Compressor,
    problem: SupervisedProblem,
    contexts: Mapping[int, WorkerContext],
    streams: Streams,
) -> Channel:
    """The channel of a run; for a lossless compressor the one that changes nothing."""
    if compressor.lossless:
        return Channel()
    if getattr(compressor, "private", False):
        worker: Any = experiment.worker
        private: Any = compressor
        compressor = replace(private, clip=worker.sensitivity(experiment.batch_size))
    return Compressing(
        compressor=compressor,
        worker=experiment.worker,
        contexts=contexts,
        streams=streams,
        lr=_rate(experiment),
        loss=problem.train_loss,
        byzantine=frozenset(experiment.byzantine),
    )


def _rate(experiment: Experiment) -> Callable[[int], float] | None:
    optimizer: object = experiment.optimizer
    lr, schedule = getattr(optimizer, "lr", None), getattr(optimizer, "schedule", None)
    return None if lr is None or schedule is None else lambda step: float(schedule(lr, step))
