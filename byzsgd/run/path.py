"""Who plays the turns of a run: compiled code where it can, or the kernel with an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from byzsgd.checks import require
from byzsgd.interfaces import Engine
from byzsgd.kernel.compiled.plan import SHORT, Plan, installed, planned
from byzsgd.kernel.engine.problem import SupervisedProblem
from byzsgd.kernel.world import Kernel

if TYPE_CHECKING:
    from byzsgd.run.experiment import Experiment

COMPILED = "compiled"  # how the record names the path
MISSING = "numba is not installed"


def chosen_path(
    experiment: Experiment, kernel: Kernel, problem: SupervisedProblem, engine: Engine
) -> tuple[Plan | None, str]:
    """The plan of compiled code, None: the general path alone; and what the record says of it. A function of the
    configuration less its budget, and of what is installed."""
    wanted = getattr(engine, "stretches", "never")
    if wanted == "never":
        return None, engine.name
    plan = "metrics.study" if experiment.metrics.study else planned(kernel, problem)
    if not isinstance(plan, str) and not installed():
        plan = MISSING
    if isinstance(plan, str):
        require(wanted == "auto", "engine compiled", "a configuration that compiled code can play (engine=auto takes "
                "what fits)", reason=plan)  # fmt: skip
        return None, f"{engine.name} (not compiled: {plan})"
    if wanted == "always":
        return plan, f"{COMPILED} ({_machine()})"
    return replace(plan, begins=SHORT), f"{COMPILED} after {SHORT} arrivals ({_machine()})"


def _machine() -> str:
    """What the bits of compiled code depend on beside its text. Imports nothing of Numba, which a short run has no
    time for."""
    from llvmlite import binding

    return f"numba {metadata.version('numba')}, {binding.get_host_cpu_name()}"


def require_same_path(folder: Path, began: str, now: str) -> None:
    """OtherPath where a run would go on otherwise than it began, as records name it: compiled code goes on with what
    the same compiled code began, since another one has other last bits."""
    if began != now and (began.startswith(COMPILED) or now.startswith(COMPILED)):
        needs = f"{folder} needs the engine that it was started with, {began}"
        raise OtherPath(f"{needs} (force=true runs it again beside it); got engine={now}")


class OtherPath(ValueError):
    """A run would go on otherwise than it began."""


def cache_of_compiled_code() -> Path:
    """Where compiled code is kept. ValueError where there is none, or it cannot be kept."""
    require(installed(), "compiled code", "the extra byzsgd[fast]", reason=MISSING)
    from byzsgd.kernel.compiled.cache import WRITABLE, folder

    require(WRITABLE, "compiled code", "a folder that can be written to (XDG_CACHE_HOME)", folder=folder())
    return folder()


def advice(path: str, arrivals: int) -> list[str]:
    """How a run of so many arrivals would be faster."""
    slower = arrivals > SHORT and path.endswith(f"(not compiled: {MISSING})")
    return ["this run would be several times as fast with Numba: pip install 'byzsgd[fast]'"] if slower else []


_said: set[str] = set()  # in this process


def say_once(say: Callable[[str], None], lines: Iterable[str]) -> None:
    """What a person should know: once in a process, since a sweep has many runs."""
    for line in lines:
        if line not in _said:
            _said.add(line)
            say(line)
