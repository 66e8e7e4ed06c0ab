"""What a figure says of itself, beside its function: what runs it needs, and against which axes it is drawn."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from matplotlib.figure import Figure

from byzsgd.analysis.curves import Axis
from byzsgd.analysis.groups import Comparison, NothingToDraw, Recorded
from byzsgd.signatures import by_name

P = ParamSpec("P")
T = TypeVar("T")


def differing(comparison: Comparison) -> str:
    """In what the runs differ, where they should in something else."""
    return f"runs that differ in {', '.join(comparison.keys) or 'nothing'}"


@dataclass(frozen=True)
class Need:
    """`words` end the sentence "<figure> needs …", `got` says what there is instead. `holds` and `got` are called
    with the comparison and those keyword arguments of the figure that they name."""

    words: str
    holds: Callable[..., bool]
    got: Callable[..., str] = lambda comparison: "none"


def a_run(words: str, meets: Callable[[Recorded], object]) -> Need:
    """The need of at least one run that meets a condition."""
    return Need(words, lambda comparison: any(map(meets, comparison.runs)))


DELIVERED = a_run("delivered vectors", lambda run: len(run.arrivals))


@dataclass(frozen=True)
class Declaration:
    """`name`: as `plot` is asked for it. `columns`: of the arrivals, which every run must have. `axes`: what its
    keyword `x` may be; without any there is one figure."""

    name: str
    needs: tuple[Need, ...] = ()
    columns: tuple[str, ...] = ()
    axes: tuple[Axis, ...] = ()

    @property
    def requirement(self) -> str:
        """All that it needs, in words."""
        return ", and ".join(need.words for need in self.needs) or "runs"

    def demand(self, comparison: Comparison, arguments: Mapping[str, object]) -> None:
        """NothingToDraw where something is missing."""
        missing = {name for run in comparison.runs for name in self.columns if name not in run.arrivals.columns}
        if missing:
            got = f"runs without {', '.join(sorted(missing))}"
            raise NothingToDraw(f"{self.name} needs arrivals with {', '.join(self.columns)}; got {got}")
        for need in self.needs:
            if not _answer(need.holds, comparison, arguments):
                raise NothingToDraw(f"{self.name} needs {need.words}; got {_answer(need.got, comparison, arguments)}")


class DeclaredFigure(Generic[P]):
    """A function of a comparison with its declaration, which the comparison must fulfil before it draws."""

    def __init__(
        self,
        draw: Callable[Concatenate[Comparison, P], Figure],
        declaration: Declaration,
        bound: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        functools.update_wrapper(self, draw)
        self.draw, self.declaration, self.bound = draw, declaration, bound

    def __call__(self, comparison: Comparison, *args: P.args, **kwargs: P.kwargs) -> Figure:
        self.declaration.demand(comparison, {**self.bound, **kwargs})
        return self.draw(comparison, *args, **{**self.bound, **kwargs})

    def alias(self, name: str, **bound: object) -> DeclaredFigure[...]:
        """The same under another name, with these keyword arguments."""
        return DeclaredFigure(self.draw, replace(self.declaration, name=name), {**self.bound, **bound})

    @property
    def takes(self) -> tuple[str, ...]:
        """The keyword arguments that it may be given."""
        return tuple(name for name in by_name(self.draw) if name not in self.bound)

    def demand(self, comparison: Comparison) -> None:
        """NothingToDraw where these runs lack what it needs, said in one sentence."""
        self.declaration.demand(comparison, self.bound)


def figure(
    *needs: Need, columns: tuple[str, ...] = (), axes: tuple[Axis, ...] = ()
) -> Callable[[Callable[Concatenate[Comparison, P], Figure]], DeclaredFigure[P]]:
    """Declares a function of a comparison as a figure of its own name."""
    return lambda draw: DeclaredFigure(draw, Declaration(draw.__name__, needs, columns, axes))


def _answer(question: Callable[..., T], comparison: Comparison, arguments: Mapping[str, object]) -> T:
    names = by_name(question)
    return question(comparison, **{name: value for name, value in arguments.items() if name in names})
