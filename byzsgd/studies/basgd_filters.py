"""How much Kardam refuses with three liars of thirty, by its declared f: the table of BASGD's paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl
from matplotlib.figure import Figure

from byzsgd.analysis.estimates import Estimate
from byzsgd.analysis.outcomes import accepted
from byzsgd.analysis.recorded import Recorded
from byzsgd.plotting import Panel, points

from .finding import Finding, Results, near, of_runs

# f -> the refused share of honest vectors, of Byzantine ones, and of honest ones by the frequency filter.
PUBLISHED: Mapping[int, tuple[float, float, float]] = {
    3: (0.5112, 0.5108, 0.1015),
    8: (0.5653, 0.5644, 0.2828),
    14: (0.8907, 0.8908, 0.8513),
}
WITHIN = 0.05  # the largest difference from a published share at which the claim holds
READING = {"worker": "candidate of the worker", "server": "candidate of the server"}


def findings(results: Results) -> Iterator[Finding]:
    for reading, f, shares in _shares(results):
        honest, liars, frequency = PUBLISHED[f]
        name = f"f = {f}, {reading}"
        yield near(f"{name}: honest refused", honest, WITHIN, shares["honest"])
        yield near(f"{name}: Byzantine refused", liars, WITHIN, shares["Byzantine"])
        yield near(f"{name}: honest refused by the frequency filter", frequency, WITHIN, shares["frequency"])


def _shares(results: Results) -> Iterator[tuple[str, int, dict[str, Estimate]]]:
    for group in results.comparison.groups:
        config = group.runs[0].config
        yield READING[config["aggregator"]["filters"]["lipschitz"]["candidate"]], int(config["f"]), {
            "honest": of_runs([group], lambda run: 1 - accepted(run, byzantine=False)),
            "Byzantine": of_runs([group], lambda run: 1 - accepted(run, byzantine=True)),
            "frequency": of_runs([group], _by_frequency),
        }  # fmt: skip


def _by_frequency(run: Recorded) -> float:
    honest = run.arrivals.filter(~pl.col("byzantine"))
    return float((honest["reason"] == "frequency").mean() or 0.0)  # type: ignore[arg-type]


def figures(results: Results) -> dict[str, Figure]:
    panels: dict[str, Panel] = {}
    for reading, f, shares in _shares(results):
        panel = panels.setdefault(reading, Panel(reading))
        for index, kind in enumerate(("honest", "Byzantine")):
            panel.add(kind, f, shares[kind])
            panel.claim(kind, f, PUBLISHED[f][index])
    caption = results.comparison.caption()
    return {"refused": points("Share of vectors refused", caption, list(panels.values()), x="declared f", y="refused")}
