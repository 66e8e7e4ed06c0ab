"""Datasets from files: small ones written here in the official formats; what is wrong is said in one line."""

import gzip
import pickle
import re

import numpy as np
import pytest
import torch
from problem_world import generator, member, names

from byzsgd.kernel.engine.problem import SupervisedProblem


def idx(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    header = np.array([0x800 + values.ndim, *values.shape], dtype=">u4").tobytes()
    path.write_bytes(header + values.astype(np.uint8).tobytes())


def pictures(count, shape, classes, seed=0):
    draw = generator(seed, "pictures")
    labels = np.concatenate([np.arange(classes), draw.integers(classes, size=count - classes)])
    return draw.integers(256, size=(count, *shape)), labels


def write_idx(root, folder, train, test, classes, first=0):
    for part, count in ((train, 200), (test, 90)):
        images, labels = pictures(count, (28, 28), classes)
        idx(root / folder / f"{part}-images-idx3-ubyte", images)
        idx(root / folder / f"{part}-labels-idx1-ubyte", labels + first)


def write_mnist(root):
    write_idx(root, "MNIST/raw", "train", "t10k", 10)


def write_emnist(root):
    write_idx(root, "EMNIST/raw", "emnist-byclass-train", "emnist-byclass-test", 62)


def write_cifar10(root):
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for seed, name in enumerate([*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"]):
        images, labels = pictures(40, (3072,), 10, seed)
        content = {"data": images.astype(np.uint8), "labels": labels.tolist()}
        (folder / name).write_bytes(pickle.dumps(content))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": [f"class {k}" for k in range(10)]}))


def write_cifar100(root):
    folder = root / "cifar-100-python"
    folder.mkdir(parents=True)
    for name in ("train", "test"):
        images, labels = pictures(300, (3072,), 100)
        content = {"data": images.astype(np.uint8), "fine_labels": labels.tolist(), "coarse_labels": [0] * 300}
        (folder / name).write_bytes(pickle.dumps(content))
    (folder / "meta").write_bytes(pickle.dumps({"fine_label_names": [f"class {k}" for k in range(100)]}))


def write_svhn(root):
    from scipy.io import savemat

    for name in ("train", "test"):
        images, labels = pictures(150, (32, 32, 3), 10)
        content = {"X": images.astype(np.uint8).transpose(1, 2, 3, 0), "y": np.where(labels == 0, 10, labels)[:, None]}
        savemat(root / f"{name}_32x32.mat", content)


WRITERS = {
    "mnist": write_mnist,
    "fashion_mnist": lambda root: write_idx(root, "FashionMNIST/raw", "train", "t10k", 10),
    "emnist": write_emnist,
    "cifar10": write_cifar10,
    "cifar100": write_cifar100,
    "svhn": write_svhn,
}
SETTINGS = ("trusted=20",)


def load(name, root, *overrides):
    return member("dataset", name, *SETTINGS, *overrides).load(root, generator(0, "dataset"))


@pytest.mark.parametrize("name", WRITERS)
def test_a_reduced_set_reads_and_is_called_a_subset(name, tmp_path):
    WRITERS[name](tmp_path)
    data = load(name, tmp_path)
    assert data.note.startswith("subset: ")
    total = len(data.train.targets) + len(data.validation.targets) + 20
    assert f"{total} of " in data.note and len(data.validation.targets) == round(0.1 * total)
    assert len(data.class_names) == data.num_classes
    SupervisedProblem(member("dataset", name).model, data, rng=generator(0))


def test_pixels_and_labels_arrive_where_they_belong(tmp_path):
    write_mnist(tmp_path)
    data = load("mnist", tmp_path, "validation_share=0.0", "trusted=0")
    images, labels = pictures(200, (28, 28), 10)
    assert torch.equal(data.train.targets, torch.from_numpy(labels))
    expected = (torch.from_numpy(images[17]).double() / 255 - 0.1307) / 0.3081
    assert torch.allclose(data.train.inputs[17, 0].double(), expected, atol=1e-6)


def test_emnist_is_turned_upright_and_its_letters_counted_from_zero(tmp_path):
    write_emnist(tmp_path)
    write_idx(tmp_path, "EMNIST/raw", "emnist-letters-train", "emnist-letters-test", 26, first=1)
    plain = ("validation_share=0.0", "trusted=0", "mean=[0.0]", "std=[1.0]")
    data = load("emnist", tmp_path, *plain)
    images, _ = pictures(200, (28, 28), 62)
    assert torch.allclose(data.train.inputs[3, 0] * 255, torch.from_numpy(images[3].T).float(), atol=1e-4)
    assert data.class_names[:12] == tuple("0123456789AB") and data.class_names[36] == "a"
    letters = load("emnist", tmp_path, *plain, "split=letters")
    assert letters.num_classes == 26 and set(letters.train.targets.tolist()) == set(range(26))


def test_cifar_keeps_colours_rows_and_columns(tmp_path):
    write_cifar10(tmp_path)
    plain = ("validation_share=0.0", "trusted=0", "mean=[0.0,0.0,0.0]", "std=[1.0,1.0,1.0]")
    data = load("cifar10", tmp_path, *plain)
    images, labels = pictures(40, (3072,), 10, seed=1)  # the second batch
    assert data.train.targets[40:80].tolist() == labels.tolist()
    pixel = data.train.inputs[45, 2, 5, 7] * 255  # blue, row 5, column 7
    assert float(pixel) == pytest.approx(images[5, 2 * 1024 + 5 * 32 + 7], abs=1e-3)


def test_svhn_calls_its_class_ten_zero(tmp_path):
    write_svhn(tmp_path)
    plain = ("validation_share=0.0", "trusted=0", "mean=[0.0,0.0,0.0]", "std=[1.0,1.0,1.0]")
    data = load("svhn", tmp_path, *plain)
    images, labels = pictures(150, (32, 32, 3), 10)
    assert data.train.targets.tolist() == labels.tolist()
    assert float(data.train.inputs[9, 2, 5, 7] * 255) == pytest.approx(images[9, 5, 7, 2], abs=1e-3)


@pytest.mark.parametrize("name", WRITERS)
def test_missing_files_say_which_where_and_how(name, tmp_path):
    for place, told in ((tmp_path, re.escape(str(tmp_path))), (None, "null")):  # one sentence for both
        said = (
            rf"dataset {name} needs a data_root with the file \S+; got data_root={told} \(.*BYZSGD_DATA.*download=true"
        )
        with pytest.raises(ValueError, match=said) as info:
            load(name, place)
        assert "\n" not in str(info.value)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("keep", [0, 3, 0.5])
def test_truncated_files_are_refused_in_one_line_that_names_them(name, keep, tmp_path):
    WRITERS[name](tmp_path)
    largest = max((file for file in tmp_path.rglob("*") if file.is_file()), key=lambda file: file.stat().st_size)
    content = largest.read_bytes()
    largest.write_bytes(content[: int(len(content) * keep) if isinstance(keep, float) else keep])
    with pytest.raises(ValueError, match=f"dataset {name} needs") as info:
        load(name, tmp_path)
    assert str(largest) in str(info.value) and "\n" not in str(info.value)


@pytest.mark.parametrize("name", WRITERS)
def test_files_of_something_else_are_refused(name, tmp_path):
    WRITERS[name](tmp_path)
    file = max((file for file in tmp_path.rglob("*") if file.is_file()), key=lambda file: file.stat().st_size)
    file.write_bytes(gzip.compress(generator(0).bytes(20_000)))
    with pytest.raises(ValueError, match=f"dataset {name} needs") as info:
        load(name, tmp_path)
    assert str(file) in str(info.value)


def test_wrong_content_is_refused(tmp_path):
    write_mnist(tmp_path)
    images, labels = pictures(200, (28, 28), 10)
    labels_file = tmp_path / "MNIST/raw/train-labels-idx1-ubyte"
    idx(labels_file, labels + 1)
    with pytest.raises(ValueError, match=r"dataset mnist \(train\) needs labels in 0 … 9; got least=1, greatest=10"):
        load("mnist", tmp_path)
    idx(labels_file, labels[:-1])
    with pytest.raises(
        ValueError, match=r"dataset mnist \(train\) needs as many labels as images of shape \(1, 28, 28\)"
    ):
        load("mnist", tmp_path)
    idx(labels_file, np.where(labels == 4, 5, labels))
    with pytest.raises(ValueError, match="dataset mnist needs training examples of every class; got without=1"):
        load("mnist", tmp_path)
    idx(labels_file, labels)
    idx(tmp_path / "MNIST/raw/train-images-idx3-ubyte", images[:, :27])
    with pytest.raises(ValueError, match=r"got images=\(200, 1, 27, 28\), labels=\(200,\)"):
        load("mnist", tmp_path)


def test_a_pickle_that_runs_code_is_not_opened(tmp_path):
    write_cifar10(tmp_path)

    class Trap:
        def __reduce__(self):
            return (tmp_path.joinpath("trapped").touch, ())

    (tmp_path / "cifar-10-batches-py/data_batch_1").write_bytes(pickle.dumps({"data": Trap(), "labels": []}))
    with pytest.raises(ValueError, match="dataset cifar10 needs a whole file with data, labels; got .* it names"):
        load("cifar10", tmp_path)
    assert not (tmp_path / "trapped").exists()


def test_download_fetches_only_what_is_missing_and_says_when_it_fails(tmp_path, monkeypatch):
    from byzsgd.torchvision_compat import import_torchvision

    calls = []

    def fetch(folder, download):
        calls.append(download)
        write_mnist(folder)

    monkeypatch.setattr(import_torchvision().datasets, "MNIST", fetch)
    assert len(load("mnist", tmp_path / "new", "download=true").train.targets) == 160
    assert len(load("mnist", tmp_path / "new", "download=true").train.targets) == 160
    assert calls == [True]

    def fail(folder, download):
        raise OSError("no network\nat all")

    monkeypatch.setattr(import_torchvision().datasets, "MNIST", fail)
    with pytest.raises(ValueError, match="dataset mnist needs a download that succeeds; got no network at all$"):
        load("mnist", tmp_path / "empty", "download=true")


@pytest.mark.parametrize("name", [name for name in names("dataset") if name in WRITERS])
def test_augmentation_is_off_unless_asked_for(name, tmp_path):
    WRITERS[name](tmp_path)
    assert load(name, tmp_path).augment is None
    assert load(name, tmp_path, "augment.shift=2").augment is not None


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "sizes", "note", "first"),
    [
        ("mnist", (60_000, 10_000), "", [7, 2, 1, 0, 4, 1, 4, 9]),
        ("fashion_mnist", (60_000, 10_000), "", [9, 2, 1, 1, 6, 1, 4, 6]),
        ("emnist", (100_000, 16_323), "subset: 100000 of 697932 training and 16323 of 116323 test examples", None),
        ("cifar10", (5000, 1000), "subset: 5000 of 50000 training and 1000 of 10000 test examples", None),
        ("cifar100", (20_000, 10_000), "subset: 20000 of 50000 training and 10000 of 10000 test examples", None),
    ],
)
def test_the_real_files(name, sizes, note, first):
    from problem_world import loaded

    data = loaded(name)
    assert sum(len(split.targets) for split in (data.train, data.validation, data.trusted)) == sizes[0]
    assert len(data.test.targets) == sizes[1] and data.note == note
    assert first is None or data.test.targets[:8].tolist() == first
    assert abs(float(data.train.inputs.mean())) < 0.02 and abs(float(data.train.inputs.std()) - 1) < 0.02
