"""One's own data, from a file and from Python."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from problem_world import generator, member
from safetensors.numpy import save_file

from byzsgd.interfaces import Data, Split
from byzsgd.kernel.engine.problem import SupervisedProblem


def tensor_file(path, *overrides):
    return member("dataset", "tensor_file", f"file={path}", "trusted=5", *overrides).load(None, generator(0, "dataset"))


def arrays(count=50, **changes):
    draw = generator(0, "arrays")
    return {"inputs": draw.random((count, 4)), "targets": np.arange(count) % 3, **changes}


@pytest.mark.parametrize("kind", ["npz", "safetensors"])
def test_both_kinds_of_file_read_the_same(kind, tmp_path):
    path = tmp_path / f"own.{kind}"
    np.savez(path, **arrays()) if kind == "npz" else save_file(arrays(), path)
    data = tensor_file(path)
    assert [len(split.targets) for split in (data.train, data.validation, data.test, data.trusted)] == [30, 5, 10, 5]
    assert data.num_classes == data.outputs == 3 and data.loss == "cross_entropy"
    whole = torch.from_numpy(arrays()["inputs"]).float()
    for row, label in zip(data.train.inputs, data.train.targets, strict=True):
        at = int((whole == row).all(dim=1).nonzero())
        assert at % 3 == int(label)


def test_a_test_part_of_its_own_and_groups_are_kept(tmp_path):
    extra = {"test_inputs": np.ones((7, 4)), "test_targets": np.full(7, 2), "groups": np.arange(50) // 10}
    np.savez(tmp_path / "own.npz", **arrays(**extra))
    data = tensor_file(tmp_path / "own.npz")
    assert len(data.test.targets) == 7 and len(data.train.targets) == 40
    blocks = member("partition", "by_writer")(data.train, 5, generator(0))
    assert all(len(set(data.train.groups[block].tolist())) == 1 for block in blocks)


@pytest.mark.parametrize(
    "names",
    [
        np.array([2.9, 2.2, 2.5]),
        np.array(["zoe", "ann", "bob"]),
        np.array([2**40, -7, 0]),
        np.array([b"z", b"a", b"b"]),
    ],
    ids=["real", "text", "whole", "bytes"],
)
def test_groups_of_any_kind_are_told_apart(names, tmp_path):
    """2.2 and 2.9 became one writer, and texts ended in int()'s own error."""
    np.savez(tmp_path / "own.npz", **arrays(groups=names[np.arange(50) % 3], test_inputs=np.ones((3, 4)),
                                            test_targets=np.arange(3)))  # fmt: skip
    groups = tensor_file(tmp_path / "own.npz", "trusted=0", "validation_share=0").train.groups
    assert groups.tolist() == [[2, 0, 1][number % 3] for number in range(50)]


def test_inputs_by_type(tmp_path):
    np.savez(tmp_path / "bytes.npz", **arrays(inputs=np.full((50, 4), 51, dtype=np.uint8)))
    assert torch.allclose(tensor_file(tmp_path / "bytes.npz").train.inputs, torch.tensor(0.2))
    np.savez(tmp_path / "tokens.npz", **arrays(inputs=np.full((50, 4), 51)))
    assert tensor_file(tmp_path / "tokens.npz").train.inputs.dtype == torch.int64
    np.savez(tmp_path / "real.npz", **arrays())
    train = tensor_file(tmp_path / "real.npz", "standardise=true").train.inputs
    assert torch.allclose(train.mean(dim=0), torch.zeros(4), atol=1e-5)
    assert torch.allclose(train.std(dim=0, correction=0), torch.ones(4), atol=1e-5)


def test_regression(tmp_path):
    np.savez(tmp_path / "own.npz", **arrays(targets=generator(1).random((50, 2))))
    data = tensor_file(tmp_path / "own.npz", "task=regression")
    assert (data.num_classes, data.outputs, data.loss) == (0, 2, "half_squared_error")
    problem = SupervisedProblem(member("model", "linear"), data, rng=generator(0))
    metrics = problem.evaluate(torch.zeros(8))
    assert metrics["test_loss"] == pytest.approx(0.5 * float(data.test.targets.square().sum(dim=1).mean()))
    assert "test_accuracy" not in metrics


@pytest.mark.parametrize(
    ("changes", "overrides", "message"),
    [
        ({"targets": np.arange(49) % 3}, (), "needs as many targets as inputs"),
        ({"targets": np.arange(50) % 3 - 1}, (), "needs class numbers .* from 0 for task=classification"),
        ({"targets": np.arange(50) / 3}, (), "needs class numbers .*dtype=float64"),
        ({"inputs": np.full((50, 4), np.nan)}, (), "needs finite numbers"),
        ({"inputs": np.array([["a"] * 4] * 50)}, (), "needs inputs of numbers"),
        ({"labels": np.zeros(50)}, (), r"needs arrays named .*; got unknown=\['labels'\]"),
        ({"test_inputs": np.ones((3, 4))}, (), "needs an array named test_targets"),
        (
            {"test_inputs": np.ones((3, 5)), "test_targets": np.zeros(3, dtype=int)},
            (),
            "needs test_inputs of the shape",
        ),
        ({"groups": np.zeros(4)}, (), "needs one group for each example"),
        ({"groups": np.full(50, np.nan)}, (), "needs groups that all have a value; got groups=some are NaN"),
        ({"targets": np.arange(50) % 3 * 2}, (), "needs an example of every class .*greatest=4, .* none of class 1"),
        ({"targets": np.arange(50) % 3 * 500_000_000}, (), "needs an example of every class .*greatest=1000000000"),
        ({"inputs": np.ones((50, 4), dtype=int)}, ("standardise=true",), "needs real inputs to standardise"),
        ({"targets": np.array([None] * 50)}, (), "needs a whole file of plain arrays"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line(changes, overrides, message, tmp_path):
    np.savez(tmp_path / "own.npz", **arrays(**changes))
    with pytest.raises(ValueError, match=f"dataset tensor_file {message}") as info:
        tensor_file(tmp_path / "own.npz", *overrides)
    assert "\n" not in str(info.value)


@pytest.mark.parametrize("kind", ["npz", "safetensors"])
def test_missing_and_truncated_files(kind, tmp_path):
    path = tmp_path / f"own.{kind}"
    with pytest.raises(ValueError, match=f"needs the file .*; got none at {path}"):
        tensor_file(path)
    np.savez(path, **arrays()) if kind == "npz" else save_file(arrays(), path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=f"needs a whole file of plain arrays; got {path}"):
        tensor_file(path)


def test_a_file_is_looked_for_below_the_data_root_too(tmp_path):
    np.savez(tmp_path / "own.npz", **arrays())
    settings = member("dataset", "tensor_file", "file=own.npz", "trusted=5")
    assert len(settings.load(tmp_path, generator(0)).train.targets) == 30
    with pytest.raises(ValueError, match=r"needs the file own.npz; got none at .* or .*/own\.npz"):
        settings.load(tmp_path / "elsewhere", generator(0))


def text(path, *overrides):
    return member("dataset", "text_char", f"file={path}", "context=4", "trusted=3", *overrides).load(None, generator(0))


def test_windows_of_a_text_by_hand(tmp_path):
    (tmp_path / "own.txt").write_text("abcdefghij" * 10, encoding="utf-8")
    data = text(tmp_path / "own.txt", "stride=2", "validation_share=0.2")
    assert data.class_names == tuple("abcdefghij") and data.num_classes == 10
    # 100 characters: 10 test, 20 validation, 2·2 + 4 + 1 = 9 trusted, 61 train
    assert [len(part.targets) for part in (data.train, data.trusted, data.validation, data.test)] == [29, 3, 8, 3]
    assert data.train.inputs[1].tolist() == [2, 3, 4, 5] and int(data.train.targets[1]) == 6
    assert data.trusted.inputs[0].tolist() == [1, 2, 3, 4]  # from character 61 on
    assert data.test.inputs[0].tolist() == [0, 1, 2, 3] and int(data.test.targets[0]) == 4


@pytest.mark.parametrize("model", ["char_lstm", "transformer"])
def test_models_of_text_learn_the_alphabet(model, tmp_path):
    (tmp_path / "own.txt").write_text("abcdefghij" * 30, encoding="utf-8")
    data = text(tmp_path / "own.txt", "stride=1")
    problem = SupervisedProblem(member("model", model), data, rng=generator(0))
    params = problem.initial(generator(0))
    before = problem.evaluate(params)
    for _ in range(60):
        params = params - 0.5 * problem.split_gradient(params, data.train)
    after = problem.evaluate(params)
    assert after["test_accuracy"] == 1.0 > before["test_accuracy"] and after["test_loss"] < 0.5 * before["test_loss"]


def test_texts_that_cannot_be_used(tmp_path):
    (tmp_path / "short.txt").write_text("abcde", encoding="utf-8")
    with pytest.raises(ValueError, match="dataset text_char needs at least 5 characters to train on and to test"):
        text(tmp_path / "short.txt")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\xfa" * 40)
    with pytest.raises(ValueError, match="dataset text_char needs a text in UTF-8"):
        text(tmp_path / "bytes.txt")
    with pytest.raises(Exception, match="needs dataset.file=PATH of a text; got file=null"):
        member("dataset", "text_char")


@dataclass(frozen=True, kw_only=True)
class Rings:
    """A dataset written in Python needs these two members and nothing else."""

    model: object
    examples: int = 300

    def load(self, root, rng):
        def draw(count):
            radius = rng.integers(2, size=count)
            angle = rng.random(count) * 2 * np.pi
            points = (1 + radius)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
            return Split(torch.from_numpy(points).float(), torch.from_numpy(radius))

        return Data(draw(self.examples), draw(20), draw(100), draw(20), 2, 2, "cross_entropy", ("inner", "outer"))


def test_a_dataset_from_python():
    data = Rings(model=member("model", "mlp")).load(None, generator(0))
    problem = SupervisedProblem(member("model", "mlp"), data, rng=generator(0))
    params = problem.initial(generator(0))
    for _ in range(300):
        params = params - 0.5 * problem.split_gradient(params, data.train)
    assert problem.evaluate(params)["test_accuracy"] > 0.95
