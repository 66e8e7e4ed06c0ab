from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from byzsgd.checks import require
from byzsgd.datasets.splits import ByShares, take
from byzsgd.datasets.tables import drawn_splits, standardised
from byzsgd.interfaces import Data, Split
from byzsgd.sources import noted

WHO = "dataset tensor_file"
PARTS = ("inputs", "targets", "groups")


@dataclass(frozen=True, kw_only=True)
class TensorFile(ByShares):
    """Your own arrays from a .npz or .safetensors file, or from memory: inputs (N, …), targets (N,) or (N, k).

    The arrays are `inputs` and `targets`. `test_inputs` and `test_targets` are optional; without them a share
    `test_share` of the examples is drawn for the test. `groups` (N,) is optional: the writer of each example, as a
    number or a name, for partition=by_writer. Nothing is unpickled. task=classification: targets are class numbers from
    0, and every class has an example. task=regression: the loss is half the squared error. Bytes are scaled to [0, 1];
    other integers (tokens) and floats stay as they are. With `standardise` every feature gets mean 0 and variance 1 on
    the training data.
    """

    who: ClassVar[str] = WHO

    file: str | dict[str, np.ndarray] | None  # absolute, or below data_root, or below the current folder; or the arrays
    task: Literal["classification", "regression"]
    standardise: bool

    def __post_init__(self) -> None:
        require(self.file is not None, WHO, "dataset.file=PATH of a .npz or .safetensors file", file=None)
        if isinstance(self.file, str):
            require(Path(self.file).suffix in (".npz", ".safetensors"), WHO, "a .npz or .safetensors file",
                    file=self.file)  # fmt: skip
        tasks = ("classification", "regression")
        require(self.task in tasks, WHO, f"task one of {', '.join(tasks)}", task=self.task)
        super().__post_init__()

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        arrays = self._arrays(root)
        for name in ("inputs", "targets"):
            require(name in arrays, WHO, f"an array named {name}", arrays=sorted(arrays))
        unknown = sorted(set(arrays) - {*PARTS, *(f"test_{name}" for name in PARTS)})
        require(not unknown, WHO, "arrays named inputs, targets, groups, test_inputs, test_targets", unknown=unknown)
        examples = self._split(arrays, "")
        separate = "test_inputs" in arrays
        splits = drawn_splits(
            WHO,
            examples,
            rng,
            test_share=0.0 if separate else self.test_share,
            validation_share=self.validation_share,
            trusted=self.trusted,
        )
        if separate:
            splits["test"] = self._split(arrays, "test_")
            same = splits["test"].inputs.shape[1:] == examples.inputs.shape[1:]
            require(same, WHO, "test_inputs of the shape of inputs", inputs=tuple(examples.inputs.shape[1:]),
                    test_inputs=tuple(splits["test"].inputs.shape[1:]))  # fmt: skip
        if self.standardise:
            require(examples.inputs.is_floating_point(), WHO, "real inputs to standardise", dtype=examples.inputs.dtype)
            splits = standardised(splits)
        classification = self.task == "classification"
        classes = _classes([*splits.values()]) if classification else 0
        outputs = classes if classification else int(np.prod(examples.targets.shape[1:], dtype=np.int64))
        return Data(
            train=splits["train"],
            validation=splits["validation"],
            test=splits["test"],
            trusted=splits["trusted"],
            num_classes=classes,
            outputs=outputs,
            loss="cross_entropy" if classification else "half_squared_error",
            class_names=tuple(str(number) for number in range(classes)),
        )

    def _arrays(self, root: Path | None) -> dict[str, np.ndarray]:
        if isinstance(self.file, str):
            return _read(locate(WHO, self.file, root))
        return {name: np.asarray(values) for name, values in (self.file or {}).items()}

    def _split(self, arrays: dict[str, np.ndarray], prefix: str) -> Split:
        needed = f"{prefix}targets"
        require(needed in arrays, WHO, f"an array named {needed}", arrays=sorted(arrays))
        inputs, targets = arrays[f"{prefix}inputs"], arrays[needed]
        require(inputs.ndim >= 2 and len(inputs) == len(targets) > 0, WHO, f"as many {needed} as {prefix}inputs (N, …)",
                **{f"{prefix}inputs": inputs.shape, needed: targets.shape})  # fmt: skip
        if self.task == "classification":
            whole = targets.ndim == 1 and np.issubdtype(targets.dtype, np.integer) and targets.min() >= 0
            require(whole, WHO, "class numbers (N,) from 0 for task=classification", shape=targets.shape,
                    dtype=targets.dtype)  # fmt: skip
            answers = torch.from_numpy(targets.astype(np.int64))
        else:
            answers = torch.from_numpy(targets.astype(np.float32))
        groups = arrays.get(f"{prefix}groups")
        require(groups is None or groups.shape == (len(targets),), WHO, "one group for each example",
                groups=None if groups is None else groups.shape)  # fmt: skip
        owners = None if groups is None else torch.from_numpy(_numbered(groups))
        split = Split(_inputs(inputs), answers, owners)
        require(bool(torch.isfinite(split.inputs).all()) and bool(torch.isfinite(answers).all()), WHO,
                "finite numbers", **{f"{prefix}inputs": "some are not"})  # fmt: skip
        return take(split, np.arange(len(targets)))


def _classes(splits: Sequence[Split]) -> int:
    """The number of classes; ValueError where one of them has no example, before the model allocates memory for it."""
    labels = np.unique(torch.cat([part.targets for part in splits]).numpy())
    count = int(labels[-1]) + 1
    if len(labels) < count:
        absent = int(np.flatnonzero(labels != np.arange(len(labels)))[0])
        raise ValueError(
            f"{WHO} needs an example of every class from 0 to the greatest label; "
            f"got greatest={count - 1}, classes={len(labels)}, none of class {absent}"
        )
    return count


def _numbered(groups: np.ndarray) -> np.ndarray:
    """(N,) the writers as numbers from 0, in the order of their names or numbers."""
    named = np.issubdtype(groups.dtype, np.inexact) and bool(np.isnan(groups).any())
    require(not named, WHO, "groups that all have a value", groups="some are NaN")
    numbers: np.ndarray = np.unique(groups, return_inverse=True)[1]
    return numbers.astype(np.int64)


def locate(who: str, file: str, root: Path | None) -> Path:
    """The path of a file: absolute, or below the data root, or below the current folder. ValueError where there is
    none."""
    name = Path(file).expanduser()
    candidates = [name] if name.is_absolute() else [*([] if root is None else [root / name]), Path.cwd() / name]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise ValueError(f"{who} needs the file {file}; got none at {' or '.join(map(str, candidates))}")


def _read(path: Path) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        if path.suffix == ".safetensors":
            return dict(load_file(noted(path)))
        with noted(path).open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, SafetensorError) as error:
        raise ValueError(f"{WHO} needs a whole file of plain arrays; got {path} ({error})") from error


def _inputs(values: np.ndarray) -> Tensor:
    if values.dtype == np.uint8:
        return torch.from_numpy(values.astype(np.float32) / np.float32(255))
    if np.issubdtype(values.dtype, np.integer):
        return torch.from_numpy(values.astype(np.int64))
    require(np.issubdtype(values.dtype, np.floating), WHO, "inputs of numbers", dtype=values.dtype)
    return torch.from_numpy(values.astype(np.float32))
