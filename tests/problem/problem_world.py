"""Members of the problem's families as a run gets them, and small data to try them on."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import hydra
import numpy as np
import pytest
import torch
from composing import composed
from omegaconf import OmegaConf

from byzsgd.interfaces import Data, Split
from byzsgd.kernel.engine.problem import SupervisedProblem
from byzsgd.kernel.randomness import Streams

CONF = Path(__file__).resolve().parents[2] / "conf"
ROOT = Path(os.environ["BYZSGD_DATA"]) if "BYZSGD_DATA" in os.environ else None


def names(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml") if path.stem != "default")


def member(group: str, name: str, *overrides: str) -> Any:
    """The member as a run gets it; `overrides` are relative to it: `alpha=1`."""
    return hydra.utils.instantiate(settings(group, name, *overrides), _convert_="all")


def settings(group: str, name: str, *overrides: str) -> Any:
    return OmegaConf.create(composed(f"+{group}={name}", *(f"{group}.{override}" for override in overrides))[group])


def generator(seed: int = 0, name: str = "test") -> np.random.Generator:
    return Streams(seed).generator(name)


@functools.cache
def folder() -> Path:
    """Files for the datasets that read the user's own."""
    place = Path(tempfile.mkdtemp(prefix="byzsgd-test-"))
    atexit.register(shutil.rmtree, place)
    draw = generator(0, "files")
    targets = draw.integers(4, size=400)
    np.savez(place / "own.npz", inputs=draw.random((400, 8)) + targets[:, None], targets=targets)
    (place / "own.txt").write_text("she sells sea shells by the sea shore; " * 60, encoding="utf-8")
    return place


OWN_FILES = {"tensor_file": "own.npz", "text_char": "own.txt"}


def dataset(name: str, *overrides: str) -> Any:
    """A dataset by name; one that reads a file of the user gets one."""
    own = [f"file={folder() / OWN_FILES[name]}"] if name in OWN_FILES else []
    return member("dataset", name, *own, *overrides)


@functools.lru_cache(maxsize=4)
def loaded(name: str, *overrides: str, seed: int = 0) -> Data:
    """The dataset, read once; skips the test where its files are not at hand."""
    try:
        return dataset(name, *overrides).load(ROOT, generator(seed, "dataset"))
    except ValueError as error:
        if "download=true" not in str(error):
            raise
        pytest.skip(f"set BYZSGD_DATA to a folder that holds {name}: {error}")


def shortened(data: Data, most: int) -> Data:
    """The first examples of every split."""
    splits = {
        name: Split(getattr(data, name).inputs[:most], getattr(data, name).targets[:most])
        for name in ("train", "validation", "test", "trusted")
    }
    return replace(data, **splits)


def classified(inputs: torch.Tensor, num_classes: int, seed: int = 0) -> Data:
    """Data of given inputs with random classes, the same in all splits."""
    targets = torch.from_numpy(generator(seed, "classes").integers(num_classes, size=len(inputs)))
    split = Split(inputs, targets)
    return Data(split, split, split, split, num_classes, num_classes, "cross_entropy")


def problem(name: str, model: str | None = None, *, dtype: torch.dtype = torch.float32, **options: Any) -> Any:
    """A dataset with its own model, or another."""
    factory = dataset(name).model if model is None else member("model", model)
    return SupervisedProblem(factory, loaded(name), dtype=dtype, rng=generator(0, "init"), **options)
