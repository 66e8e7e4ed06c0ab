"""Which engine a model gets, and what the others say."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from byzsgd.interfaces import Batch, Data, Split
from byzsgd.kernel.engine import auto, fused, loop, vmap
from byzsgd.kernel.engine.backward import Backward
from byzsgd.kernel.engine.batches import Batches
from byzsgd.kernel.engine.layers import chain
from byzsgd.kernel.engine.problem import SupervisedProblem
from byzsgd.kernel.randomness import Streams

ROOM = 2**27


class Twisted(nn.Module):
    """Its path depends on the data."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(6, 3), nn.Linear(6, 3)

    def forward(self, inputs):
        return self.first(inputs) if inputs.sum() > 0 else self.second(inputs)


class Split2(nn.Module):
    """An ordinary module that is no chain."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(6, 4), nn.Linear(4, 3)

    def forward(self, inputs):
        return self.second(torch.sigmoid(self.first(inputs)))


def tied():
    layer = nn.Linear(6, 6)
    return nn.Sequential(layer, nn.ReLU(), layer, nn.ReLU(), nn.Linear(6, 3))


def frozen():
    module = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 3))
    module[0].weight.requires_grad_(False)
    return module


def world(make, shape=(6,)):
    generator = torch.Generator().manual_seed(3)

    def split(count):
        inputs = torch.randn(count, *shape, generator=generator)
        return Split(inputs, torch.randint(3, (count,), generator=generator))

    data = Data(split(40), split(4), split(8), split(4), 3, 3, "cross_entropy")
    problem = SupervisedProblem(lambda shape, outputs: make(), data, rng=Streams(0).generator("x"))
    return problem, Batches(problem.data, [list(range(40))], Streams(0), 4)


def conv():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2 * 4 * 4, 3))


@pytest.mark.parametrize(
    ("make", "shape", "found"),
    [
        (lambda: nn.Linear(6, 3), (6,), "fused"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(6, 3)), (2, 3), "fused"),
        (lambda: nn.Sequential(nn.Sequential(nn.Linear(6, 5), nn.Tanh()), nn.Linear(5, 3)), (6,), "fused"),
        (conv, (1, 6, 6), "loop (not fused: Conv2d; not vmap: slower on a CPU)"),
        (Twisted, (6,), "loop (not fused: Twisted; not vmap: slower on a CPU)"),
        (tied, (6,), "loop (not fused: shared parameters; not vmap: slower on a CPU)"),
        (frozen, (6,), "loop (not fused: frozen parameters; not vmap: slower on a CPU)"),
        (lambda: nn.Sequential(nn.Linear(6, 3), nn.ReLU()), (6,),
         "loop (not fused: an activation at the end; not vmap: slower on a CPU)"),
        (lambda: nn.Sequential(nn.Linear(6, 5), nn.Softplus(), nn.Linear(5, 3)), (6,),
         "loop (not fused: Softplus; not vmap: slower on a CPU)"),
        (lambda: nn.Sequential(nn.Linear(6, 5), nn.ELU(0.5), nn.Linear(5, 3)), (6,),
         "loop (not fused: ELU; not vmap: slower on a CPU)"),
    ],
)  # fmt: skip
def test_auto_says_in_one_line_what_it_took_and_why(make, shape, found):
    problem, batches = world(make, shape)
    assert auto(problem, batches, {}, max_in_flight_bytes=ROOM).name == found


def test_a_model_too_large_for_two_gradients_is_computed_one_at_a_time():
    problem, batches = world(lambda: nn.Linear(6, 3))
    engine = auto(problem, batches, {}, max_in_flight_bytes=4 * 21)
    assert (engine.group, engine.ahead) == (1, 1)
    assert engine.name.startswith("loop (not fused: a model too large")
    assert auto(problem, batches, {}, max_in_flight_bytes=8 * 21).name == "fused"


def test_refusals_are_one_line():
    problem, batches = world(conv, (1, 6, 6))
    with pytest.raises(ValueError, match="engine fused needs a chain of linear layers .*; got found=Conv2d"):
        fused(problem, batches, {}, max_in_flight_bytes=ROOM)
    assert vmap(problem, batches, {}, max_in_flight_bytes=ROOM).name == "vmap"
    problem, batches = world(Twisted)
    with pytest.raises(ValueError, match="engine vmap needs a model that torch.func.vmap can treat") as refused:
        vmap(problem, batches, {}, max_in_flight_bytes=ROOM)
    assert "\n" not in str(refused.value)
    assert vmap(*world(Split2), {}, max_in_flight_bytes=ROOM).name == "vmap"
    with pytest.raises(ValueError, match="max_in_flight_bytes >= 0; got max_in_flight_bytes=-1"):
        loop(problem, batches, {}, max_in_flight_bytes=-1)


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh, nn.ELU, nn.Sigmoid, nn.GELU])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("loss", ["cross_entropy", "half_squared_error"])
@pytest.mark.parametrize("models", [1, 5])
def test_gradients_by_hand_are_autograds(activation, bias, loss, models):
    torch.manual_seed(1)
    module = nn.Sequential(nn.Flatten(), nn.Linear(6, 5, bias=bias), activation(), nn.Linear(5, 4, bias=bias),
                           activation(), nn.Linear(4, 3, bias=not bias)).double()  # fmt: skip
    layers = chain(module, 2)
    count = sum(parameter.numel() for parameter in module.parameters())
    params = torch.randn(models, count, dtype=torch.float64)
    inputs = torch.randn(5, 7, 2, 3, dtype=torch.float64)
    targets = torch.randint(3, (5, 7)) if loss == "cross_entropy" else torch.randn(5, 7, 3, dtype=torch.float64)
    found = torch.cat(Backward(layers, loss, 6)(params.unbind(), Batch(inputs, targets, 3)))
    for row in range(5):
        nn.utils.vector_to_parameters(params[row % models], module.parameters())
        output = module(inputs[row])
        value = nn.functional.cross_entropy(output, targets[row]) if loss == "cross_entropy" else (
            0.5 * (output - targets[row]).square().sum() / 7)  # fmt: skip
        expected = torch.cat([part.reshape(-1) for part in torch.autograd.grad(value, list(module.parameters()))])
        torch.testing.assert_close(found[row], expected, rtol=1e-12, atol=1e-13)


def test_convolution_weights_in_channels_last_order_are_the_same_model():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 2, 2), nn.Flatten(), nn.Linear(18, 3))
    start = torch.cat([parameter.detach().reshape(-1) for parameter in module.parameters()])
    problem, batches = world(lambda: module, (1, 6, 6))
    assert torch.equal(problem.flat.values(), start)
    assert problem.module[2].weight.is_contiguous(memory_format=torch.channels_last)
    params = torch.randn_like(start)
    batch = Batch(problem.data.train.inputs[:4], problem.data.train.targets[:4], 3)
    found = problem.gradient(params, batch)
    twin = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 2, 2), nn.Flatten(), nn.Linear(18, 3))
    nn.utils.vector_to_parameters(params, twin.parameters())
    value = nn.functional.cross_entropy(twin(batch.inputs), batch.targets)
    expected = torch.cat([part.reshape(-1) for part in torch.autograd.grad(value, list(twin.parameters()))])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    assert torch.equal(problem.flat.values(), params)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("engine", ["loop", "fused", "vmap", "auto"])
def test_engines_agree_on_a_gpu(engine):
    from byzsgd import experiment

    runs = [
        experiment("dtype=float64", f"device={device}", "budget.arrivals=200", f"engine={name}").run()
        for device, name in (("cpu", "loop"), ("cuda", engine))
    ]
    assert runs[0].arrivals["accepted"].equals(runs[1].arrivals["accepted"])
