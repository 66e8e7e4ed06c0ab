"""All figures of some runs, as files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure

from byzsgd.analysis.bands import Axis
from byzsgd.analysis.frames import runs_of
from byzsgd.analysis.groups import Comparison, NothingToDraw, Recorded, compare
from byzsgd.records import Run
from byzsgd.records.files import write_whole, writing

from .acceptance import acceptance
from .bars import bars
from .bits import bits
from .coefficients import coefficients
from .cost import cost
from .delays import LawOf, delays
from .heatmap import heatmap
from .iteration_time import iteration_time
from .network import consensus, recorded_graph
from .panels import on_paper
from .partition import recorded_partition
from .progress import progress
from .refusals import refusals
from .slowdown import slowdown
from .staleness import staleness
from .style import DOUBLE, SINGLE, styled
from .timeline import timeline
from .tree import tree
from .worst_case import worst_case

FORMATS = ("png", "svg", "pdf")
WIDTHS = {"column": SINGLE, "page": DOUBLE}
AXES: tuple[Axis, ...] = ("updates", "time", "arrivals", "bits", "bits_per_worker")

# Against which axes a figure may be drawn; without one there is a single figure.
_CURVES: Mapping[str, Callable[..., Figure]] = {
    "accuracy": partial(progress, metric="test_accuracy"),
    "loss": partial(progress, metric="test_loss"),
    "suboptimality": partial(progress, metric="suboptimality"),
    "worst_accuracy": partial(progress, metric="worst_accuracy"),
    "node_accuracy": partial(progress, metric="node_accuracy"),
}
_SINGLE: Mapping[str, Callable[[Comparison], Figure]] = {
    "heatmap": heatmap,
    "worst_case": worst_case,
    "bars": bars,
    "acceptance": acceptance,
    "refusals": refusals,
    "coefficients": coefficients,
    "staleness": staleness,
    "timeline": timeline,
    "slowdown": slowdown,
    "cost": cost,
    "iteration_time": iteration_time,
    "tree": tree,
    "bits": bits,
    "partition": recorded_partition,
    "consensus": consensus,
    "network": recorded_graph,
}
KINDS = (*_CURVES, *_SINGLE, "delays")


def drawable(runs: Sequence[Recorded], law_of: LawOf | None = None) -> list[str]:
    """The kinds that these runs have rows for."""
    comparison, found = compare(runs), []
    for kind in KINDS:
        try:
            next(iter(_figures(kind, comparison, AXES[:1], law_of)), None)
        except NothingToDraw:
            continue
        found.append(kind)
    return found


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
    """Writes the figures into `output` and returns their paths; `kinds=None`: all that the runs have rows for.

    `width`: `column` (3.5 inches) or `page` (7.16), of a page with two columns; None: as each needs. `among`: all runs
    of the folder where `runs` are a choice of them, so that servers keep their colours. `law_of` gives the configured
    delay of a run, for its line in the figure of delays. ValueError for an unknown kind, axis, format or width, for no
    runs, and for a kind asked for that has nothing to draw.
    """
    _known("kind", kinds or (), KINDS)
    _known("x axis", x, AXES)
    _known("format", formats, FORMATS)
    _known("width", [width] if width else (), WIDTHS)
    comparison = compare(runs, among)
    written: list[Path] = []
    problem: NothingToDraw | None = None
    with on_paper(WIDTHS[width] if width else None):
        for kind in KINDS if kinds is None else kinds:
            try:
                for name, figure in _figures(kind, comparison, x, law_of):
                    written += save(figure, output, name, formats)
            except NothingToDraw as nothing:
                if kinds is not None:
                    raise
                problem = problem or nothing
    if not written and problem is not None:
        raise ValueError(f"{problem} ({len(runs)} run{'s' if len(runs) > 1 else ''})")
    return written


def plot(
    source: str | Path | Run | Iterable[Run],
    kind: str = "accuracy",
    *,
    x: Axis = "arrivals",
    width: str | None = None,
    law_of: LawOf | None = None,
) -> Figure:
    """One figure of a folder of runs, or of runs, for a notebook; `kind`, `x`, `width` and `law_of` as in `draw`."""
    _known("kind", [kind], KINDS)
    _known("x axis", [x], AXES)
    _known("width", [width] if width else (), WIDTHS)
    with on_paper(WIDTHS[width] if width else None):
        ((_, figure),) = _figures(kind, compare(runs_of(source)), [x], law_of)
    return figure


def save(figure: Figure, output: Path, name: str, formats: Sequence[str] = ("png", "svg")) -> list[Path]:
    """The same figure gives the same bytes: no date goes into a file."""
    paths = []
    with writing(output):
        output.mkdir(parents=True, exist_ok=True)
    for form in formats:
        undated, drawn = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(form), BytesIO()
        with styled():
            figure.savefig(drawn, format=form, metadata=undated)
        paths.append(output / f"{name}.{form}")
        write_whole(paths[-1], drawn.getvalue())
    return paths


def _figures(kind: str, comparison: Comparison, axes: Sequence[Axis], law_of: LawOf | None) -> list[tuple[str, Figure]]:
    if kind in _CURVES:
        return [(f"{kind}-{axis}", _CURVES[kind](comparison, x=axis)) for axis in axes]
    return [(kind, delays(comparison, law_of=law_of) if kind == "delays" else _SINGLE[kind](comparison))]


def _known(what: str, asked: Sequence[str], offered: Iterable[str]) -> None:
    for name in asked:
        if name not in offered:
            raise ValueError(f"no {what} {name!r}; there are {', '.join(offered)}")
