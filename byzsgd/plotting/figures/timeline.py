"""Who computed what when: the workers' jobs in a stretch of a run, and what became of each vector."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from byzsgd.analysis.groups import Comparison, Recorded
from byzsgd.analysis.jobs import jobs
from byzsgd.plotting.declaration import DELIVERED, figure
from byzsgd.plotting.panels import dot, frame, more
from byzsgd.plotting.style import BYZANTINE, FAINT, HONEST, INK, styled

MOST_WORKERS = 40
MOST_PANELS = 3
PER_WORKER = 6  # jobs of a worker in the default stretch


@figure(DELIVERED, columns=("arrival", "time", "worker", "step", "updated", "read_at_true", "byzantine", "accepted"))
def timeline(comparison: Comparison, *, start: float | None = None, end: float | None = None) -> Figure:
    """One line for each worker: a wedge for each job, thin where the model was read and thick at the delivery, a dot
    where the vector was accepted and a cross where it was refused. Ticks above mark the server's updates.

    The first run of each setting, so give it the runs that it is to show; without `start` and `end`, a stretch of about
    six jobs of each worker from the middle of the shortest run, the same one in all panels.
    """
    firsts = comparison.firsts(lambda run: len(run.arrivals))
    # Where something was refused there is more to see.
    firsts.sort(key=lambda first: bool(first[1].arrivals["accepted"].all()))
    left_out = max(0, len(firsts) - MOST_PANELS)
    others = left_out or len(comparison.runs) > len(comparison.groups)
    firsts = firsts[:MOST_PANELS]
    runs = [run for _, run in firsts]
    workers = max(min(MOST_WORKERS, int(run.arrivals["worker"].max()) + 1) for run in runs)  # type: ignore[arg-type]
    with styled():
        layout = frame(
            "Who computed what when",
            [
                f"drawn: seed {runs[0].config.get('seed')}",
                more(left_out),
                "others: --select seed=… aggregator=…" if others else "",
            ],
            comparison.caption(),
            count=len(firsts),
            columns=1,
            legend=job_handles(),
            height=0.75 + 0.105 * workers,
            width=7.16,
        )
        start, end = _stretch(runs, workers, start, end)
        for axes, run in layout.panels(firsts, pad=13):  # above the ticks of the updates
            draw_jobs(axes, run, start, end, workers)
            axes.set_ylabel("worker")
        layout.axes[-1, 0].set_xlabel("deliveries" if all(map(_counts_deliveries, runs)) else "virtual time (s)")
    return layout.figure


def _counts_deliveries(run: Recorded) -> bool:
    """Whether time counts deliveries, as it does where staleness is prescribed: every one takes the same 1."""
    times = run.arrivals["time"]
    return len(times) > 1 and bool((times.diff().drop_nulls() == 1.0).all())


def job_handles() -> list[Line2D]:
    """What the marks of a timeline mean."""
    return [
        Line2D([], [], color=HONEST, linewidth=4, alpha=0.35, label="honest job, from thin to thick"),
        Line2D([], [], color=BYZANTINE, linewidth=4, alpha=0.35, label="Byzantine job"),
        dot("accepted", INK),
        dot("refused", INK, "x"),
        dot("server update", INK, "|"),
    ]


def _wedges(began: np.ndarray, ended: np.ndarray, worker: np.ndarray) -> list[np.ndarray]:
    """Four corners of each job: so it is seen where a job starts, also right behind the one before."""
    thin, thick = worker[:, None] + 0.1 * np.array([-1, 1]), worker[:, None] + 0.42 * np.array([1, -1])
    x = np.stack([began, began, ended, ended], axis=1)
    return list(np.stack([x, np.concatenate([thin, thick], axis=1)], axis=2))


def _stretch(runs: Sequence[Recorded], workers: int, start: float | None, end: float | None) -> tuple[float, float]:
    """What is shown of all runs: they are compared by eye."""
    times = [run.arrivals.filter(pl.col("worker") < workers)["time"].sort().to_numpy() for run in runs]
    shortest = min(times, key=lambda each: float(each[len(each) // 2]))
    start = float(shortest[len(shortest) // 2]) if start is None else start
    if end is None:
        later = shortest[shortest >= start]
        end = float(later[min(len(later) - 1, PER_WORKER * workers)]) if len(later) else start
    return start, end if end > start else start + 1.0


def draw_jobs(axes: Axes, run: Recorded, start: float | None, end: float | None, workers: int) -> None:
    """The jobs of the first workers in a stretch of a run; None: a stretch from its middle."""
    rows = jobs(run).filter(pl.col("worker") < workers)
    start, end = _stretch([run], workers, start, end)
    visible = rows.filter((pl.col("time") >= start) & (pl.col("began") <= end))
    for liars, colour in ((False, HONEST), (True, BYZANTINE)):
        part = visible.filter(pl.col("byzantine") == liars)
        worker, began, time = part["worker"].to_numpy(), part["began"].to_numpy(), part["time"].to_numpy()
        axes.add_collection(PolyCollection(_wedges(began, time, worker), facecolor=to_rgba(colour, 0.4), linewidth=0))
        inside = time <= end
        accepted = part["accepted"].to_numpy()
        axes.plot(time[accepted & inside], worker[accepted & inside], "o", color=colour, markersize=2.6)
        axes.plot(time[~accepted & inside], worker[~accepted & inside], "x", color=colour, markersize=3.6,
                  markeredgewidth=1.1)  # fmt: skip
    updates = visible.filter(pl.col("updated") & (pl.col("time") <= end))["time"].to_numpy()
    axes.plot(updates, np.full(len(updates), -1.1), "|", color=INK, markersize=5, clip_on=False)
    axes.text(end, -1.1, " updates", va="center", fontsize=6.5, color=FAINT, clip_on=False)
    axes.set_xlim(start, end)
    axes.set_ylim(workers - 0.4, -0.7)
    axes.set_yticks(range(0, workers, 1 if workers <= 20 else 5))
    axes.grid(visible=False, axis="y")
