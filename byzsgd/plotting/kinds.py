"""Which figures there are. Found by folder, so that their names are known before anything that draws is imported."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from byzsgd.checks import require

if TYPE_CHECKING:
    from byzsgd.plotting.declaration import DeclaredFigure

KINDS = tuple(sorted(file.stem for file in Path(__file__).with_name("figures").glob("[a-z]*.py")))


class Askable(tuple[str, ...]):
    """The kinds that there are, and any `module:function` of one's own."""

    def __contains__(self, kind: object) -> bool:
        return ":" in str(kind) or super().__contains__(kind)


def figure_of(kind: str) -> DeclaredFigure[...]:
    """The figure of this name: of a file in `figures/`, or one's own as `module:function`. ValueError where there is
    none."""
    if ":" in kind:
        return _own(*kind.rsplit(":", 1))
    if kind not in KINDS:
        raise ValueError(f"no kind {kind!r}; there are {', '.join(KINDS)}, and module:function")
    declared_figure: DeclaredFigure[...] = getattr(import_module(f"byzsgd.plotting.figures.{kind}"), kind)
    return declared_figure


def _own(module: str, name: str) -> DeclaredFigure[...]:
    from byzsgd.plotting.declaration import DeclaredFigure, figure

    there = all(part.isidentifier() for part in module.split(".")) and _importable(module)
    require(there, "plot", "a module that Python finds (on PYTHONPATH)", module=module)
    own: Any = getattr(import_module(module), name, None)
    require(callable(own), "plot", f"a function of one comparison in {module} that returns a Figure", function=name)
    return own if isinstance(own, DeclaredFigure) else figure()(own)


def _importable(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of what should be its package
        return False
