"""Which path plays the turns of a run: compiled code where it can, else the general path, the kernel with an engine."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from byzsgd.checks import require
from byzsgd.interfaces import Engine
from byzsgd.kernel.compiled.plan import Plan, chain_of, has_numba, plan_of
from byzsgd.kernel.engine.batches import Batches
from byzsgd.kernel.engine.layers import Layer
from byzsgd.kernel.engine.problem import SupervisedProblem
from byzsgd.kernel.world import Kernel

if TYPE_CHECKING:
    from byzsgd.run.experiment import Experiment

# Arrivals that the kernel plays before compiled code takes part, whatever the budget: a shorter run is over before
# Numba is imported, and is to the bit the beginning of a longer one.
SHORT = 200
COMPILED = "compiled"  # the name of the path in the record
MISSING = "numba is not installed"


@dataclass(frozen=True, kw_only=True)
class EnginePath:
    """What plays the turns of a run. It depends on the configuration without its budget, and on what is installed."""

    name: str  # for the record
    plan: Plan | None = None  # where compiled code plays the turns
    chain: tuple[Layer, ...] | None = None  # the model's layers, where compiled code computes only the gradients
    begins: float = math.inf  # the arrivals that the kernel and the engine play before compiled code takes part


def chosen_path(
    experiment: Experiment, kernel: Kernel, problem: SupervisedProblem, batches: Batches, engine: Engine
) -> EnginePath:
    """Compiled code plays the turns if it can. If not, it computes the gradients if it can. If not, the engine does."""
    choice = getattr(engine, "stretches", "never")
    if choice == "never":
        return EnginePath(name=engine.name)
    plan = "metrics.study" if experiment.metrics.study else plan_of(kernel, problem)
    if not isinstance(plan, str) and not has_numba():
        plan = MISSING
    if not isinstance(plan, str):
        if choice == "always":
            return EnginePath(name=f"{COMPILED} ({_machine()})", plan=plan, begins=0)
        return EnginePath(name=f"{COMPILED} after {SHORT} arrivals ({_machine()})", plan=plan, begins=SHORT)
    require(choice == "auto", "engine compiled", "a configuration that compiled code can play (engine=auto takes what "
            "fits)", reason=plan)  # fmt: skip
    chain = chain_of(problem, batches.batch_size) if engine.group > 1 else "too little memory for two gradients"
    if not isinstance(chain, str) and not has_numba():
        chain = MISSING
    if isinstance(chain, str):
        return EnginePath(name=f"{engine.name} (not compiled: {'; '.join(dict.fromkeys((plan, chain)))})")
    name = f"{COMPILED} gradients after {SHORT} arrivals ({_machine()}; turns not compiled: {plan})"
    return EnginePath(name=name, chain=chain, begins=SHORT)


def _machine() -> str:
    """The versions on which the bits of compiled code depend beside its source. Numba itself is not imported here: that
    takes longer than a short run."""
    from llvmlite import binding

    return f"numba {metadata.version('numba')}, {binding.get_host_cpu_name()}"


def require_same_path(folder: Path, began: str, now: str) -> None:
    """OtherPath where a run began on another path than `now`. Compiled code differs from other code in the last bits,
    so only the same compiled code continues a run that it began."""
    if began != now and (began.startswith(COMPILED) or now.startswith(COMPILED)):
        needs = f"{folder} needs the engine that it was started with, {began}"
        raise OtherPath(f"{needs} (force=true runs it again beside it); got engine={now}")


class OtherPath(ValueError):
    """A run would go on along another path than it began."""


def cache_of_compiled_code() -> Path:
    """The folder of compiled code. ValueError where Numba is not installed, or the folder cannot be written."""
    require(has_numba(), "compiled code", "the extra byzsgd[fast]", reason=MISSING)
    from byzsgd.kernel.compiled.cache import WRITABLE, folder

    require(WRITABLE, "compiled code", "a folder that can be written to (XDG_CACHE_HOME)", folder=folder())
    return folder()


def advice(path: str, arrivals: int) -> list[str]:
    """Lines that say how a run of so many arrivals would be faster."""
    if arrivals <= SHORT or not path.endswith(f"{MISSING})"):
        return []
    faster = "several times as fast" if path.endswith(f"(not compiled: {MISSING})") else "faster"
    return [f"this run would be {faster} with Numba: pip install 'byzsgd[fast]'"]


_shown: set[str] = set()  # lines that this process has shown


def say_once(say: Callable[[str], None], lines: Iterable[str]) -> None:
    """Shows each line once in a process, since a sweep has many runs."""
    for line in lines:
        if line not in _shown:
            _shown.add(line)
            say(line)
