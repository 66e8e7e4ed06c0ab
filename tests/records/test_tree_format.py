"""Any state comes back as it was: values, types, order, sharing, strides."""

import enum
import json
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from byzsgd.interfaces import Arrival, BatchKey, Job, Reply, ServerContext
from byzsgd.records import Offsets
from byzsgd.records.tree_format import decode, encode

PLUGINS = (__name__,)


class Colour(enum.Enum):
    RED = 1


@dataclass
class Node:
    value: Any
    more: dict[Any, Any] = field(default_factory=dict)

    def __post_init__(self):
        raise AssertionError("no code of a type may run when it is read")


@dataclass(frozen=True, slots=True)
class Frozen:
    context: ServerContext
    vector: Tensor | None


def bare(value, more=None):
    node = object.__new__(Node)
    node.value, node.more = value, {} if more is None else more
    return node


def again(tree):
    """Through JSON text and back."""
    node, tensors = encode(tree)
    text = json.dumps(node, allow_nan=False)
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    return decode(json.loads(text), tensors, {}, PLUGINS)


@pytest.mark.parametrize("value", [
    None, True, False, 0, -3, 2**70, 0.1, 5e-324, -0.0, math.inf, -math.inf, "", "ü\n", (), (1, (2.5, None)),
    {}, {1: "a", "1": "b", (2, 3): None, None: 1, 1.5: 2}, {"z": 1, "a": 2}, Reply.HOLD, Colour.RED,
    Job(1, 2, 3, 0.5, math.inf), BatchKey(3, 4), np.float64(0.1), np.float32(0.1), np.int64(3), np.bool_(True),
])  # fmt: skip
def test_plain_values(value):
    result = again(value)
    assert result == value
    assert type(result) is type(value)
    assert repr(result) == repr(value)  # signs of zero, order of keys, types of what is inside


def test_not_a_number():
    result = again((math.nan, np.float64("nan")))
    assert math.isnan(result[0])
    assert type(result[0]) is float
    assert math.isnan(result[1])
    assert type(result[1]) is np.float64


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.bool, torch.uint8])
@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 3), (0, 4)])
def test_tensors(dtype, shape):
    tensor = (torch.randn(shape) * 3).to(dtype)
    result = again(tensor)
    assert result.dtype == dtype
    assert result.shape == tensor.shape
    assert torch.equal(result, tensor)


def test_special_bits_survive():
    bits = torch.tensor([0x7FF8000000000001, -1, 1, -(2**63)])  # a NaN with payload, another, a denormal, minus zero
    assert torch.equal(again(bits.view(torch.float64)).view(torch.int64), bits)


@pytest.mark.parametrize("view", [
    lambda x: x[1], lambda x: x[:, 1], lambda x: x.T, lambda x: x[1:, 1::2], lambda x: x[0, 0].expand(7),
    lambda x: x.view(torch.int32)[2],
])  # fmt: skip
def test_strides_and_place_survive(view):
    tensor = view(torch.randn(4, 5))
    result = again(tensor)
    assert (result.stride(), result.storage_offset()) == (tensor.stride(), tensor.storage_offset())
    assert torch.equal(result, tensor)
    assert result.data_ptr() % 64 == tensor.data_ptr() % 64


def test_what_was_shared_stays_shared():
    vector = torch.randn(6)
    inner = {"count": 1}
    job = Job(0, 1, 2, 3.0, 4.0)
    tree = {"a": vector, "b": (vector, vector[2:4]), "c": (inner,), "d": bare(inner), "e": (job, job)}
    result = again(tree)
    assert result["a"] is result["b"][0]
    assert result["a"].data_ptr() == result["b"][1].data_ptr() - 8
    assert result["c"][0] is result["d"].value
    assert result["e"][0] is result["e"][1]
    result["a"][2] = 9.0
    assert result["b"][1][0] == 9.0


def test_equal_but_not_shared_stays_apart():
    result = again((torch.zeros(3), torch.zeros(3), {1: 2}, {1: 2}))
    result[0].fill_(1.0)
    assert torch.equal(result[1], torch.zeros(3))
    result[2][1] = 3
    assert result[3] == {1: 2}


def test_cycles():
    node = bare(1)
    node.more["self"] = node
    result = again(node)
    assert result.more["self"] is result


def test_contexts_are_given_again():
    context = ServerContext(3, torch.zeros(2))
    other = ServerContext(3, torch.ones(2))
    node, tensors = encode({"x": Frozen(context, None), "y": context})
    assert not tensors
    result = decode(node, tensors, {ServerContext: other}, PLUGINS)
    assert result["x"].context is other is result["y"]
    with pytest.raises(ValueError, match="byzsgd.interfaces.server:ServerContext needs one from its reader"):
        decode(node, tensors, {}, PLUGINS)


def test_dataclasses_with_slots_and_frozen():
    arrival = Arrival(1.0, 2, 3, 4, torch.ones(2), torch.zeros(2))
    result = again(arrival)
    assert type(result) is Arrival
    assert torch.equal(result.vector, arrival.vector)
    assert result.staleness == 1


@pytest.mark.parametrize("name", [
    "os:system", "subprocess:Popen", "builtins:object", "collections:OrderedDict", "byzsgd.records.files:os",
    "byzsgd.records.files:Path", "byzsgd.records.nothing:X", "byzsgd.records.files:digest", "byzsgdx:Y", "nowhere", "",
    "byzsgd.__main__:main", "byzsgd.interfaces.server:Reply", "byzsgd.interfaces.adversary:Attack", "numpy:ndarray",
])  # fmt: skip
def test_foreign_types_are_refused(name):
    with pytest.raises(ValueError, match="^a checkpoint needs "):
        decode(["object", name, {"value": 1}], {}, {})


def test_a_type_has_one_name():
    held = encode(Offsets())[0][2]
    assert decode(["object", "byzsgd.records.recorder:Offsets", held], {}, {}) == Offsets()
    with pytest.raises(ValueError, match="got byzsgd.records:Offsets"):
        decode(["object", "byzsgd.records:Offsets", held], {}, {})


def test_types_of_plugins_need_the_plugin():
    node, tensors = encode(Colour.RED)
    assert decode(node, tensors, {}, PLUGINS) is Colour.RED
    with pytest.raises(ValueError, match="types of byzsgd that are in use; got .*:Colour"):
        decode(node, tensors, {})


def test_fields_of_another_version_are_refused():
    with pytest.raises(ValueError, match="needs the fields of byzsgd.interfaces.worker:BatchKey as they are now"):
        decode(["object", "byzsgd.interfaces.worker:BatchKey", {"block": 1}], {}, {})


def test_unknown_nodes_are_refused():
    with pytest.raises(ValueError, match="^a checkpoint needs known kinds of nodes; got list$"):
        decode(["list", 1], {}, {})


def test_a_tensor_beyond_its_storage_is_refused():
    with pytest.raises(ValueError, match="within their storage"):
        decode(["tensor", "0", "float32", "cpu", 0, [9], [1]], {"0": torch.zeros(4)}, {})


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_devices_are_kept_or_mapped():
    tensor = torch.randn(5, device="cuda")[1:]
    node, tensors = encode(tensor)
    assert torch.equal(decode(node, tensors, {}), tensor)
    assert decode(node, tensors, {}).device == tensor.device
    assert torch.equal(decode(node, tensors, {}, device="cpu"), tensor.cpu())
