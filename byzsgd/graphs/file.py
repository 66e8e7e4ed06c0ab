"""The graph `file`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from byzsgd.checks import require
from byzsgd.graphs.edges import Fixed, joined


def file(*, path: str) -> Fixed:
    """The edges that a text file lists: two node numbers a line, from 0; what follows a # is a comment.

    Nothing is read before the graph is asked for; ValueError names the file, and the line that is wrong.
    """

    def graph(num_workers: int) -> np.ndarray:
        try:
            lines = Path(path).expanduser().read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise ValueError(f"cannot read {path}: {error.strerror or error}") from error
        edges = []
        for number, line in enumerate(lines, 1):
            words = line.partition("#")[0].split()
            if not words:
                continue
            plain = len(words) == 2 and all(word.isdecimal() and int(word) < num_workers for word in words)
            require(plain, f"{path}, line {number},", f"two nodes in 0 … {num_workers - 1}", line=line.strip())
            edges.append((int(words[0]), int(words[1])))
        return joined(num_workers, edges)

    return Fixed(graph)
