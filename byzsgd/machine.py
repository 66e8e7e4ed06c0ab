"""What this machine lets a process use."""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from pathlib import Path

CONTAINER = Path("/sys/fs/cgroup/memory.max")  # the limit of the container, where there is one


def memory() -> int:
    """The bytes that this process may use: the memory of the machine, or a lower limit."""
    limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        limits.append(soft)
    with suppress(OSError, ValueError):  # no container, or "max"
        limits.append(int(CONTAINER.read_text(encoding="ascii")))
    return min(limits)
