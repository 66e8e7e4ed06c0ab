"""Worker rules: values worked out by hand, laws over the YAML members, and what reaches the server in real runs."""

import itertools
import math
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import ClassVar

import pytest
import torch

from byzsgd import experiment, workers
from byzsgd.config.catalogue import members
from byzsgd.interfaces import BatchKey, ClippedSum, Gradients, Job, LocalSteps, Message, WorkerContext
from byzsgd.kernel.lookahead import events
from byzsgd.kernel.randomness import Streams
from byzsgd.records.tree import fork
from byzsgd.records.tree_format import decode, encode

RULES = [member.name for member in members("worker")]
R = "replacement"


def job(serial, read_at, worker=0):
    return Job(worker, serial, read_at, float(serial), float(serial + 1))


def given(worker, layers=(2,), seed=0):
    return WorkerContext(worker, sum(layers), layers, Streams(seed).of_worker(worker))


def rows(*vectors):
    return torch.tensor(vectors, dtype=torch.float64)


def sent(rule, results, read_at=None):
    """The vectors of one worker's deliveries: `results[j]` is what the engine gives to its j-th job."""
    state, vectors = rule.init(given(0)), []
    for serial, result in enumerate(results):
        version = serial if read_at is None else read_at[serial]
        message, state = rule.message(state, job(serial, version), result)
        vectors.append(message.vector.tolist())
    return vectors


def test_gradient():
    rule = workers.gradient(sampling=R)
    assert rule.plan(None, job(3, 7, worker=2)) == Gradients(((7, BatchKey(2, 3)),))
    assert sent(rule, [rows([1, -2]), rows([3, 0])]) == [[1, -2], [3, 0]]


def test_momentum():
    # u = .75·u + .25·g from 0: .25·4 = 1, .75·1 + .25·8 = 2.75, .75·2.75 + 0 = 2.0625.
    rule = workers.momentum(sampling=R, momentum=0.75)
    assert sent(rule, [rows([4]), rows([8]), rows([0])]) == [[1], [2.75], [2.0625]]


def test_storm():
    # d1 = 4; d2 = 8 + .75(4 − 6) = 6.5; d3 = 1 + .75(6.5 − 2.5) = 4.
    rule = workers.storm(sampling=R, beta=0.25)
    assert sent(rule, [rows([4]), rows([8], [6]), rows([1], [2.5])]) == [[4], [6.5], [4]]


def test_storm_with_the_weights_of_the_theory():
    # β = 1/s: d2 = 8 + ½(4 − 6) = 7; d3 = 1 + ⅔(7 − 4) = 3.
    rule = workers.storm(sampling=R, beta=None)
    assert [value for (value,) in sent(rule, [rows([4]), rows([8], [6]), rows([1], [4])])] == pytest.approx([4, 7, 3])


def test_storm_asks_for_the_same_batch_at_the_model_of_its_last_delivery():
    rule = workers.storm(sampling=R, beta=0.25)
    state = rule.init(given(1))
    assert rule.plan(state, job(0, 3, 1)) == Gradients(((3, BatchKey(1, 0)),))
    assert rule.keeps(state) == ()
    _, state = rule.message(state, job(0, 3, 1), rows([4]))
    # Job 1 was lost: job 2 corrects against version 3, the last that was delivered.
    assert rule.keeps(state) == (3,)
    assert rule.plan(state, job(2, 9, 1)) == Gradients(((9, BatchKey(1, 2)), (3, BatchKey(1, 2))))


def test_local_steps():
    rule = workers.local_steps(sampling=R, steps=4, lr=0.5, normalised=True)
    keys = tuple(BatchKey(2, serial) for serial in (12, 13, 14, 15))
    assert rule.plan(None, job(3, 7, worker=2)) == LocalSteps(7, keys, 0.5)
    assert sent(rule, [rows([6, -2])]) == [[3, -1]]  # (start − end) / (4 · .5)
    assert sent(workers.local_steps(sampling=R, steps=4, lr=0.5, normalised=False), [rows([6, -2])]) == [[6, -2]]


def test_clipped():
    rule = workers.clipped(sampling=R, radius=2.5)
    assert sent(rule, [rows([3, 4]), rows([-1.5, 2]), rows([0, 0])]) == [[1.5, 2], [-1.5, 2], [0, 0]]


def test_delta():
    assert sent(workers.delta(sampling=R), [rows([4, 1]), rows([6, 1]), rows([5, 5])]) == [[4, 1], [2, 0], [-1, 4]]


def member(name):
    return experiment("aggregator=asgd", f"worker={name}", *needed(name)).worker


def needed(name):
    return ("aggregator=mifa", "aggregator.deltas=true") if name == "delta" else ()


def plain(node):
    if is_dataclass(node):
        return all(plain(getattr(node, item.name)) for item in fields(node))
    if isinstance(node, dict):
        return all(map(plain, node)) and all(map(plain, node.values()))
    if isinstance(node, tuple):
        return all(map(plain, node))
    return node is None or isinstance(node, torch.Tensor | int | float | str)


def results_for(rule, state, number, gradient):
    """What an engine would give where the gradient is the same everywhere."""
    work = rule.plan(state, number)
    if isinstance(work, LocalSteps):
        return (len(work.batches) * work.lr * gradient)[None]
    if isinstance(work, ClippedSum):
        return gradient[None]
    return torch.stack([gradient] * len(work.requests))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", RULES)
def test_laws_of_every_rule(name, dtype):
    """Pure, plain states, 32 bits a number, nothing aliased, and a constant gradient reaches the server (but delta)."""
    rule, gradient = member(name), torch.tensor([0.6, -0.3], dtype=dtype)
    state, total = rule.init(given(0)), torch.zeros(2, dtype=dtype)
    for serial in range(60):
        number = job(serial, serial)
        assert set(rule.plan(state, number).versions) <= {serial, *rule.keeps(state)}
        results = results_for(rule, state, number, gradient)
        before = results.clone()
        message, following = rule.message(state, number, results)
        again, _ = rule.message(state, number, results)
        assert torch.equal(message.vector, again.vector), "message has a side effect"
        assert torch.equal(results, before)
        assert (message.vector.shape, message.bits, message.claimed_read_at) == ((2,), 64, None)
        assert plain(following)
        state, total = following, total + message.vector
    assert rule.sends == ("deltas" if name == "delta" else "vectors")
    reached = total if rule.sends == "deltas" else message.vector
    torch.testing.assert_close(reached, gradient, rtol=2e-3, atol=0)  # momentum: .9^60


WORLD = (
    *("dataset=quadratic", "dataset.d=6", "dataset.n=200", "dataset.test=20", "dataset.trusted=10"),
    *("num_workers=4", "num_byzantine=1", "batch_size=4", "dtype=float64", "engine=loop", "aggregator=asgd"),
)


def play(*overrides, count=80):
    """Deliveries of a small run on the quadratic, and what was prepared."""
    prepared = experiment(*WORLD, *overrides).prepare()
    world = prepared.kernel.begin(prepared.initial.clone())
    return list(itertools.islice(events(prepared.kernel, world, prepared.engine), count)), prepared


def vectors(played):
    return torch.stack([event.message.vector for event in played])


GRADIENT_IN_DISGUISE = [
    ("worker=momentum", "worker.momentum=0"),
    ("worker=storm", "worker.beta=1"),
    ("worker=clipped", "worker.radius=1e9"),
    ("worker=local_steps", "worker.steps=1"),
    ("worker=local_steps", "worker.steps=1", "worker.normalised=false", "worker.lr=1"),
]


@pytest.mark.parametrize("overrides", GRADIENT_IN_DISGUISE, ids=" ".join)
def test_reductions_to_the_plain_gradient(overrides):
    torch.testing.assert_close(
        vectors(play(*overrides)[0]), vectors(play("worker=gradient")[0]), rtol=1e-12, atol=1e-13
    )


def by_worker(played):
    found = {}
    for event in played:
        found.setdefault(event.arrival.worker, []).append(event.message.vector)
    return found


def test_on_a_still_model_storm_is_momentum_from_the_first_gradient():
    """lr 0: the previous query point is the present one, so d ← βg + (1 − β)d."""
    gradients, storms = by_worker(play("optimizer.lr=0")[0]), by_worker(play("optimizer.lr=0", "worker=storm")[0])
    assert len(storms) == 4
    for worker, seen in storms.items():
        momentum = gradients[worker][0]
        for vector, gradient in zip(seen, gradients[worker], strict=True):
            momentum = 0.25 * gradient + 0.75 * momentum if gradient is not gradients[worker][0] else momentum
            torch.testing.assert_close(vector, momentum, rtol=1e-12, atol=1e-13)


def test_momentum_comes_before_the_attack():
    """lr 0, so that both runs see the same gradients: the liar sends −10 times its momentum."""
    honest, lying = (play("optimizer.lr=0", "worker=momentum", f"attack={name}")[0] for name in ("none", "reversed"))
    assert sum(event.byzantine for event in lying) > 5
    for one, two in zip(honest, lying, strict=True):
        assert torch.equal(two.message.vector, one.message.vector * (-10.0 if two.byzantine else 1.0))


def test_local_steps_walk_from_the_model_that_was_read():
    """k steps of plain SGD on k batches, recomputed here from single gradients."""
    settings = ("worker.steps=3", "worker.lr=0.2", "worker.normalised=false", "num_byzantine=0")
    prepared = experiment(*WORLD, "worker=local_steps", *settings).prepare()
    kernel = replace(prepared.kernel, reads=True)  # asgd does not look at the models that were read, this test does
    world = kernel.begin(prepared.initial.clone())
    played = list(itertools.islice(events(kernel, world, prepared.engine), 20))
    assert max(event.arrival.staleness for event in played) > 1
    for event in played:
        params = event.arrival.read_params.clone()
        for step in range(3):
            batch = prepared.batches.batch(BatchKey(event.arrival.worker, 3 * event.serial + step))
            params = params - 0.2 * prepared.problem.gradient(params, batch)
        torch.testing.assert_close(event.message.vector, event.arrival.read_params - params, rtol=1e-10, atol=1e-12)


@dataclass
class NoisyState:
    """What the rule was told of its worker."""

    context: WorkerContext


@dataclass(frozen=True)
class Noisy:
    """Sends noise in place of its gradient, each layer's as large as the layer: what a rule with a context can do."""

    sends: ClassVar[str] = "vectors"
    sampling: str = R

    def init(self, context):
        return NoisyState(context)

    def plan(self, state, job):
        return Gradients(((job.read_at, BatchKey(job.worker, job.serial)),))

    def keeps(self, state):
        return ()

    def message(self, state, job, results):
        rng, sizes = state.context.stream("noise", job.serial), state.context.layers
        noise = torch.from_numpy(rng.normal(size=state.context.num_parameters))
        return Message.uncompressed(noise * torch.tensor(sizes).repeat_interleave(torch.tensor(sizes))), state


def test_every_worker_is_told_of_itself_and_of_the_model():
    """The mlp 64-32-10 of the digits: matrices and vectors in flat order."""
    prepared = replace(experiment("dataset=digits", "aggregator=asgd", "dtype=float64"), worker=Noisy()).prepare()
    world = prepared.kernel.begin(prepared.initial.clone())
    contexts = [world.workers[worker].context for worker in range(15)]
    assert contexts == [prepared.kernel.contexts[worker] for worker in range(15)]
    assert [each.worker for each in contexts] == list(range(15))
    assert {each.layers for each in contexts} == {(64 * 32, 32, 32 * 10, 10)}
    assert {each.num_parameters for each in contexts} == {2410}
    played = list(itertools.islice(events(prepared.kernel, world, prepared.engine), 40))
    sent = torch.stack([event.message.vector for event in played if not event.byzantine])
    assert len(sent.unique(dim=0)) == len(sent)  # every worker draws for itself, and anew for each job
    assert sent[:, 2048:2080].abs().mean() == pytest.approx(32 * math.sqrt(2 / math.pi), rel=0.1)


def test_the_draws_of_a_worker_are_a_function_of_seed_name_worker_and_serial():
    draws = [
        given(worker, seed=seed).stream(name, serial).random()
        for seed, name, worker, serial in itertools.product(range(2), ("a", "b"), range(2), range(2))
    ]
    assert len(set(draws)) == 16
    assert given(3).stream("a", 7).random() == Streams(0).generator("worker/a", 3, 7).random()


def test_a_state_that_keeps_its_context_is_saved_and_forked_with_it():
    states = {worker: Noisy().init(given(worker, (3, 4))) for worker in range(3)}
    for again in (decode(*encode(states), {}, (__name__,)), fork(states)):
        for worker, state in again.items():
            sent = [Noisy().message(each, job(5, 5, worker), None)[0].vector for each in (states[worker], state)]
            assert torch.equal(*sent)


def test_clipped_vectors_are_no_longer_than_the_radius():
    norms = [event.norm for event in play("worker=clipped", "worker.radius=0.5", "num_byzantine=0")[0]]
    assert max(norms) == pytest.approx(0.5)
    assert min(norms) <= 0.5


BAD = [
    ("momentum", "momentum", "1", "0 <= momentum < 1"),
    ("momentum", "momentum", "-0.1", "0 <= momentum < 1"),
    ("storm", "beta", "1.5", "0 <= beta <= 1"),
    ("storm", "beta", "-1", "0 <= beta <= 1"),
    ("local_steps", "steps", "0", "steps >= 1"),
    ("local_steps", "lr", "0", "0 < lr < inf"),
    ("local_steps", "lr", "-1", "0 < lr < inf"),
    ("clipped", "radius", "0", "radius > 0"),
    ("clipped", "radius", "nan", "radius needs a number"),
    *((name, "sampling", "sometimes", "one of replacement, shuffle") for name in RULES),
]


@pytest.mark.parametrize(("name", "setting", "value", "needs"), BAD)
def test_impossible_settings_are_refused(name, setting, value, needs):
    with pytest.raises(ValueError, match=needs):
        experiment("aggregator=asgd", f"worker={name}", f"worker.{setting}={value}", *needed(name))
