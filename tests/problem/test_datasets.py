"""Laws of datasets, for every member (those that need files: skipped where the files are not at hand)."""

import numpy as np
import pytest
import torch
from problem_world import ROOT, dataset, generator, loaded, member, names, settings

DATASETS = names("dataset")


@pytest.mark.parametrize("name", DATASETS)
def test_splits_are_sound(name):
    data = loaded(name)
    assert len(data.trusted.targets) == dataset(name).trusted
    for split in (data.train, data.validation, data.test, data.trusted):
        assert len(split.inputs) == len(split.targets) and split.inputs.shape[1:] == data.train.inputs.shape[1:]
        assert split.inputs.dtype in (torch.float32, torch.int64) and split.inputs.device.type == "cpu"
        assert split.inputs.dtype == torch.int64 or bool(torch.isfinite(split.inputs).all())
        if data.num_classes:
            assert split.targets.dtype == torch.int64 and split.targets.ndim == 1
    if data.num_classes:
        assert data.outputs == data.num_classes == len(data.class_names)
        assert set(data.train.targets.unique().tolist()) <= set(range(data.num_classes))


SYNTHETIC = sorted(name for name in DATASETS if "instance" in settings("dataset", name))
SPLIT = ["breast_cancer", "digits", "tensor_file", "wine"]  # without an official split


@pytest.mark.parametrize("name", SPLIT)
def test_the_same_generator_gives_the_same_data_and_another_other(name):
    own, state = dataset(name), torch.get_rng_state()
    one, same, other = (own.load(ROOT, generator(seed, "dataset")) for seed in (0, 0, 1))
    assert torch.equal(one.train.inputs, same.train.inputs) and torch.equal(one.trusted.inputs, same.trusted.inputs)
    assert one.train.inputs.shape == other.train.inputs.shape
    assert not torch.equal(one.train.inputs, other.train.inputs)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", SYNTHETIC)
def test_an_instance_is_the_same_for_every_seed_and_another_another(name):
    one, same = (dataset(name, "n=60", "d=5").load(None, generator(seed)) for seed in (0, 1))
    other = dataset(name, "n=60", "d=5", "instance=7").load(None, generator(0))
    for split in ("train", "test", "trusted"):
        parts = [getattr(data, split).inputs for data in (one, same, other)]
        assert torch.equal(parts[0], parts[1]) and not torch.equal(parts[0], parts[2])
    with pytest.raises(Exception, match=f"dataset {name} needs instance >= 0; got instance=-1"):
        dataset(name, "instance=-1")


def rows(split):
    return [row.tobytes() + bytes([int(label)]) for row, label in zip(
        split.inputs.numpy(), split.targets.tolist(), strict=True)]  # fmt: skip


def test_the_splits_of_digits_are_disjoint_and_complete():
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    data = loaded("digits", "validation_share=0.1")
    splits = (data.train, data.validation, data.test, data.trusted)
    assert [len(split.targets) for split in splits] == [1158, 180, 359, 100]
    together = sorted(row for split in splits for row in rows(split))
    whole = sorted(row.tobytes() + bytes([label]) for row, label in zip(
        (images / 16).astype(np.float32), labels.tolist(), strict=True))  # fmt: skip
    assert together == whole
    assert data.train.inputs.min() >= 0 and data.train.inputs.max() == 1


@pytest.mark.parametrize("name", ["breast_cancer", "digits", "wine"])
def test_the_test_split_does_not_depend_on_the_validation_share(name):
    without, default = loaded(name, "validation_share=0.0"), loaded(name)
    assert len(without.validation.targets) == 0
    assert len(default.validation.targets) == len(without.train.targets) - len(default.train.targets) > 0
    assert torch.equal(default.test.targets, without.test.targets)


@pytest.mark.parametrize("name", [*SPLIT, *SYNTHETIC, "text_char"])
def test_trusted_examples_can_be_left_out(name):
    assert len(loaded(name, "trusted=0").trusted.targets) == 0


@pytest.mark.parametrize(
    ("name", "override", "message"),
    [
        ("digits", "test_share=1.0", "dataset digits needs 0 <= test_share < 1; got test_share=1.0"),
        ("digits", "trusted=-1", "dataset digits needs trusted >= 0; got trusted=-1"),
        ("least_squares", "d=10001", "dataset least_squares needs n >= d >= 1; got n=10000, d=10001"),
        ("least_squares", "noise=-1.0", "dataset least_squares needs noise >= 0; got noise=-1.0"),
    ],
)
def test_impossible_settings_are_refused_when_built(name, override, message):
    with pytest.raises(Exception, match="Error in call to target") as info:
        member("dataset", name, override)
    assert str(info.value.__cause__) == message


def test_more_trusted_examples_than_there_are_is_refused():
    with pytest.raises(
        ValueError, match="dataset digits needs some examples left to train on; got examples=1797, test="
    ):
        loaded("digits", "trusted=1500")
