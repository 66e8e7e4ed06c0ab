"""Which path plays the turns of a run: compiled code where it can, else the general path, the kernel with an engine."""

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

COMPILED = "compiled"  # the name of the path in the record
MISSING = "numba is not installed"


def chosen_path(
    experiment: Experiment, kernel: Kernel, problem: SupervisedProblem, engine: Engine
) -> tuple[Plan | None, str]:
    """The plan of compiled code (None: the general path alone), and the name of the path for the record. It depends on
    the configuration without its budget, and on the installed packages."""
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
    require(installed(), "compiled code", "the extra byzsgd[fast]", reason=MISSING)
    from byzsgd.kernel.compiled.cache import WRITABLE, folder

    require(WRITABLE, "compiled code", "a folder that can be written to (XDG_CACHE_HOME)", folder=folder())
    return folder()


def advice(path: str, arrivals: int) -> list[str]:
    """Lines that say how a run of so many arrivals would be faster."""
    slower = arrivals > SHORT and path.endswith(f"(not compiled: {MISSING})")
    return ["this run would be several times as fast with Numba: pip install 'byzsgd[fast]'"] if slower else []


_shown: set[str] = set()  # lines that this process has shown


def say_once(say: Callable[[str], None], lines: Iterable[str]) -> None:
    """Shows each line once in a process, since a sweep has many runs."""
    for line in lines:
        if line not in _shown:
            _shown.add(line)
            say(line)
