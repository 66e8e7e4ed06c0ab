from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from byzsgd.checks import require
from byzsgd.datasets.splits import ByShares
from byzsgd.datasets.tensor_file import locate
from byzsgd.interfaces import Data, Split
from byzsgd.sources import noted

WHO = "dataset text_char"


@dataclass(frozen=True, kw_only=True)
class TextChar(ByShares):
    """The next character of a text of yours, from the `context` characters before it; classes are characters.

    As in the character tasks of Caldas et al.: LEAF, a benchmark for federated settings (2018), arXiv:1812.01097.

    The text is cut in its order into train, trusted, validation and test. No window crosses a border, and one starts
    every `stride` characters. The alphabet is that of the whole text.
    """

    who: ClassVar[str] = WHO

    file: str | None  # UTF-8; absolute, or below data_root, or below the current folder
    context: int
    stride: int

    def __post_init__(self) -> None:
        require(self.file is not None, WHO, "dataset.file=PATH of a text", file=None)
        require(self.context >= 1 and self.stride >= 1, WHO, "context, stride >= 1", context=self.context,
                stride=self.stride)  # fmt: skip
        super().__post_init__()

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        path = locate(WHO, str(self.file), root)
        try:
            text = noted(path).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{WHO} needs a text in UTF-8; got {path} ({error})") from error
        alphabet = sorted(set(text))
        number = {character: index for index, character in enumerate(alphabet)}
        tokens = np.fromiter((number[character] for character in text), dtype=np.int64, count=len(text))
        test, validation = (round(share * len(tokens)) for share in (self.test_share, self.validation_share))
        trusted = (self.trusted - 1) * self.stride + self.context + 1 if self.trusted else 0
        train = len(tokens) - test - validation - trusted
        needed = self.context + 1
        require(train >= needed and test >= needed, WHO, f"at least {needed} characters to train on and to test",
                characters=len(tokens), train=train, test=test)  # fmt: skip
        parts = np.split(tokens, np.cumsum([train, trusted, validation]))
        splits = [self._windows(part) for part in parts]
        return Data(
            train=splits[0],
            trusted=splits[1],
            validation=splits[2],
            test=splits[3],
            num_classes=len(alphabet),
            outputs=len(alphabet),
            loss="cross_entropy",
            class_names=tuple(alphabet),
        )

    def _windows(self, tokens: np.ndarray) -> Split:
        starts = np.arange(0, max(0, len(tokens) - self.context), self.stride)
        inputs = tokens[starts[:, None] + np.arange(self.context)]
        return Split(torch.from_numpy(inputs), torch.from_numpy(tokens[starts + self.context]))
