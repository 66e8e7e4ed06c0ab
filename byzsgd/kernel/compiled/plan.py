"""Which configurations compiled code can play, as numbers; or what stands in the way. Imports nothing of Numba."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from byzsgd.interfaces.compiled import FORM, Form
from byzsgd.kernel.adversary import Adversary, Liars
from byzsgd.kernel.channel import Channel
from byzsgd.kernel.clocks import EventClock
from byzsgd.kernel.clocks.table import Table
from byzsgd.kernel.compiled import layout as at
from byzsgd.kernel.engine.fused import fusible
from byzsgd.kernel.engine.layers import Layer
from byzsgd.kernel.engine.problem import SupervisedProblem
from byzsgd.kernel.world import Kernel
from byzsgd.signatures import keyword_only, unwrapped

# What PyTorch's products are as fast for (docs/performance.md): numbers of a model that no cache holds, and batches so
# large that a product of matrices behind the first layer is worth its preparation.
MOST_NUMBERS = 2**19
MOST_EXAMPLES, MOST_BEHIND = 64, 2**20  # of a batch; else of it times the numbers behind the first layer


@dataclass(frozen=True)
class Plan:
    """A configuration that compiled code can play."""

    codes: np.ndarray  # (CODES,) int64
    settings: np.ndarray  # (SETTINGS,) float64
    layers: tuple[Layer, ...]
    slots: int  # of the collector
    filters: tuple[tuple[str, Any], ...]  # of a pipeline inside, by name, in order
    collector: Any  # of a pipeline inside


class Unsupported(Exception):
    """What stands in the way."""


def form_of(part: object) -> tuple[str, dict[str, Any]] | None:
    """The name that a part declares and its parameters; None: nothing is said of exactly this function or class."""
    function, _, bound = unwrapped(part)
    for owner in (function, type(part)):
        form = vars(owner).get(FORM) if hasattr(owner, "__dict__") else None
        if isinstance(form, Form) and form.owner is owner:
            values = {**keyword_only(owner), **bound} if owner is function else None
            return form.name, {
                name: getattr(part, name) if values is None else values[name] for name in form.parameters
            }
    return None


def has_numba() -> bool:
    """Whether the extra is there."""
    from importlib.util import find_spec

    return find_spec("numba") is not None


def plan_of(kernel: Kernel, problem: SupervisedProblem) -> Plan | str:
    """The plan of a run, or in one clause why it has none: a function of the configuration alone."""
    try:
        return _make_plan(kernel, problem)
    except Unsupported as reason:
        return str(reason)


def chain_of(problem: SupervisedProblem, batch_size: int) -> tuple[Layer, ...] | str:
    """The layers of a model whose gradients compiled code computes faster than PyTorch, or in one clause why not."""
    try:
        layers = _layers(problem)
        numbers = problem.num_parameters
        _need(numbers <= MOST_NUMBERS, f"a model of {numbers} numbers")
        behind = sum(layer.inputs * layer.outputs for layer in layers[1:])
        wide = batch_size > MOST_EXAMPLES and batch_size * behind > MOST_BEHIND
        _need(not wide, f"batches of {batch_size} examples")
    except Unsupported as reason:
        return str(reason)
    return layers


def is_squared(problem: SupervisedProblem) -> bool:
    """Whether the loss is half of the squared error; else it is the cross-entropy."""
    return problem.data.loss == "half_squared_error"


def _name_of(part: object) -> str:
    """The name of a member, as the configuration writes it."""
    name: str = getattr(part, "name", type(part).__name__)
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _need(condition: bool, otherwise: str) -> None:
    if not condition:
        raise Unsupported(otherwise)


def _make_plan(kernel: Kernel, problem: SupervisedProblem) -> Plan:
    codes, settings = np.zeros(at.CODES, dtype=np.int64), np.zeros(at.SETTINGS)
    layers = _layers(problem)
    _need(problem.data.augment is None, "augmented data")
    codes[at.SQUARED] = is_squared(problem)
    clock = kernel.clock
    _need(type(clock) is EventClock, "prescribed staleness")
    assert isinstance(clock, EventClock)
    _need(clock.availability is None or form_of(clock.availability) is not None, "workers that are not always there")
    _need(type(clock.durations) is Table, "a clock of its own")
    _need(type(kernel.channel) is Channel, "a compressor")
    _worker(kernel, codes, settings)
    _attack(kernel.adversary, codes, settings)
    _optimizer(kernel, codes, settings)
    scheme = form_of(kernel.scheme)
    _need(scheme is not None and scheme[0] == "server", f"scheme {_name_of(kernel.scheme)}")
    assert scheme is not None
    _need(not getattr(scheme[1]["aggregator"], "calls", False), "a server that calls some of its workers")
    codes[at.READS] = kernel.reads
    try:
        return _pipeline(scheme[1]["aggregator"], kernel.num_workers, codes, settings, layers)
    except Unsupported:  # a server of another kind decides outside
        codes[at.SERVER] = at.OUTSIDE
        codes[at.FILTERS] = codes[at.BY_SERVER] = 0
        return Plan(codes, settings, layers, 1, (), None)


def _layers(problem: SupervisedProblem) -> tuple[Layer, ...]:
    _need(problem.device.type == "cpu", f"device {problem.device.type}")
    _need(problem.dtype in (torch.float32, torch.float64), f"dtype {problem.dtype}")
    layers = fusible(problem)
    if isinstance(layers, str):
        raise Unsupported(layers)
    for layer in layers:
        name = "relu" if layer.activation is None else layer.activation.name
        _need(name in at.ACTIVATIONS, f"activation {name}")
    _need(problem.data.train.inputs.dtype is problem.dtype, "inputs that are no real numbers")
    return layers


def _worker(kernel: Kernel, codes: np.ndarray, settings: np.ndarray) -> None:
    worker = form_of(kernel.worker)
    _need(worker is not None and worker[0] in at.WORKERS, f"worker rule {_name_of(kernel.worker)}")
    assert worker is not None
    _need(kernel.worker.sampling != "full", "batches of several sizes")
    codes[at.WORKER_RULE] = at.WORKERS[worker[0]]
    settings[at.WORKER_INERTIA] = worker[1].get("momentum", 0.0)


def _attack(adversary: Adversary, codes: np.ndarray, settings: np.ndarray) -> None:
    if not adversary.byzantine:
        return
    attack = adversary.attack
    name = _name_of(attack)
    _need(type(adversary) in (Adversary, Liars), f"attack {name}")
    form = form_of(attack)
    if form is not None and form[0] == "function":
        form = form_of(form[1]["function"])
    _need(form is not None and form[0] in at.ATTACKS, f"attack {name}, which may look at more than vectors")
    assert form is not None
    kind, values = form
    codes[at.ATTACK] = at.ATTACKS[kind]
    settings[at.FILL] = -float(values["scale"]) if "scale" in values else at.FILLS.get(kind, 0.0)
    if isinstance(adversary, Liars):  # the general path shows them so much, and it may go on at any moment
        codes[at.LIARS_READ], codes[at.SHOWN] = 1, adversary.sees != "own"


def _optimizer(kernel: Kernel, codes: np.ndarray, settings: np.ndarray) -> None:
    optimizer = form_of(kernel.optimizer)
    _need(optimizer is not None and optimizer[0] == "sgd", f"optimizer {_name_of(kernel.optimizer)}")
    assert optimizer is not None
    values = optimizer[1]
    schedule = form_of(values["schedule"])
    codes[at.FOREVER] = schedule is not None and schedule[0] == "constant"
    codes[at.DECAYS] = values["weight_decay"] > 0
    codes[at.INERTIAL], codes[at.NESTEROV] = values["momentum"] > 0, values["nesterov"]
    settings[at.OPTIMIZER_INERTIA], settings[at.DECAY] = values["momentum"], values["weight_decay"]


def _pipeline(
    aggregator: object, num_workers: int, codes: np.ndarray, settings: np.ndarray, layers: tuple[Layer, ...]
) -> Plan:
    server = form_of(aggregator)
    _need(server is not None and server[0] == "pipeline", "a server of its own")
    assert server is not None
    parts = server[1]
    filters = tuple((name, part) for name, part in parts["filters"].items() if part is not None)
    _filters(filters, codes)
    damping = form_of(parts["damping"])
    _need(damping is not None and damping[0] in at.DAMPINGS, "a damping of its own")
    assert damping is not None
    codes[at.DAMPING] = at.DAMPINGS[damping[0]]
    for index, value in zip((at.DAMPING_1, at.DAMPING_2), damping[1].values(), strict=False):
        settings[index] = value
    slots = _collector(parts["collector"], num_workers, codes)
    rule = form_of(parts["rule"])
    alone = all(part is None for part in parts["preaggregator"].values())
    inside = alone and rule is not None and rule[0] in at.RULES
    codes[at.RULE] = at.RULES[rule[0]] if inside and rule is not None else at.RULE_OUTSIDE
    return Plan(codes, settings, layers, slots, filters, parts["collector"])


def _filters(filters: tuple[tuple[str, object], ...], codes: np.ndarray) -> None:
    forms = [form_of(part) for _, part in filters]
    names = [form[0] for form in forms if form is not None]
    _need(len(names) == len(filters) and len(names) <= 4, "filters of their own")
    _need(len(set(names)) == len(names) and set(names) <= set(at.FILTERS_BY_NAME), "filters of their own")
    codes[at.FILTERS] = len(names)
    for index, form in enumerate(forms):
        assert form is not None
        name, values = form
        codes[at.FILTER_0 + index] = at.FILTERS_BY_NAME[name]
        if name == "lipschitz":
            codes[at.LIMIT_F], codes[at.HATCH] = values["f"], values["hatch"]
            codes[at.BY_SERVER], codes[at.BY_MAX] = values["candidate"] == "server", values["memory"] == "max"
            codes[at.WARM_ALL] = values["warmup"] == "all"
        elif name == "frequency":
            codes[at.FREQUENCY_F] = values["f"]
        else:
            codes[at.STALENESS] = np.iinfo(np.int64).max if values["limit"] is None else values["limit"]


def _collector(collector: object, num_workers: int, codes: np.ndarray) -> int:
    """The number of its slots."""
    form = form_of(collector)
    _need(form is not None and form[0] in at.COLLECTORS, "a collector of its own")
    assert form is not None
    name, values = form
    _need(values.get("reassign_after") is None, "buckets that are dealt out anew")
    _need(values.get("quorum", 1) == 1, "a first step that waits")
    codes[at.COLLECTOR] = at.COLLECTORS[name]
    codes[at.SLOTS], codes[at.ZEROS] = values.get("slots", False), values.get("missing") == "zero"
    codes[at.ROOM] = {"every": 1, "buffer": values.get("size"), "buckets": values.get("buckets")}.get(name, num_workers)
    return int(codes[at.ROOM])
