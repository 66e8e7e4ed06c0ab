"""Liars on a graph: what each neighbour is told, what is seen of it, what is refused."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from thinning import one_in

import byzsgd
from byzsgd.graphs import barbell, complete, dumbbell, ring
from byzsgd.kernel.lookahead import events
from byzsgd.kernel.neighbours import LyingNeighbours
from byzsgd.run.screen import Nobody
from byzsgd.schemes.liars import honest_part
from byzsgd.schemes.mixing import discounted, metropolis

SMALL = ("num_workers=8", "num_byzantine=2", "byzantine_ids=[1,6]", "f=1", "batch_size=4", "dtype=float64",
         "engine=loop", "model=logistic_regression", "delay=exponential")  # fmt: skip
FORGING = ["sign_flip", "reversed", "gaussian", "zero", "lie", "ipm", "mimic", "min_max", "constant"]


def prepare(*settings):
    return byzsgd.experiment(*SMALL, *settings).prepare()


def play(prepared, count):
    """The first events, the world after them, and what was told on every edge: (sender, receiver, said, model)."""
    told = []
    adversary = prepared.kernel.adversary
    ask = type(adversary).sent_model

    def listen(self, world, edge):
        said = ask(self, world, edge)
        told.append((edge.sender, edge.receiver, said, edge.model))
        return said

    world = prepared.kernel.begin(prepared.initial.clone())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(adversary), "sent_model", listen)
        played = list(itertools.islice(events(prepared.kernel, world, prepared.engine), count))
    return played, world, told


@pytest.mark.parametrize("scheme", ["d_psgd", "ad_psgd"])
@pytest.mark.parametrize("attack", one_in(2, FORGING))
def test_liars_forge_what_honest_neighbours_are_told_and_nothing_else(scheme, attack):
    prepared = prepare(f"scheme={scheme}", f"attack={attack}", "scheme/rule=clipped")
    played, world, told = play(prepared, 60)
    assert isinstance(prepared.kernel.adversary, LyingNeighbours)
    assert any(said is not model for sender, receiver, said, model in told if sender in (1, 6))
    for sender, receiver, said, model in told:
        if sender not in (1, 6) or receiver in (1, 6):
            assert said is model
    honest = play(prepare(f"scheme={scheme}", "attack=none", "scheme/rule=clipped"), 60)[0]
    assert [(e.arrival.time, e.arrival.worker) for e in played] == [(e.arrival.time, e.arrival.worker) for e in honest]
    assert all(model.isfinite().all() for model in world.models.live.values())


def test_every_neighbour_is_told_something_else():
    *_, told = play(prepare("scheme=d_psgd", "attack=gaussian", "scheme/rule=clipped"), 60)
    by_sender = [said for sender, _, said, _ in told if sender == 1][:2]
    assert not torch.equal(*by_sender)


def test_a_lie_to_one_neighbour_is_seen_in_the_record():
    """`largest_gap` of a row is that of the models told in the mixings that it completed."""
    made = byzsgd.experiment(*SMALL, "scheme=d_psgd", "attack=gaussian", "scheme/rule=clipped", "budget.arrivals=60")
    gaps, ask = {}, LyingNeighbours.sent_model

    def listen(self, world, edge):
        said = ask(self, world, edge)
        gaps[edge.sender, edge.receiver, edge.number] = float((said - edge.own).abs().max())
        return said

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(LyingNeighbours, "sent_model", listen)
        run = made.run()
    lies = {edge: gap for edge, gap in gaps.items() if edge[0] in (1, 6) and edge[1] not in (1, 6)}
    assert len(set(lies.values())) == len(lies)  # to every neighbour in every round another one
    recorded = run.arrivals["largest_gap"].drop_nulls().to_list()
    assert max(recorded) == max(lies.values()) == max(gaps.values())
    assert {gap for gap in recorded if gap > 0} <= set(gaps.values())
    assert set(lies.values()) & set(recorded)


def test_dissensus_at_one_makes_the_step_of_plain_gossip_zero():
    """Honest node 0 of a ring has the neighbours 1 (lies) and 7; x_0 + W_01(x_1' − x_0) + W_07(x_7 − x_0) = x_0."""
    settings = ("attack=dissensus", "attack.epsilon=1.0", "knowledge=in_flight", "scheme=d_psgd")
    prepared = prepare(*settings, "scheme.order=step_then_mix", "partition=shards")
    world = prepared.kernel.begin(prepared.initial.clone())
    scheme, mixed = prepared.kernel.scheme, []
    with pytest.MonkeyPatch.context() as patched:
        whole = type(scheme)._meet

        def watched(self, kernel, world, node, gaps):
            own, answer = (
                world.scheme.outgoing[node, world.scheme.round[node]].model,
                whole(self, kernel, world, node, gaps),
            )
            mixed.append((node, own, answer))
            return answer

        patched.setattr(type(scheme), "_meet", watched)
        list(itertools.islice(events(prepared.kernel, world, prepared.engine), 60))
    beside = [(own, answer) for node, own, answer in mixed if node in (0, 2, 5, 7)]
    apart = [(own, answer) for node, own, answer in mixed if node in (3, 4)]
    assert all(torch.allclose(own, answer, rtol=0, atol=1e-12) for own, answer in beside)
    assert not any(torch.allclose(own, answer, rtol=0, atol=1e-12) for own, answer in apart)


def test_what_the_liars_see_depends_on_their_knowledge():
    shown = {}
    for knowledge in ("own", "delivered", "in_flight"):
        rows = []
        attack = "sign_flip" if knowledge == "own" else "ipm"
        prepared = prepare("scheme=d_psgd", f"attack={attack}", f"knowledge={knowledge}", "scheme/rule=clipped")
        with pytest.MonkeyPatch.context() as patched:
            whole = LyingNeighbours._edge_view

            def watched(self, world, edge, rows=rows, whole=whole):
                rows.append(whole(self, world, edge))
                return rows[-1]

            patched.setattr(LyingNeighbours, "_edge_view", watched)
            play(prepared, 80)
        shown[knowledge] = rows
        assert all(each.worker in (1, 6) and each.receiver in (0, 2, 5, 7) for each in rows)
        assert all(each.aggregator is None for each in rows)
    assert {len(each.honest) for each in shown["own"]} == {0}
    assert max(len(each.honest) for each in shown["delivered"]) == 4  # the honest neighbours of both liars
    assert {len(each.honest) for each in shown["in_flight"]} == {6}
    assert all(each.neighbourhood is None for each in shown["delivered"])
    assert all(each.neighbourhood.lying == pytest.approx(1 / 3) for each in shown["in_flight"])


RULES = ["mean", "clipped", "clipped_adaptive", "cs_plus", "remove_farthest", "bridge_median", "ubar", "ios", "median",
         "geometric_median"]  # fmt: skip


@pytest.mark.parametrize("rule", one_in(3, RULES))
def test_every_rule_runs_and_goes_on_to_the_same_bits(rule, tmp_path):
    weight = ["scheme.rule.byzantine_weight=.2"] if rule in ("clipped_adaptive", "cs_plus", "remove_farthest") else []
    made = byzsgd.experiment(*SMALL, "scheme=d_psgd", "attack=lie", f"scheme/rule={rule}", *weight, "worker=momentum",
                             "budget.arrivals=48", "eval_every=24", "checkpoint_every=5")  # fmt: skip
    whole = made.run()
    running, calls = made.start(tmp_path / "cut", Nobody()), itertools.count(1)
    with pytest.raises(KeyboardInterrupt):
        running.complete(lambda: next(calls) >= 29)
    again = made.run(tmp_path / "cut")
    assert again.arrivals.equals(whole.arrivals)
    assert again.metrics.equals(whole.metrics)


def test_moniqua_under_lies_goes_through_codes():
    codes = ("scheme/exchange=moniqua", "scheme.exchange.theta=3")
    settings = ("scheme=d_psgd", "attack=zero", "scheme/rule=clipped", "budget.arrivals=60")
    run = byzsgd.experiment(*SMALL, *codes, *settings).run()
    assert run.info["status"] == "finished"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["scheme=d_psgd", "scheme/rule=bridge"], "2b+1 neighbours at every node; got degree=2, b=1"),
        (["scheme=ad_psgd", "scheme/graph=complete", "scheme/rule=bridge"], "2b+1 neighbours at every node"),
        (["scheme=d_psgd", "scheme/rule=ios", "scheme.rule.b=2"], "more than b neighbours at every node"),
        (["scheme=d_psgd", "scheme/rule=krum"], "krum needs k >= 2f+3; got k=3, f=1"),
        (["scheme=d_psgd", "scheme/rule=clipped", "scheme.rule.radius=-1"], "radius >= 0; got radius=-1"),
        (["scheme=d_psgd", "scheme/rule=cs_plus", "scheme.rule.byzantine_weight=1"], "0 <= byzantine_weight < 1"),
        (["scheme=d_psgd", "scheme/rule=cs_plus"], "scheme.rule.byzantine_weight needs a value"),
        (["scheme=d_psgd", "scheme/rule=clipped", "scheme.order=mix_then_step"], "order=step_then_mix for a rule"),
        (["scheme=d2", "scheme/rule=clipped"], "scheme d2 needs the mean as its rule"),
        (["scheme=d_psgd", "attack=adaptive"], "an attack that neither asks a server nor lies to it"),
        (["attack=dissensus", "knowledge=in_flight"], "attack dissensus needs a scheme whose nodes have neighbours"),
        (["scheme=d_psgd", "attack=dissensus"], "attack dissensus needs knowledge=in_flight or more"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_in_one_line(settings, said):
    with pytest.raises(ValueError, match="needs") as refused:
        byzsgd.experiment(*SMALL, *settings)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


SUNLET = ("num_workers=16", "num_byzantine=11", f"byzantine_ids={list(range(5, 16))}", "f=2", "scheme=d_psgd",
          "scheme/graph=sunlet", "scheme/rule=trimmed_mean")  # fmt: skip


def test_a_liar_with_too_few_neighbours_keeps_its_own_model_and_the_honest_mix():
    """A leaf of the broken majority has two rows, of which a trimmed mean with f = 2 leaves nothing."""
    prepared, mixed = prepare(*SUNLET, "attack=zero"), {}
    scheme = prepared.kernel.scheme
    with pytest.MonkeyPatch.context() as patched:
        whole = type(scheme)._meet

        def watched(self, kernel, world, node, gaps):
            own = world.scheme.outgoing[node, world.scheme.round[node]].model
            mixed.setdefault(node, []).append(torch.equal(own, answer := whole(self, kernel, world, node, gaps)))
            return answer

        patched.setattr(type(scheme), "_meet", watched)
        world = prepared.kernel.begin(prepared.initial.clone())
        list(itertools.islice(events(prepared.kernel, world, prepared.engine), 60))
    assert all(all(mixed[leaf]) for leaf in range(5, 16) if leaf in mixed)
    assert not any(any(mixed[node]) for node in range(5) if node in mixed)
    assert set(mixed) > set(range(5))


@pytest.mark.parametrize("liars", [[0, *range(5, 15)], None])
def test_an_honest_node_with_too_few_neighbours_is_refused_also_where_liars_are_drawn(liars):
    ids = f"byzantine_ids={'null' if liars is None else liars}"
    with pytest.raises(ValueError, match="k=2, f=2"):
        byzsgd.experiment(*SMALL, *SUNLET, ids)


def test_what_a_graph_says_of_its_liars():
    facts = honest_part(metropolis(ring()(8)), {1, 6})
    assert facts.pop("lying_weights") == pytest.approx([1 / 3, 0, 1 / 3, 0, 0, 1 / 3, 0, 1 / 3])
    assert facts == {"honest_connected": False, "lying_weight": pytest.approx(1 / 3), "honest_gap": pytest.approx(0.0)}
    one = honest_part(metropolis(complete()(6)), {0})
    assert one["honest_connected"]
    assert one["lying_weight"] == pytest.approx(1 / 6)
    assert one["honest_gap"] == pytest.approx(5 / 6)
    assert not honest_part(metropolis(dumbbell()(10)), {0})["honest_connected"]
    assert honest_part(metropolis(ring()(8)), set()) == {}
    assert np.isclose(honest_part(metropolis(ring()(8)), {0})["lying_weight"], 1 / 3)
    unheard = honest_part(discounted(barbell(clique=5)(12), nodes=[11], share=0.0), {11})
    assert unheard["lying_weight"] == 0
    whole = honest_part(metropolis(barbell(clique=5)(12)), {11})
    assert whole["lying_weight"] == pytest.approx(1 / 4)
    assert unheard["honest_gap"] == pytest.approx(whole["honest_gap"])


def test_the_facts_are_in_the_record_and_a_cut_is_said():
    said = []

    class Heard(Nobody):
        def say(self, line):
            said.append(line)

    run = byzsgd.experiment(*SMALL, "scheme=d_psgd", "attack=zero", "budget.arrivals=16").run(screen=Heard())
    assert run.info["honest_connected"] is False
    assert run.info["lying_weight"] == pytest.approx(1 / 3)
    assert any("the liars cut the honest nodes apart" in line for line in said)
