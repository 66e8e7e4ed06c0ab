"""Laws of models, for every member: plain modules that are functions of (flat vector, batch)."""

import functools
import itertools

import pytest
import torch
from problem_world import classified, generator, member, names

from byzsgd.interfaces import Batch, Data, Split
from byzsgd.kernel.engine.problem import SupervisedProblem

HEAVY = {"resnet18", "torchvision"}  # 11 million parameters
MODELS = [pytest.param(name, marks=[pytest.mark.slow] if name in HEAVY else []) for name in names("model")]
LOSSES = ("cross_entropy", "half_squared_error", "output")
OUTPUTS = 10
SHAPES = {"flat": (64,), "grey": (1, 28, 28), "colour": (3, 32, 32), "text": (12,)}


def inputs(kind, count):
    if kind == "text":
        return torch.from_numpy(generator(1, "tokens").integers(OUTPUTS, size=(count, *SHAPES[kind])))
    return torch.from_numpy(generator(1, "pixels").random((count, *SHAPES[kind]))).float()


@functools.cache
def problem(name, dtype=torch.float64):
    """The model on the first kind of input that it takes, under the first loss that fits its output."""
    refusals = []
    for loss, kind in itertools.product(LOSSES, SHAPES):
        try:
            data = classified(inputs(kind, 6), OUTPUTS)
            if loss != "cross_entropy":
                real = Split(data.train.inputs, data.train.targets.float())
                data = Data(real, real, real, real, 0, 1, loss)
            return SupervisedProblem(member("model", name), data, dtype=dtype, rng=generator(0, "init"))
        except ValueError as error:
            refusals.append(str(error))
    raise AssertionError(f"{name} takes no kind of input: {refusals}")


def whole(problem):
    return Batch(problem.data.train.inputs, problem.data.train.targets, OUTPUTS)


@pytest.mark.parametrize("name", MODELS)
def test_the_flat_vector_is_the_parameters_in_order(name):
    problem_ = problem(name)
    params = torch.randn(problem_.num_parameters, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    problem_.loss(params, whole(problem_))
    assert torch.equal(torch.nn.utils.parameters_to_vector(problem_.module.parameters()), params)
    assert problem_.initial(generator(0)).shape == params.shape


@pytest.mark.parametrize("name", MODELS)
def test_initial_values_are_a_function_of_the_generator(name):
    problem_, state = problem(name), torch.get_rng_state()
    one, same, other = (problem_.initial(generator(seed, "init")) for seed in (4, 4, 5))
    assert torch.equal(one, same)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(one, other) or not one.any()  # linear starts at zero


@pytest.mark.parametrize("name", MODELS)
def test_the_gradient_is_that_of_the_loss(name):
    problem_ = problem(name)
    params = problem_.initial(generator(0)) + 0.01
    batch = whole(problem_)
    gradient = problem_.gradient(params, batch)
    again = problem_.gradient(params, batch)
    assert gradient.shape == params.shape and torch.equal(gradient, again)
    assert gradient.data_ptr() != again.data_ptr()
    for seed in range(3):
        direction = torch.randn(len(params), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        direction /= direction.norm()
        # Small enough that almost no ReLU or pooling window changes its mind between the two points.
        step = 1e-6
        ahead, behind = (problem_.loss(params + sign * step * direction, batch) for sign in (1, -1))
        numerical = float(ahead - behind) / (2 * step)
        assert float(gradient @ direction) == pytest.approx(numerical, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("name", MODELS)
def test_the_gradient_of_a_batch_is_the_mean_of_those_of_its_examples(name):
    problem_ = problem(name)
    params = problem_.initial(generator(0)) + 0.01
    batch = whole(problem_)
    singles = [
        problem_.gradient(params, Batch(batch.inputs[i : i + 1], batch.targets[i : i + 1], OUTPUTS)) for i in range(6)
    ]
    assert torch.allclose(torch.stack(singles).mean(dim=0), problem_.gradient(params, batch), atol=1e-10)


@pytest.mark.parametrize("name", MODELS)
def test_single_precision_agrees_with_double(name):
    """At one of six points: a unit that lies on the kink of a ReLU within rounding may fall on either side of it, and
    of the many units of a large model one does at most points."""
    double, single = problem(name), problem(name, torch.float32)

    def agrees(seed):
        params = double.initial(generator(seed))
        exact = double.gradient(params, whole(double))
        rough = single.gradient(params.float(), whole(single))
        assert rough.dtype == torch.float32
        return float((rough.double() - exact).norm()) <= 1e-5 * float(exact.norm()) + 1e-6

    assert any(agrees(seed) for seed in range(6))


@pytest.mark.parametrize(
    ("name", "shape", "outputs", "count"),
    [
        ("kardam_emnist", (1, 28, 28), 62, 6177),
        ("kardam_cifar100", (3, 32, 32), 100, 324516),
        ("lenet", (1, 28, 28), 10, 61706),
        ("lenet", (3, 32, 32), 10, 62006),
        ("resnet20", (3, 32, 32), 10, 269722 + 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64),  # the paper's, and two shortcuts
        ("mlp", (64,), 10, 64 * 32 + 32 + 32 * 10 + 10),
        ("logistic_regression", (1, 28, 28), 10, 7850),
        ("linear", (400,), 1, 400),
    ],
)
def test_parameter_counts(name, shape, outputs, count):
    module = member("model", name)(shape, outputs)
    assert sum(parameter.numel() for parameter in module.parameters()) == count


def test_a_torchvision_model_draws_nothing():
    module = member("model", "torchvision", "name=efficientnet_b0")((3, 32, 32), 7)
    before = torch.get_rng_state()
    with torch.no_grad():
        module(torch.zeros(1, 3, 32, 32))
    assert torch.get_rng_state().equal(before)


# The other families with stochastic depth (22 classifiers have it), without their many parameters.
@pytest.mark.parametrize("name", ["convnext_tiny", "maxvit_t", "swin_t", "swin_v2_t"])
def test_no_layer_of_a_torchvision_model_has_a_rate(name):
    with torch.device("meta"):
        module = member("model", "torchvision", f"name={name}")((3, 224, 224), 7)
    rates = {
        type(layer).__name__: layer.p for layer in module.modules() if isinstance(getattr(layer, "p", None), float)
    }
    assert set(rates) >= {"StochasticDepth"}
    assert set(rates.values()) == {0.0}


def test_a_torchvision_model_with_auxiliary_outputs_is_refused():
    needs = "^model torchvision needs a classifier with a single output; got name=googlenet$"
    with torch.device("meta"), pytest.raises(ValueError, match=needs):
        member("model", "torchvision", "name=googlenet")((3, 32, 32), 7)


class Noisy(torch.nn.Linear):
    """Draws in its forward pass, where no layer says so."""

    def forward(self, inputs):
        return torch.nn.functional.dropout(super().forward(inputs), 0.5)


class Twice(torch.nn.Linear):
    def forward(self, inputs):
        return (super().forward(inputs),) * 2


@pytest.mark.parametrize(("module", "needs"), [
    (Noisy, r"^model needs layers without randomness \(.*\); got drawn_by=Noisy$"),
    (Twice, "^model needs one tensor as its output; got output=tuple$"),
])  # fmt: skip
def test_a_module_that_is_no_function_of_parameters_and_batch_is_refused(module, needs):
    before = torch.get_rng_state()
    with pytest.raises(ValueError, match=needs):
        SupervisedProblem(
            lambda shape, outputs: module(shape[0], outputs), classified(inputs("flat", 6), OUTPUTS), rng=generator(0)
        )
    assert torch.get_rng_state().equal(before)


def test_a_torchvision_model_has_group_norm_and_no_dropout():
    module = member("model", "torchvision", "name=shufflenet_v2_x0_5")((3, 32, 32), 7)
    layers = [type(layer).__name__ for layer in module.modules()]
    assert "GroupNorm" in layers and not any("BatchNorm" in layer for layer in layers)
    problem_ = SupervisedProblem(
        member("model", "torchvision", "name=squeezenet1_1"), classified(inputs("colour", 6), 7), rng=generator(0)
    )
    params = problem_.initial(generator(0))
    batch = Batch(inputs("colour", 6), torch.arange(6), 7)
    assert torch.equal(problem_.gradient(params, batch), problem_.gradient(params, batch))
    with pytest.raises(ValueError, match="model torchvision needs the name of a classifier of torchvision; got name=x"):
        member("model", "torchvision", "name=x")((3, 32, 32), 7)


@pytest.mark.parametrize(("name", "shape"), [("kardam_emnist", (64,)), ("kardam_cifar100", (3, 28, 28))])
def test_images_of_another_size_are_refused(name, shape):
    with pytest.raises(ValueError, match=rf"model {name} needs inputs of shape \(channels, .*got input_shape="):
        member("model", name)(shape, 10)


def test_impossible_settings_are_refused():
    with pytest.raises(ValueError, match="model mlp needs widths >= 1"):
        member("model", "mlp")((4,), 2, widths=[3, 0])
    with pytest.raises(ValueError, match="model mlp needs activation one of relu, "):
        member("model", "mlp")((4,), 2, activation="step")


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (torch.nn.BatchNorm1d(64), "BatchNorm layers frozen or replaced by GroupNorm .*; got layer=0"),
        (torch.nn.Dropout(0.5), "dropout=0 .*; got layer=0, dropout=0.5"),
    ],
)
def test_layers_with_a_memory_or_a_dice_are_refused(layer, message):
    def factory(shape, outputs, /):
        return torch.nn.Sequential(layer, torch.nn.Linear(64, outputs))

    with pytest.raises(ValueError, match=f"model needs {message}"):
        SupervisedProblem(factory, classified(inputs("flat", 6), OUTPUTS), rng=generator(0))


def test_frozen_batch_norm_is_accepted_and_stays_out_of_the_vector():
    def factory(shape, outputs, /):
        frozen = torch.nn.BatchNorm1d(64).eval().requires_grad_(False)
        return torch.nn.Sequential(frozen, torch.nn.Linear(64, outputs))

    problem_ = SupervisedProblem(factory, classified(inputs("flat", 6), OUTPUTS), rng=generator(0))
    assert problem_.num_parameters == 650


def test_a_model_whose_output_does_not_fit_is_refused_in_one_line():
    data = classified(inputs("flat", 6), OUTPUTS)
    with pytest.raises(ValueError, match=r"model needs one output for each class; got output=\(7,\), classes=10"):
        SupervisedProblem(lambda shape, outputs, /: torch.nn.Linear(64, 7), data, rng=generator(0))
    with pytest.raises(
        ValueError, match=r"model needs inputs of another shape.*got inputs=torch.float32\[64\]"
    ) as info:
        SupervisedProblem(lambda shape, outputs, /: torch.nn.Linear(65, 10), data, rng=generator(0))
    assert "\n" not in str(info.value)
