"""Laws of datasets with their models: what a run may ask of them."""

import functools
from dataclasses import replace

import numpy as np
import pytest
import torch
from problem_world import classified, dataset, generator, loaded, member, names, problem, shortened
from torch.nn import functional

import byzsgd
from byzsgd.interfaces import Batch, BatchKey, Data, Split
from byzsgd.kernel.engine.problem import SupervisedProblem

KNOWN = ["least_squares", "phase_retrieval", "quadratic", "ridge_logistic"]


@pytest.mark.parametrize("name", names("dataset"))
def test_evaluation_repeats_itself_and_changes_nothing(name):
    # Two passes' worth of examples: whole datasets through a convolutional network take minutes.
    data = shortened(loaded(name), 1500 if name in ("digits", "least_squares") else 150)
    problem_ = SupervisedProblem(
        dataset(name).model, replace(data, optimum=None), rng=generator(0, "init"), gradient_norm=True, per_class=True
    )
    params = problem_.initial(generator(0))
    before, torch_state, numpy_state = params.clone(), torch.get_rng_state(), np.random.get_state()[1].copy()
    batch = Batch(problem_.data.train.inputs[:32], problem_.data.train.targets[:32], problem_.data.num_classes)
    gradient = problem_.gradient(params, batch)
    first, second = problem_.evaluate(params), problem_.evaluate(params)
    assert first == second and all(isinstance(value, float) for value in first.values())
    assert {"train_loss", "test_loss", "gradient_norm"} <= set(first)
    assert ("test_accuracy" in first) == (problem_.data.num_classes > 0)
    assert torch.equal(params, before) and torch.equal(problem_.gradient(params, batch), gradient)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)


@functools.cache
def digits():
    return problem("digits", gradient_norm=True, per_class=True, validation=False)


def test_metrics_by_hand():
    problem_ = digits()
    params = problem_.initial(generator(7))
    weights = [part.view(shape) for part, shape in zip(
        params.split([2048, 32, 320, 10]), [(32, 64), (32,), (10, 32), (10,)], strict=True)]  # fmt: skip

    def logits(inputs):
        return torch.relu(inputs @ weights[0].T + weights[1]) @ weights[2].T + weights[3]

    metrics, test, train = problem_.evaluate(params), problem_.data.test, problem_.data.train
    predicted = logits(test.inputs).argmax(dim=1)
    assert metrics["test_accuracy"] == pytest.approx(float((predicted == test.targets).double().mean()))
    assert metrics["test_loss"] == pytest.approx(float(functional.cross_entropy(logits(test.inputs), test.targets)))
    assert metrics["train_loss"] == pytest.approx(float(functional.cross_entropy(logits(train.inputs), train.targets)))
    of_three = test.targets == 3
    assert metrics["test_accuracy_3"] == pytest.approx(float((predicted[of_three] == 3).double().mean()))
    gradient = problem_.gradient(params, Batch(train.inputs, train.targets, 10))
    assert metrics["gradient_norm"] == pytest.approx(float(gradient.norm()), rel=1e-5)


def test_the_gradient_norm_is_that_of_the_objective_given():
    data = loaded("digits")
    objective = np.arange(100, 200)
    problem_ = problem("digits", gradient_norm=True, objective=objective)
    params = problem_.initial(generator(7))
    part = Batch(data.train.inputs[100:200], data.train.targets[100:200], 10)
    expected = float(problem_.gradient(params, part).norm())
    assert problem_.evaluate(params)["gradient_norm"] == pytest.approx(expected, rel=1e-5)


def test_validation_is_measured_when_asked_for():
    data = loaded("digits", "validation_share=0.1")
    assert len(data.validation.targets) == 180
    model = member("dataset", "digits").model
    plain, asked = (SupervisedProblem(model, data, rng=generator(0), validation=flag) for flag in (False, True))
    params = plain.initial(generator(0))
    assert set(asked.evaluate(params)) - set(plain.evaluate(params)) == {"validation_loss", "validation_accuracy"}


def test_validation_of_nothing_is_refused():
    with pytest.raises(ValueError, match=r"the metric validation needs validation examples .*; got examples=0"):
        model, data = member("dataset", "digits").model, loaded("digits", "validation_share=0.0")
        SupervisedProblem(model, data, rng=generator(0), validation=True)


def test_the_probe_of_the_train_loss_is_evenly_spaced():
    inputs = torch.arange(5000, dtype=torch.float32).unsqueeze(1)
    split = Split(inputs, inputs)
    data = Data(split, split, split, split, 0, 1, "half_squared_error")
    problem_ = SupervisedProblem(member("model", "linear"), data, rng=generator(0), dtype=torch.float64)
    chosen = inputs[:, 0].double()[torch.arange(2000) * 5 // 2]
    assert problem_.evaluate(torch.zeros(1, dtype=torch.float64))["train_loss"] == pytest.approx(
        0.5 * float(chosen.square().mean())
    )


def test_attack_success_counts_what_was_relabelled():
    def backdoor(batch):
        """Class 3 shall be taken for 0 when its first pixel is lit."""
        inputs, targets = batch.inputs.clone(), batch.targets.clone()
        inputs[targets == 3, 0] = 1.0
        targets[targets == 3] = 0
        return Batch(inputs, targets, batch.num_classes)

    data = classified(torch.zeros(40, 4), 5)
    problem_ = SupervisedProblem(member("model", "logistic_regression"), data, rng=generator(0), poison=backdoor)
    params = torch.zeros(25)
    params[20 + 3] = 1.0  # class 3 wins by its bias
    assert problem_.evaluate(params)["attack_success"] == 0.0
    params[0] = 2.0  # but the lit pixel speaks for class 0
    assert problem_.evaluate(params)["attack_success"] == 1.0
    honest = SupervisedProblem(
        member("model", "logistic_regression"), data, rng=generator(0), poison=lambda batch: batch
    )
    assert "attack_success" not in honest.evaluate(params)


def success(*overrides):
    """How many of the triggered test examples end in the backdoor's class, and how many of the others are right."""
    run = byzsgd.experiment("budget.arrivals=1500", "eval_every=1500", "optimizer.lr=.2", *overrides).run()
    return run.metrics["attack_success"][-1], run.metrics["test_accuracy"][-1]


def test_a_backdoor_succeeds_undefended_and_a_robust_rule_closes_it():
    undefended, accuracy = success("aggregator=asgd", "attack=backdoor")
    assert undefended > 0.9 and accuracy > 0.8
    carried, _ = success("aggregator=asgd", "attack=staleness_lie", "attack@attack.payload=backdoor")
    assert carried == undefended
    defended, accuracy = success("aggregator=quorum", "attack=backdoor")
    assert defended < 0.05 and accuracy > 0.8


def test_the_experiment_plain_sgd_is_plain_sgd():
    experiment = byzsgd.experiment("experiment=plain_sgd", "budget.arrivals=40", "eval_every=40")
    run, session = experiment.run(), experiment.prepare()
    params = session.initial.clone()
    for serial in range(40):
        params -= 0.01 * session.problem.gradient(params, session.batches.batch(BatchKey(0, serial)))
    assert run.arrivals["staleness"].max() == 0 and run.arrivals["accepted"].all()
    by_hand = session.problem.evaluate(params)
    assert run.metrics.row(-1, named=True)["train_loss"] == pytest.approx(by_hand["train_loss"], rel=1e-5)
    assert run.metrics["train_loss"][0] > by_hand["train_loss"]


@pytest.mark.parametrize("name", KNOWN)
def test_the_known_optimum_is_one(name):
    problem_ = problem(name, dtype=torch.float64)
    optimum, data = problem_.optimum, problem_.data
    whole = Batch(data.train.inputs, data.train.targets, data.num_classes)
    assert float(problem_.gradient(optimum, whole).norm()) < 1e-8
    metrics = problem_.evaluate(optimum)
    assert metrics["suboptimality"] == 0.0 and metrics["distance_to_optimum"] == 0.0
    best = float(problem_.loss(optimum, whole))
    for seed in range(5):
        away = 0.01 * torch.randn(len(optimum), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        metrics = problem_.evaluate(optimum + away)
        assert metrics["distance_to_optimum"] == pytest.approx(float(away.norm()))
        assert metrics["suboptimality"] == pytest.approx(float(problem_.loss(optimum + away, whole)) - best, rel=1e-6)
        assert metrics["suboptimality"] > 0


@pytest.mark.parametrize("name", sorted(set(KNOWN) - {"phase_retrieval"}))
def test_smoothness_and_strong_convexity_bound_the_gradients(name):
    problem_ = problem(name, dtype=torch.float64)
    data, optimum = problem_.data, problem_.optimum
    whole = Batch(data.train.inputs, data.train.targets, data.num_classes)
    ratios = []
    for seed in range(10):
        draw = torch.Generator().manual_seed(seed)
        one, other = (optimum + torch.randn(len(optimum), dtype=torch.float64, generator=draw) for _ in range(2))
        change = problem_.gradient(one, whole) - problem_.gradient(other, whole)
        ratios.append(float(change @ (one - other) / (one - other).square().sum()))
    assert data.strong_convexity - 1e-12 <= min(ratios) and max(ratios) <= data.smoothness + 1e-12


def test_the_spectrum_of_the_quadratic_and_the_noise_of_its_gradients():
    problem_ = problem("quadratic", dtype=torch.float64)
    data, optimum = problem_.data, problem_.optimum
    whole = Batch(data.train.inputs, data.train.targets, 0)
    curvature = problem_.gradient(optimum + 1, whole) - problem_.gradient(optimum, whole)
    assert np.allclose(curvature.numpy(), np.geomspace(0.01, 1.0, 100), rtol=1e-5)
    assert (data.strong_convexity, data.smoothness) == pytest.approx((0.01, 1.0))
    one_each = [Batch(data.train.inputs[i : i + 1], data.train.targets[i : i + 1], 0) for i in range(500)]
    noise = torch.stack([problem_.gradient(optimum, batch) for batch in one_each])
    assert torch.allclose(noise.std(dim=0), torch.tensor(0.3, dtype=torch.float64), rtol=0.15)


@pytest.mark.parametrize("instance", range(5))
def test_the_solver_of_ridge_logistic_reaches_the_optimum_of_other_instances(instance):
    data = loaded("ridge_logistic", f"instance={instance}", "n=200", "d=20", "ridge=1e-4", "signal=10.0")
    rows, x = data.train.inputs.double(), data.optimum
    gradient = -(rows * torch.sigmoid(-(rows @ x)).unsqueeze(1)).mean(dim=0) + 1e-4 * x
    assert float(gradient.norm()) < 1e-12


def test_least_squares_loss_and_optimum_against_the_textbook():
    data = loaded("least_squares", "n=50", "d=6", "noise=0.3")
    matrix, targets = data.train.inputs.double().numpy(), data.train.targets.double().numpy()[:, 0]
    expected = np.linalg.lstsq(matrix, targets, rcond=None)[0]
    assert np.allclose(data.optimum.numpy(), expected, atol=1e-10)
    problem_ = SupervisedProblem(member("model", "linear"), data, rng=generator(0), dtype=torch.float64)
    params = np.linspace(-1, 1, 6)
    residual = matrix @ params - targets
    metrics = problem_.evaluate(torch.from_numpy(params))
    assert metrics["train_loss"] == pytest.approx(residual @ residual / 100, rel=1e-12)
    best = matrix @ expected - targets
    assert metrics["suboptimality"] == pytest.approx((residual @ residual - best @ best) / 100, rel=1e-9)
    gradient = problem_.gradient(
        torch.from_numpy(params), Batch(data.train.inputs.double(), data.train.targets.double(), 0)
    )
    assert np.allclose(gradient.numpy(), matrix.T @ residual / 50)
    eigenvalues = np.linalg.eigvalsh(matrix.T @ matrix / 50)
    assert (data.strong_convexity, data.smoothness) == pytest.approx((eigenvalues[0], eigenvalues[-1]))


def test_the_instance_of_throttle():
    data = loaded("least_squares")
    assert data.train.inputs.shape == (10_000, 400) and data.loss == "half_squared_error"
    scaled = data.train.inputs * 20
    assert scaled.min() >= 0 and scaled.max() <= 1 and abs(float(scaled.mean()) - 0.5) < 1e-3
    assert abs(float(data.optimum.square().mean()) - 1) < 0.3  # x° ~ N(0, I), recovered since there is no noise
    assert 1e-4 < data.strong_convexity < 2e-4 < 0.2 < data.smoothness < 0.3


def test_an_optimum_of_another_model_is_neither_used_nor_believed():
    data = loaded("least_squares", "n=50", "d=6", "noise=0.3")
    other = SupervisedProblem(member("model", "mlp"), data, rng=generator(0))
    assert other.optimum is None and "suboptimality" not in other.evaluate(other.initial(generator(0)))

    def scaled(shape, outputs, /):
        class Scaled(torch.nn.Linear):
            def forward(self, inputs):
                return super().forward(2 * inputs)

        return Scaled(6, 1, bias=False)

    with pytest.raises(ValueError, match="the known optimum of the dataset needs a model of which it is the optimum"):
        SupervisedProblem(scaled, data, rng=generator(0))


def broken(**changes):
    good = Split(torch.zeros(4, 3), torch.tensor([0, 1, 2, 0]))
    splits = {name: changes.get(name, good) for name in ("train", "validation", "test", "trusted")}
    return Data(**splits, num_classes=3, outputs=3, loss="cross_entropy")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (broken(train=Split(torch.zeros(4, 3), torch.tensor([0, 1, 3, 0]))), "split train needs class numbers"),
        (broken(test=Split(torch.zeros(3, 3), torch.tensor([0, 1]))), "split test needs as many inputs as targets"),
        (broken(test=Split(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64))), "split test needs at least one"),
    ],
)
def test_unsound_data_are_refused(data, message):
    with pytest.raises(ValueError, match=message):
        SupervisedProblem(member("model", "logistic_regression"), data, rng=generator(0))
