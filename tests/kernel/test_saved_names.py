"""Checkpoints hold the names of states and of their fields: one with another name can no longer be read."""

from byzsgd import experiment
from byzsgd.kernel.lookahead import events
from byzsgd.records.tree_format import encode

NAMES = {
    "byzsgd.kernel.world:World": "models clock workers adversary channel scheme time arrivals updates pending results "
    "waiting started guesses turn",
    "byzsgd.kernel.versions:Models": "live version optimizer applied earlier readers oldest written",
    "byzsgd.kernel.clocks.agenda:Agenda": "pace last today place day later since seen dropped",
    "byzsgd.kernel.adversary:AdversaryState": "attack delivered withheld due",
    "byzsgd.kernel.channel:ChannelState": "senders bits reads round max_abs tolerant_share",
    "byzsgd.kernel.jobs:Pending": "job work node keys",
    "byzsgd.interfaces.worker:Job": "worker serial read_at start finish",
    "byzsgd.interfaces.worker:Gradients": "requests",
    "byzsgd.interfaces.worker:BatchKey": "block serial",
    "byzsgd.optimizers.sgd:SGDState": "momentum",
    "byzsgd.schemes.server:ServerState": "aggregator held",
    "byzsgd.aggregators.pipeline:PipelineState": "filters damping collector preaggregators rule",
    "byzsgd.aggregators.filters.lipschitz:LipschitzState": "context table coefficients latest reference refusals "
    "previous_params previous_direction",
    "byzsgd.aggregators.filters.lipschitz:Observation": "params vector",
    "byzsgd.aggregators.filters.frequency:FrequencyState": "accepted last",
    "byzsgd.aggregators.collectors.buffer:BufferState": "vectors raw workers places",
    "byzsgd.aggregators.feeds:State": "context centre",
}


def names(tree):
    """Of all objects in an encoded tree: class -> its fields."""
    if isinstance(tree, dict):
        return names(list(tree.values()))
    if not isinstance(tree, list):
        return {}
    own = {tree[1]: " ".join(tree[2])} if len(tree) == 3 and tree[0] == "object" else {}
    return own | {kind: fields for each in tree for kind, fields in names(each).items()}


def test_a_state_keeps_its_names():
    prepared = experiment("num_workers=8", "num_byzantine=1", "f=1", "attack=lie").prepare()
    world = prepared.kernel.begin(prepared.initial)
    deliveries = events(prepared.kernel, world, prepared.engine)
    for _ in range(40):
        next(deliveries)
    assert names(encode(world)[0]).items() >= NAMES.items()
