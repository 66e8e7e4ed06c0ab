"""All figures of some runs, as files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from byzsgd.analysis.curves import AXES, Axis
from byzsgd.analysis.frames import runs_of
from byzsgd.analysis.groups import Comparison, NothingToDraw, Recorded, compare
from byzsgd.checks import require
from byzsgd.plotting.declaration import DeclaredFigure
from byzsgd.plotting.kinds import KINDS, figure_of
from byzsgd.plotting.panels import on_paper
from byzsgd.plotting.style import DOUBLE, SINGLE, styled
from byzsgd.records import Run
from byzsgd.records.files import write_whole, writing

if TYPE_CHECKING:
    from byzsgd.plotting.figures.delays import LawOf

FORMATS = ("png", "svg", "pdf")
WIDTHS = {"column": SINGLE, "page": DOUBLE}


def drawable(runs: Sequence[Recorded]) -> tuple[list[str], list[str]]:
    """The kinds that these runs have what they need for, and of every other a sentence on what it needs."""
    comparison, kinds, others = compare(runs), [], []
    for kind in KINDS:
        try:
            figure_of(kind).demand(comparison)
            kinds.append(kind)
        except NothingToDraw as nothing:
            others.append(str(nothing))
    return kinds, others


def draw(
    runs: Sequence[Recorded],
    output: Path,
    *,
    kinds: Sequence[str] | None = None,
    x: Sequence[Axis] = ("arrivals",),
    formats: Sequence[str] = ("png", "svg"),
    width: str | None = None,
    among: Sequence[Recorded] = (),
    law_of: LawOf | None = None,
) -> list[Path]:
    """Writes the figures into `output` and returns their paths. `kinds`: of `KINDS`, or figures of one's own as
    `module:function`; None: all that the runs have rows for.

    `width`: `column` (3.5 inches) or `page` (7.16), of a page with two columns; None: as each needs. `among`: all runs
    of the folder where `runs` are a choice of them, so that servers keep their colours. `law_of` gives the configured
    delay of a run, for its line in the figure of delays. ValueError for an unknown kind, axis, format or width, for no
    runs, and for a kind asked for that has nothing to draw.
    """
    for kind in kinds or ():
        figure_of(kind)
    _require_choice("x axis", x, AXES)
    _require_choice("format", formats, FORMATS)
    _require_choice("width", [width] if width else (), WIDTHS)
    comparison = compare(runs, among)
    paths: list[Path] = []
    with on_paper(WIDTHS[width] if width else None):
        for kind in KINDS if kinds is None else kinds:
            try:
                for name, figure in _figures(kind, comparison, x, law_of):
                    paths += save(figure, output, name, formats)
            except NothingToDraw:
                if kinds is not None:
                    raise
    if kinds is None:
        require(bool(paths), "plot", "runs with rows for some figure (--list says what each needs)", runs=len(runs))
    return paths


def plot(
    source: str | Path | Run | Iterable[Run],
    kind: str = "accuracy",
    *,
    x: Axis = "arrivals",
    width: str | None = None,
    law_of: LawOf | None = None,
) -> Figure:
    """One figure of a folder of runs, or of runs, for a notebook; `kind`, `x`, `width` and `law_of` as in `draw`."""
    figure_of(kind)
    _require_choice("x axis", [x], AXES)
    _require_choice("width", [width] if width else (), WIDTHS)
    with on_paper(WIDTHS[width] if width else None):
        ((_, figure),) = _figures(kind, compare(runs_of(source)), [x], law_of)
    return figure


def save(figure: Figure, output: Path, name: str, formats: Sequence[str] = ("png", "svg")) -> list[Path]:
    """The same figure gives the same bytes: no date goes into a file."""
    paths = []
    with writing(output):
        output.mkdir(parents=True, exist_ok=True)
    for form in formats:
        metadata, content = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(form), BytesIO()
        with styled():
            figure.savefig(content, format=form, metadata=metadata)
        paths.append(output / f"{name}.{form}")
        write_whole(paths[-1], content.getvalue(), shared=True)
    return paths


def _figures(kind: str, comparison: Comparison, axes: Sequence[Axis], law_of: LawOf | None) -> list[tuple[str, Figure]]:
    """The figures of a kind with the names of their files: one for each of these axes that it has, or one."""
    drawing = figure_of(kind)
    arguments: dict[str, object] = {"law_of": law_of} if "law_of" in drawing.takes else {}
    name = kind.replace(":", ".")
    if not drawing.declaration.axes:
        return [(name, _draw_one(kind, drawing, comparison, arguments))]
    fit = [axis for axis in axes if axis in drawing.declaration.axes]
    if not fit:
        got = ", ".join(axes)
        raise NothingToDraw(f"{kind} needs an x axis among {', '.join(drawing.declaration.axes)}; got {got}")
    return [(f"{name}-{axis}", _draw_one(kind, drawing, comparison, {**arguments, "x": axis})) for axis in fit]


def _draw_one(
    kind: str, drawing: DeclaredFigure[...], comparison: Comparison, arguments: Mapping[str, object]
) -> Figure:
    figure = drawing(comparison, **arguments)
    require(isinstance(figure, Figure), kind, "to return a matplotlib Figure", returned=type(figure).__name__)
    return figure


def _require_choice(what: str, names: Sequence[str], choices: Iterable[str]) -> None:
    for name in names:
        if name not in choices:
            raise ValueError(f"no {what} {name!r}; there are {', '.join(choices)}")
