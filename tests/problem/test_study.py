"""What is measured at every update, by hand and along whole runs."""

import math

import pytest
import torch

import byzsgd
from byzsgd.aggregators.rules import trimmed_mean
from byzsgd.interfaces import Arrival, Decision, Event, Message
from byzsgd.kernel.channel import ChannelState
from byzsgd.run.update_study import COLUMNS, StepStudy, measured

TINY = ("budget.arrivals=300", "eval_every=150", "batch_size=8")


def test_measured_by_hand():
    honest = torch.tensor([[1.0, 0.0], [3.0, 4.0]])  # mean (2, 2), each √5 away from it
    byzantine = torch.tensor([[-2.0, -2.0], [-4.0, -4.0]])
    found = measured(honest, byzantine, torch.tensor([0.0, 2.0]))
    assert set(found) == set(COLUMNS)
    assert found == pytest.approx(
        {
            "honest_variance": 5.0,
            "honest_norm": math.sqrt(8),
            "byzantine_norm": math.sqrt(18),
            "byzantine_cosine": -1.0,
            "direction_norm": 2.0,
            "direction_cosine": math.sqrt(0.5),
            "kappa": 0.8,  # (0, 2) is 2 away from (2, 2): 4 / 5
        }
    )


def test_what_has_no_value_is_left_out():
    one, direction = torch.tensor([[3.0, 4.0]]), torch.tensor([1.0, 0.0])
    assert measured(None, None, direction) == {"direction_norm": 1.0}
    assert measured(one, None, direction) == pytest.approx(
        {"direction_norm": 1.0, "honest_norm": 5.0, "honest_variance": 0.0, "direction_cosine": 0.6}
    )
    still = measured(one, one * torch.nan, torch.zeros(2))
    assert still["direction_norm"] == 0.0 and math.isnan(still["byzantine_norm"])
    assert not {"direction_cosine", "byzantine_cosine", "kappa"} & set(still)


def delivered(worker, vector, direction=None, byzantine=False):
    arrival = Arrival(0.0, worker, 0, 0, torch.tensor(vector), torch.zeros(2))
    decision = Decision(True, "accepted", 1.0, None if direction is None else torch.tensor(direction), {"own": 7.0})
    message = Message(arrival.vector, 64)
    return Event(arrival, message, decision, 0, byzantine, 0, 0.0, direction is not None)


def test_the_newest_message_of_every_worker_counts():
    study = StepStudy()
    newest = study.init()
    waiting = delivered(1, [9.0, 9.0])
    assert study.seen(newest, waiting, ChannelState()) is waiting
    study.seen(newest, delivered(1, [1.0, 0.0]), ChannelState())
    study.seen(newest, delivered(2, [-2.0, 0.0], byzantine=True), ChannelState())
    event = study.seen(newest, delivered(0, [3.0, 4.0], direction=[0.0, 2.0]), ChannelState())
    scores = dict(event.decision.scores)
    assert scores.pop("own") == 7.0
    assert scores == pytest.approx(
        measured(torch.tensor([[3.0, 4.0], [1.0, 0.0]]), torch.tensor([[-2.0, 0.0]]), torch.tensor([0.0, 2.0]))
    )


@pytest.mark.parametrize("aggregator", ["kardam", "trimmed_mean", "throttle"])
def test_a_study_changes_nothing_and_speaks_of_updates_alone(aggregator):
    settings = (f"aggregator={aggregator}", "attack=lie", "num_workers=9", "num_byzantine=2", "engine=fused", *TINY)
    plain = byzsgd.experiment(*settings).run()
    studied = byzsgd.experiment(*settings, "metrics.study=true", "metrics.dissimilarity=true").run()
    assert studied.arrivals.drop(COLUMNS).equals(plain.arrivals)
    assert studied.metrics.drop("dissimilarity", "dissimilarity_norm").equals(plain.metrics)
    for name in COLUMNS:
        assert studied.arrivals.filter(~studied.arrivals["updated"])[name].is_null().all()
    assert studied.arrivals.filter(studied.arrivals["updated"])["direction_norm"].is_not_null().all()


def test_the_mean_of_honest_workers_is_the_honest_mean():
    run = byzsgd.experiment("aggregator=mean", "num_byzantine=0", "metrics.study=true", *TINY).run()
    updates = run.arrivals.filter(run.arrivals["updated"])
    assert len(updates) == 20
    assert updates["kappa"].max() < 1e-10 and updates["direction_cosine"].min() == pytest.approx(1.0)
    assert updates["honest_norm"].to_list() == pytest.approx(updates["direction_norm"].to_list(), rel=1e-5)
    assert updates["byzantine_norm"].is_null().all()


def test_the_liars_show_in_their_cosine_and_the_bound_of_the_rule_holds():
    run = byzsgd.experiment("aggregator=trimmed_mean", "attack=reversed", "metrics.study=true", *TINY).run()
    updates = run.arrivals.filter(run.arrivals["updated"])
    assert updates["byzantine_cosine"].median() < -0.2 < 0.2 < updates["direction_cosine"].median()
    assert (updates["byzantine_norm"] > 3 * updates["honest_norm"]).all()  # scale 10, less what noise cancels
    assert 0 < updates["kappa"].max() <= trimmed_mean.declaration.kappa(15, 3)
