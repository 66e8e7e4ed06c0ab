"""Problems that are drawn, whose optimum is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import Data, Loss, ModelFactory, Split


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A regression in d dimensions out of n examples, which `instance` draws: all seeds of a run share it."""

    who: ClassVar[str]  # in messages

    instance: int
    n: int
    d: int
    test: int
    trusted: int
    download: bool  # nothing to download
    model: ModelFactory

    def __post_init__(self) -> None:
        require(min(self.n, self.d, self.test) >= 1, self.who, "n, d, test >= 1", n=self.n, d=self.d, test=self.test)
        require(self.instance >= 0, self.who, "instance >= 0", instance=self.instance)
        require(self.trusted >= 0, self.who, "trusted >= 0", trusted=self.trusted)

    @property
    def sizes(self) -> dict[str, int]:
        """Examples of each split, in the order in which they are drawn."""
        return {"train": self.n, "validation": 0, "test": self.test, "trusted": self.trusted}

    def data(
        self,
        splits: Mapping[str, Split],
        loss: Loss,
        optimum: Tensor,
        smoothness: float | None = None,
        strong_convexity: float | None = None,
    ) -> Data:
        """The splits as a problem of one output, with what is known of it."""
        return Data(
            train=splits["train"],
            validation=splits["validation"],
            test=splits["test"],
            trusted=splits["trusted"],
            num_classes=0,
            outputs=1,
            loss=loss,
            optimum=optimum,
            smoothness=smoothness,
            strong_convexity=strong_convexity,
        )
