"""Whether a run fits into the memory of this machine, asked before any of it is taken."""

from __future__ import annotations

from byzsgd.checks import machine_memory, require
from byzsgd.interfaces import NamesWork, SchemeSettings

PER_WORKER = 4096  # bytes: the seconds of its next jobs, and what the kernel knows of it
PER_PAIR = 9  # bytes: neighbours or not, and their weight


def require_memory(who: str, estimate: int, **values: object) -> None:
    """ValueError, with both numbers, where an estimate in bytes exceeds the memory of the machine."""
    there = machine_memory()
    if estimate > there:
        require(False, who, f"what fits into this machine's memory of {_gigabytes(there)}",
                estimate=_gigabytes(estimate), **values)  # fmt: skip


def least_memory(num_workers: int, scheme: SchemeSettings) -> int:
    """Bytes that n workers take at least, whatever they compute; where some hear others, a matrix says who."""
    pairs = scheme.edges or isinstance(scheme, NamesWork)
    return num_workers * PER_WORKER + (num_workers**2 * PER_PAIR if pairs else 0)


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.3g} GB"
