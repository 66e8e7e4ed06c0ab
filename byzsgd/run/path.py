"""Who plays the turns of a run: compiled code where it can, or the kernel with an engine."""

from __future__ import annotations

from collections.abc import Callable
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
    """The plan of compiled code, None: the general path; and what the record says of it. A function of the
    configuration and of what is installed."""
    wanted = getattr(engine, "stretches", "never")
    if wanted == "never":
        return None, engine.name
    arrivals = experiment.budget.arrivals if wanted == "auto" else SHORT
    found = "metrics.study" if experiment.metrics.study else planned(kernel, problem, arrivals)
    if not isinstance(found, str) and not installed():
        found = MISSING
    if isinstance(found, str):
        require(wanted == "auto", "engine compiled", "a configuration that compiled code can play (engine=auto takes "
                "what fits)", reason=found)  # fmt: skip
        return None, f"{engine.name} (not compiled: {found})"
    from byzsgd.kernel.compiled.cache import machine

    return found, f"{COMPILED} ({machine()})"


def cache_of_compiled_code() -> Path:
    """Where compiled code is kept. ValueError where there is none, or it cannot be kept."""
    require(installed(), "compiled code", "the extra byzsgd[fast]", reason=MISSING)
    from byzsgd.kernel.compiled.cache import WRITABLE, folder

    require(WRITABLE, "compiled code", "a folder that can be written to (XDG_CACHE_HOME)", folder=folder())
    return folder()


_said: set[str] = set()  # in this process


def say_once(say: Callable[[str], None], path: str) -> None:
    """What a person should know of the path of a run: once in a process, since a sweep has many."""
    if path.endswith(f"(not compiled: {MISSING})"):
        lines = ["this run would be several times as fast with Numba: pip install 'byzsgd[fast]'"]
    elif path.startswith(COMPILED):
        from byzsgd.kernel.compiled.cache import news

        lines = list(news())
    else:
        return
    for line in lines:
        if line not in _said:
            _said.add(line)
            say(line)
