"""Whether a run fits into the memory of this machine, tested before it allocates any."""

from __future__ import annotations

from byzsgd import machine
from byzsgd.checks import require
from byzsgd.interfaces import NamesWork, SchemeSettings

PER_WORKER = 4096  # bytes: the durations of its next jobs, and its state in the kernel
PER_PAIR = 9  # bytes: whether two nodes are neighbours, and their mixing weight


def require_memory(who: str, estimate: int, **values: object) -> None:
    """ValueError, with both numbers, where an estimate in bytes exceeds the memory of the machine."""
    available = machine.memory()
    if estimate > available:
        require(False, who, f"what fits into this machine's memory of {_gigabytes(available)}",
                estimate=_gigabytes(estimate), **values)  # fmt: skip


def least_memory(num_workers: int, scheme: SchemeSettings) -> int:
    """The bytes that n workers take at least, whatever they compute. Schemes with neighbours or shared work need a
    matrix of all pairs too."""
    pairs = scheme.edges or isinstance(scheme, NamesWork)
    return num_workers * PER_WORKER + (num_workers**2 * PER_PAIR if pairs else 0)


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.3g} GB"
