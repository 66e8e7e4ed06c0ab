"""How every figure looks: widths of a paper's columns, embedded fonts, colours that the colour-blind and a grey printer
tell apart, and the same colour for the same server everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import matplotlib
from matplotlib import style as matplotlib_style
from matplotlib.typing import LineStyleType

from byzsgd.analysis.colours import BYZANTINE as BYZANTINE
from byzsgd.analysis.colours import HONEST as HONEST
from byzsgd.analysis.colours import PALETTE as PALETTE
from byzsgd.analysis.colours import look_of, server_places

SINGLE = 3.5  # inches: one column of a two-column page
DOUBLE = 7.16  # inches: both

DASHES: tuple[LineStyleType, ...] = ("-", (0, (5, 1.6)), (0, (1.4, 1.3)), (0, (6, 1.5, 1.2, 1.5)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

INK = "#222222"
FAINT = "#6B6B6B"
GRID = "#E4E4E4"

REASONS = ("lipschitz", "frequency", "zeno", "afl_guard", "max_staleness")
HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "----", "++++", "oo")

_RC: dict[str, object] = {
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same figure on every machine
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 5,
    "axes.labelsize": 8,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#9A9A9A",
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.color": "#9A9A9A",
    "ytick.color": "#9A9A9A",
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "text.color": INK,
    "text.parse_math": False,  # a dollar sign in a name is a letter
    "lines.linewidth": 1.5,
    "lines.solid_capstyle": "round",
    "hatch.linewidth": 0.5,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "legend.borderpad": 0,
    "legend.borderaxespad": 0,
    "figure.dpi": 200,
    "savefig.dpi": 200,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "pdf.fonttype": 42,  # TrueType, embedded: journals refuse Type 3
    "svg.fonttype": "path",  # the same letters where the font is missing
    "svg.hashsalt": "byzsgd",  # the same figure is the same file
    "figure.constrained_layout.h_pad": 0.04,
    "figure.constrained_layout.w_pad": 0.04,
}


def styled() -> AbstractContextManager[object]:
    """The settings under which a figure is made and saved; a user's own matplotlibrc has no say."""
    settings = {key: value for key, value in _RC.items() if key in matplotlib.rcParams}
    return matplotlib_style.context(["default", settings])


@dataclass(frozen=True, slots=True)
class Look:
    """How one curve is drawn."""

    colour: str
    dash: LineStyleType
    marker: str


def _look(rank: int) -> Look:
    colour, dash = look_of(rank)
    return Look(PALETTE[colour], DASHES[dash], MARKERS[(colour + dash) % len(MARKERS)])


def server_looks(names: Iterable[str]) -> dict[str, Look]:
    """Different looks for servers, those of known ones always the same."""
    return {name: _look(rank) for name, rank in server_places(names).items()}


def nominal_looks(values: Sequence[object]) -> list[Look]:
    """Different looks for values without an order; those in the order given."""
    return [_look(rank) for rank in range(len(values))]


def reason_looks(reasons: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Colour and hatch of each reason to refuse."""
    order = [reason for reason in REASONS if reason in reasons] + [name for name in reasons if name not in REASONS]
    ranks = {name: REASONS.index(name) if name in REASONS else len(REASONS) for name in order}
    looks: dict[str, tuple[str, str]] = {}
    for name in order:
        rank = ranks[name]
        while any(PALETTE[rank % len(PALETTE)] == colour for colour, _ in looks.values()) and len(looks) < len(PALETTE):
            rank += 1
        looks[name] = (PALETTE[rank % len(PALETTE)], HATCHES[rank % len(HATCHES)])
    return looks


def ordered_looks(count: int) -> list[Look]:
    """From dark to light, for numbers."""
    ramp = matplotlib.colormaps["viridis"]
    shades = [ramp(0.05 + 0.8 * rank / max(1, count - 1)) for rank in range(count)]
    return [
        Look(
            "#" + "".join(f"{round(255 * part):02x}" for part in shade[:3]),
            DASHES[rank % 2 if count <= 8 else 0],
            MARKERS[rank % len(MARKERS)],
        )
        for rank, shade in enumerate(shades)
    ]
