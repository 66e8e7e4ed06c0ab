from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from byzsgd.checks import require
from byzsgd.graphs.edges import joined
from byzsgd.sources import Sources, noted, noting


@dataclass(frozen=True, kw_only=True)
class File:
    """The edges in a text file: two node numbers on each line, from 0. Text after a # is a comment.

    The file is read once, at the first use of the graph. ValueError names the file and the wrong line.
    """

    path: str
    varying = False

    def __call__(self, num_workers: int, rng: np.random.Generator | None = None) -> np.ndarray:
        edges = []
        for number, line in enumerate(self._read[0], 1):
            words = line.partition("#")[0].split()
            if not words:
                continue
            plain = len(words) == 2 and all(word.isdecimal() and int(word) < num_workers for word in words)
            require(plain, f"{self.path}, line {number},", f"two nodes in 0 … {num_workers - 1}", line=line.strip())
            edges.append((int(words[0]), int(words[1])))
        return joined(num_workers, edges)

    @property
    def sources(self) -> Sources:
        """The file of edges. A run with another content is another run."""
        return self._read[1]

    @cached_property
    def _read(self) -> tuple[tuple[str, ...], Sources]:
        try:
            with noting() as sources:
                lines = noted(Path(self.path).expanduser()).read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise ValueError(f"cannot read {self.path}: {error.strerror or error}") from error
        return tuple(lines), sources
