"""The channel in real runs: what arrives is what the definitions say of what was sent, and what a sender remembers."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from byzsgd import compressors, experiment
from byzsgd.kernel.channel import Channel, Compressing
from byzsgd.kernel.lookahead import events
from byzsgd.kernel.randomness import Streams

# A model that does not move sends the same gradients, whatever becomes of them on the way.
STILL = (
    "num_workers=5",
    "num_byzantine=1",
    "f=1",
    "batch_size=8",
    "optimizer.lr=0",
    "aggregator=asgd",
    "dtype=float64",
)
SMALL = ("num_workers=5", "num_byzantine=1", "f=1", "batch_size=8")


def play(count, *overrides, **replaced):
    """The first deliveries of an experiment, and the last world."""
    prepared = replace(experiment(*overrides), **replaced).prepare()
    world = prepared.begin(prepared.initial.clone())
    return list(itertools.islice(events(prepared.kernel, world, prepared.engine), count)), world


def by_worker(played, byzantine=False):
    """Vectors by worker, in order, of honest workers or of all."""
    found = {}
    for event in played:
        if byzantine or not event.byzantine:
            found.setdefault(event.arrival.worker, []).append((event.serial, event.message))
    return found


def uniforms(worker, serial, d, dtype=np.float64):
    return torch.from_numpy(Streams(0).generator("compression", worker, serial).random(d, dtype=dtype))


SETTINGS = {
    "sign": compressors.sign(),
    "stochastic_sign": compressors.stochastic_sign(bound="own"),
    "qsgd": compressors.qsgd(levels=4),
    "top_k": compressors.top_k(share=0.01),
    "random_k": compressors.random_k(share=0.01),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_what_arrives_is_the_definition_with_uniforms_of_its_own_stream(name):
    plain, _ = play(40, *STILL)
    played, _ = play(40, *STILL, f"compressor={name}")
    for before, after in zip(plain, played, strict=True):
        own = before.message.vector
        drawn = uniforms(after.arrival.worker, after.serial, len(own))
        vector, bits = SETTINGS[name].compress(own, drawn)
        assert torch.equal(after.message.vector, vector)
        assert after.message.bits == bits
        assert after.norm == pytest.approx(float(vector.norm()))


@pytest.mark.parametrize("compressor", ["qsgd", "sign", "top_k"])
def test_a_compressor_shifts_no_clock_and_no_batch(compressor):
    def timed(played):
        return [(event.arrival.time, event.arrival.worker, event.serial) for event in played]

    assert timed(play(120, *SMALL, "aggregator=asgd")[0]) == timed(
        play(120, *SMALL, "aggregator=asgd", f"compressor={compressor}")[0]
    )


def test_without_a_compressor_the_channel_is_the_null_object():
    assert type(experiment(*SMALL).prepare().kernel.channel) is Channel
    assert type(experiment(*SMALL, "compressor=sign").prepare().kernel.channel) is Compressing
    given = replace(experiment(*SMALL), compressor=compressors.none(feedback=True))
    assert type(given.prepare().kernel.channel) is Channel


@pytest.mark.parametrize("compressor", ["top_k", "scaled_sign", "qsgd"])
def test_feedback_of_a_worker_telescopes(compressor):
    """Σ sent + e = Σ g for every worker: also for a liar that only poisons its data."""
    attack = "attack=label_flip"
    plain, _ = play(60, *STILL, attack)
    played, world = play(60, *STILL, attack, f"compressor={compressor}", "compressor.feedback=true")
    own, sent = by_worker(plain, byzantine=True), by_worker(played, byzantine=True)
    assert len(own) == 5
    for worker, messages in own.items():
        total = sum(message.vector for _, message in messages)
        arrived = sum(message.vector for _, message in sent[worker])
        torch.testing.assert_close(arrived + world.channel.senders[worker].error, total, rtol=0, atol=1e-12)


def test_feedback_is_never_reset_by_a_refusal_and_a_lost_job_leaves_no_trace():
    """Stale vectors are refused, and workers that come and go lose jobs: every delivered message follows from the error
    of the worker's last delivery alone."""
    settings = (*STILL, "delay/availability=periodic", "delay.availability.period=8",
                "aggregator/filters=[max_staleness]",
                "aggregator.filters.max_staleness.limit=1")  # fmt: skip
    plain, _ = play(80, *settings)
    played, _ = play(80, *settings, "compressor=top_k", "compressor.feedback=true")
    assert not all(event.decision.accepted for event in played)
    assert any(own[-1][0] >= len(own) for own in by_worker(played).values()), "no job was lost"
    error, rule = {}, compressors.top_k(share=0.01)
    for before, after in zip(plain, played, strict=True):
        worker = after.arrival.worker
        p = before.message.vector + error.get(worker, 0.0)
        assert torch.equal(after.message.vector, rule.compress(p, None)[0])
        error[worker] = p - after.message.vector


def test_a_step_is_rescaled_with_the_learning_rate():
    schedule = ("optimizer/schedule=step", "optimizer.schedule.milestones=[12]", "optimizer.schedule.factor=.5")
    words = ("compressor=top_k", "compressor.feedback=true")
    moving = [word for word in STILL if word != "optimizer.lr=0"]
    _, world = play(40, *moving, *schedule, "optimizer.lr=1e-9", *words, "compressor.feedback_units=step")
    assert {sender.lr for sender in world.channel.senders.values()} <= {1e-9, 5e-10}
    played, _ = play(40, *moving, *schedule, "optimizer.lr=1e-9", *words, "compressor.feedback_units=step")
    gradients, _ = play(40, *moving, *schedule, "optimizer.lr=1e-9")
    error, rate = {}, {}
    for before, after in zip(gradients, played, strict=True):
        worker, lr = after.arrival.worker, 1e-9 if after.read_at_true < 12 else 5e-10
        old = error.get(worker)
        p = before.message.vector if old is None else before.message.vector + old * (rate[worker] / lr)
        expected = compressors.top_k(share=0.01).compress(p, None)[0]
        torch.testing.assert_close(after.message.vector, expected, rtol=1e-6, atol=1e-7)
        error[worker], rate[worker] = p - after.message.vector, lr
    assert len(set(rate.values())) == 1


def test_layers_are_compressed_by_themselves():
    plain, _ = play(10, *STILL)
    played, _ = play(10, *STILL, "compressor=scaled_sign", "compressor.per=layer")
    sizes = (64 * 32, 32, 32 * 10, 10)
    for before, after in zip(plain, played, strict=True):
        parts = [compressors.scaled_sign().compress(part, None) for part in before.message.vector.split(sizes)]
        assert torch.equal(after.message.vector, torch.cat([vector for vector, _ in parts]))
        assert after.message.bits == sum(bits for _, bits in parts) == sum(sizes) + 4 * 32


def test_the_bound_of_a_round_is_that_of_all_rules_before_the_attack():
    settings = (*STILL, "attack=sign_flip")
    plain, _ = play(20, *STILL, "aggregator=sign_vote")
    played, _ = play(20, *settings, "compressor=stochastic_sign", "compressor.bound=max", "aggregator=sign_vote")
    for first in range(0, 20, 5):
        own = {event.arrival.worker: event.message.vector for event in plain[first : first + 5]}
        largest = torch.stack(list(own.values())).abs().amax(0)
        for event in played[first : first + 5]:
            worker = event.arrival.worker
            sent = -own[worker] if event.byzantine else own[worker]
            u = uniforms(worker, event.serial, len(sent))
            expected = torch.where(u < sent / (2 * largest.clamp_min(1e-20)) + 0.5, 1.0, -1.0)
            assert torch.equal(event.message.vector, expected.double())
            assert event.message.bits == len(sent)


def test_a_forged_message_goes_through_the_channel_unless_it_is_not_enforced():
    settings = (*STILL, "attack=zero")
    bound, world = play(40, *settings, "compressor=sign", "compressor.feedback=true")
    liars = [event for event in bound if event.byzantine]
    assert liars
    for event in liars:
        assert (event.message.vector == 1).all()
        assert event.message.bits == 2410
    assert all(world.channel.senders[event.arrival.worker].error is None for event in liars)
    free, _ = play(40, *settings, "compressor=sign", "compressor.enforce=false")
    for event in free:
        assert event.message.bits == (32 * 2410 if event.byzantine else 2410)
        assert not event.byzantine or (event.message.vector == 0).all()


def test_a_vector_that_is_not_finite_stays_one():
    played, _ = play(40, *STILL, "attack=not_a_number", "compressor=sign", "aggregator=median")
    liars = [event for event in played if event.byzantine]
    assert liars
    for event in liars:
        assert event.message.vector.isnan().all()
        assert event.message.bits == 32 * 2410
    run = experiment(*SMALL, "attack=not_a_number", "compressor=sign", "aggregator=median", "budget.arrivals=60").run()
    assert run.info["status"] == "finished"


def test_an_honest_vector_that_is_not_finite_ends_the_run():
    run = experiment(*SMALL, "dataset=phase_retrieval", "optimizer.lr=1e6", "aggregator=asgd", "compressor=qsgd",
                     "budget.arrivals=200").run()  # fmt: skip
    assert run.info["status"] == "diverged"


@pytest.mark.parametrize("knowledge", ["delivered", "in_flight"])
def test_liars_see_vectors_in_flight_before_compression_and_delivered_ones_decoded(knowledge):
    seen = []

    def spy(view):
        seen.append((view.worker, view.own.clone(), view.honest.clone()))
        return view.own

    from byzsgd.attacks import forging

    played, _ = play(25, *STILL, f"knowledge={knowledge}", "compressor=sign", "aggregator=sign_vote",
                     attack=forging(sees="delivered")(spy))  # fmt: skip
    assert len(seen) == 5
    for _, own, honest in seen[1:]:
        assert len(honest) == 4
        assert (honest.abs() == 1).all() == (knowledge == "delivered")
        assert not (own.abs() == 1).all()
    assert all((event.message.vector.abs() == 1).all() for event in played)


def test_bits_are_summed_up():
    run = experiment(*SMALL, "compressor=sign", "aggregator=sign_vote", "budget.arrivals=50", "eval_every=25").run()
    assert run.metrics["bits_up"].to_list() == [0, 25 * 2410, 50 * 2410]
    # Every vote goes down to 5 workers, with its ties; nothing at the start, which the seed tells.
    assert run.metrics["bits_down"].to_list() == [0, 5 * 5 * 2 * 2410, 10 * 5 * 2 * 2410]
    assert run.arrivals["bits"].sum() == 50 * 2410
    plain = experiment(*SMALL, "aggregator=median", "budget.arrivals=50", "eval_every=25").run()
    assert plain.metrics["bits_up"].to_list() == [0, 25 * 32 * 2410, 50 * 32 * 2410]
    assert plain.metrics["bits_down"].to_list() == [0, 5 * 5 * 32 * 2410, 10 * 5 * 32 * 2410]
    whole = experiment(*SMALL, "compressor=sign", "aggregator=sign_vote", "aggregator.tie=plus", "budget.arrivals=5",
                       "eval_every=5").run()  # fmt: skip
    assert whole.metrics["bits_down"].to_list() == [0, 5 * 2410]


def test_bits_cost_time_where_a_link_says_so():
    link = ("delay=constant", "delay/communication=link", "delay.communication.latency=.5",
            "delay.communication.per_message=.25", "delay.communication.bandwidth=24100")  # fmt: skip
    plain, _ = play(5, *STILL, *link)
    assert {event.arrival.time for event in plain} == {1 + 0.75 + 3.2}
    signs, _ = play(5, *STILL, *link, "compressor=sign")
    assert {event.arrival.time for event in signs} == {1 + 0.75 + 0.1}
    layers, _ = play(5, *STILL, *link, "compressor=scaled_sign", "compressor.per=layer")
    assert layers[0].arrival.time == pytest.approx(1 + 0.75 + (2410 + 4 * 32) / 24100)


def test_dq_sgd_spends_its_budget_and_adaquantfl_follows_the_loss():
    horizon = ("budget.updates=60", "aggregator=mean", "num_byzantine=0", "delay=constant")
    given = experiment(*SMALL, *horizon, "compressor=dynamic", "compressor.decay=.95", "compressor.budget=5")
    run = given.run()
    mean = run.arrivals["bits"].mean() / 2410
    assert 5.0 <= mean <= 6.1  # rounded up
    assert run.info["compressor_scale"] > 0
    again = experiment(*SMALL, *horizon, "compressor=dynamic", "compressor.decay=.95",
                       f"compressor.scale={run.info['compressor_scale']!r}").run()  # fmt: skip
    assert again.arrivals.equals(run.arrivals)
    loss = experiment(*SMALL, *horizon, "compressor=dynamic", "compressor.schedule=loss", "compressor.scale=2",
                      "optimizer.lr=1").run()  # fmt: skip
    bits = loss.arrivals["bits"].to_list()
    assert bits[0] == 40 + 3 * 2410
    assert bits[-1] > bits[0]


REFUSED = [
    (("compressor=stochastic_sign", "compressor.bound=max", "aggregator=asgd"), "needs aggregator/collector=round"),
    (("compressor=stochastic_sign", "compressor.bound=max", "aggregator=median", "delay=d1"), "in flight together"),
    (
        ("compressor=stochastic_sign", "compressor.bound=max", "aggregator=median", "delay/availability=periodic"),
        "in flight together",
    ),
    (
        ("compressor=dp_sign",),
        "compressor dp_sign needs a worker rule of clipped per-example gradients (worker=private)",
    ),
    (("compressor=dp_sign", "worker=private", "compressor.noise=laplace"), "clipping by the l1 norm (worker.norm=l1)"),
    (("compressor=dp_sign", "worker=private", "compressor.clip=3.0"), "needs the clip of its worker rule"),
    (
        ("compressor=sign", "worker=delta", "aggregator=mifa", "aggregator.deltas=true"),
        "needs feedback=true with deltas",
    ),
    (
        (
            "compressor=qsgd",
            "compressor.coding=sparse",
            "delay/communication=link",
            "delay.communication.bandwidth=1e6",
        ),
        "messages of a known length",
    ),
    (("compressor=dynamic", "compressor.decay=.9", "compressor.scale=2"), "horizon >= 1, or budget.updates"),
    (("worker.sampling=full",), "sampling=full needs batch_size=null"),
    (("batch_size=null",), "batch_size needs a value >= 1, or null with worker.sampling=full"),
    (("worker=private", "worker.sampling=full", "batch_size=null", "worker.reduce=mean"), "private needs reduce=sum"),
    (("aggregator=sign_vote", "aggregator.feedback=votes", "aggregator/collector=latest"), "the same number of rows"),
    (("partition=labels", "num_workers=4", "num_byzantine=0"), "num_workers·per_worker >= number of classes"),
]


@pytest.mark.parametrize(("overrides", "said"), REFUSED)
def test_what_does_not_fit_is_refused_before_any_work(overrides, said, capsys):
    from byzsgd.cli import main

    assert main(["train", *overrides]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_study_records_what_messages_have_lost():
    words = (*SMALL, "aggregator=asgd", "metrics.study=true", "budget.arrivals=40")
    run = experiment(*words, "compressor=top_k", "compressor.feedback=true").run()
    assert run.arrivals["error_norm"].null_count() == 0
    assert (run.arrivals["error_norm"] > run.arrivals["norm"]).mean() > 0.5  # one of a hundred coordinates is sent
    assert "error_norm" not in experiment(*words, "compressor=top_k").run().arrivals.columns


def test_a_study_records_on_how_much_the_honest_outvote_the_liars():
    """The share of coordinates with |Σ_H g_j|/b_j above the number of liars, b_j over all, from the plain vectors."""
    plain, _ = play(10, *STILL, "aggregator=sign_vote")
    words = (*STILL, "aggregator=sign_vote", "metrics.study=true", "budget.arrivals=10", "attack=vote_flip")
    run = experiment(*SMALL, *words, "compressor=stochastic_sign", "compressor.bound=max").run()
    shares = run.arrivals.filter(run.arrivals["updated"])["tolerant_share"].to_list()
    first = plain[:5]
    assert any(event.byzantine for event in first)
    largest = torch.stack([event.message.vector for event in first]).abs().amax(0)
    honest = [event.message.vector for event in first if not event.byzantine]
    tolerant = torch.stack(honest).sum(0).abs() > (5 - len(honest)) * largest
    assert 0 < tolerant.double().mean() < 1
    assert len(shares) == 2 and shares[0] == pytest.approx(float(tolerant.double().mean()))
