"""What the runs of a sweep say side by side, as tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from byzsgd.analysis.groups import ABSENT, Comparison, Group, Recorded, compare, phrase
from byzsgd.analysis.outcomes import accepted, filter_rates, final, staleness
from byzsgd.analysis.paired import (
    LEVEL,
    Estimate,
    best_of,
    block,
    difference,
    estimate,
    slowdown,
    twin,
)

from .tables import Cell, Table

INTERVAL = "Mean ± half-width of the 95 % t-interval over seeds."


def tables(runs: Sequence[Recorded]) -> list[Table]:
    """Everything that `byzsgd compare` says: accuracy of each server under each attack where both differ, all outcomes,
    and the mistakes of each filter where there are filters. ValueError when there is no run with an evaluation."""
    comparison = compare(runs)
    if all(math.isnan(outcome(run)) for run in runs):
        raise ValueError(f"a comparison needs runs that were evaluated; got {len(runs)} without a row")
    made = [outcomes(comparison)]
    if {"aggregator", "attack"} <= set(comparison.keys):
        made.insert(0, accuracy(comparison))
    mistakes = filters(comparison)
    return [*made, mistakes] if mistakes.rows else made


def outcome(run: Recorded) -> float:
    """What a run is judged by: its final accuracy, or its final loss where the problem knows no accuracy."""
    return final(run, measure_of([run]))


def measure_of(runs: Sequence[Recorded]) -> str:
    """The metric that all these runs can be judged by."""
    judged = any(not math.isnan(final(run)) for run in runs)
    return "test_accuracy" if judged else "test_loss"


def accuracy(comparison: Comparison) -> Table:
    """A row for each server (and whatever else differs), a column for each attack."""
    metric = measure_of(comparison.runs)
    keys = tuple(key for key in comparison.keys if key != "attack")
    attacks = comparison.values("attack")
    rows: dict[tuple[object, ...], dict[object, Group]] = {}
    for group in comparison.groups:
        rows.setdefault(tuple(group.values[key] for key in keys), {})[group.values["attack"]] = group
    means = {id(group): estimate([final(run, metric) for run in group.runs]) for group in comparison.groups}
    winners = [_best(means, [row[attack] for row in rows.values() if attack in row], metric) for attack in attacks]
    return Table(
        name="accuracy",
        title=f"Final {metric.replace('_', ' ')} under each attack",
        headings=(*(_heading(key) for key in keys), *(phrase("attack", attack) for attack in attacks)),
        rows=tuple(
            (
                *(Cell(_value(value)) for value in values),
                *(
                    Cell(
                        estimate=means[id(row[attack])],
                        best=id(row[attack]) == winner,
                        note=_fate(row[attack]),
                    )
                    if attack in row
                    else Cell("–")
                    for attack, winner in zip(attacks, winners, strict=True)
                ),
            )
            for values, row in rows.items()
        ),
        labels=len(keys),
        notes=(INTERVAL, f"Best of each column in bold. {_shared(comparison)}"),
    )


def outcomes(comparison: Comparison) -> Table:
    """A row for each setting: accuracy, how far from the best, slowdown, acceptance, staleness."""
    metric = measure_of(comparison.runs)
    means = {id(group): estimate([final(run, metric) for run in group.runs]) for group in comparison.groups}
    twins = {id(group): twin(comparison, group) for group in comparison.groups}
    slowed = any(found is not None for found in twins.values()) and metric == "test_accuracy"
    contested = metric == "test_accuracy" and len(comparison.groups) > 1
    rows = []
    for group in comparison.groups:
        rivals = block(comparison, group)
        cells = [Cell(_value(group.values[key])) for key in comparison.keys]
        cells.append(Cell(str(len(group.runs))))
        best = id(group) == _best(means, rivals, metric) and len(rivals) > 1
        cells.append(Cell(estimate=means[id(group)], best=best, note=_fate(group)))
        if contested:
            cells.append(_distance(group, rivals))
        if slowed:
            other = twins[id(group)]
            cells.append(Cell("–") if other is None else Cell(estimate=slowdown(group, other), digits=2))
        cells += [
            _percent(group, lambda run: accepted(run, byzantine=False)),
            _percent(group, lambda run: accepted(run, byzantine=True)),
            Cell(estimate=estimate([staleness(run)[0] for run in group.runs]), digits=1),
            Cell(f"{max((staleness(run)[1] for run in group.runs), default=math.nan):.0f}"),
        ]
        rows.append(tuple(cells))
    judged = f"final {metric.removeprefix('test_')}"
    headings = [*(_heading(key) for key in comparison.keys), "seeds", judged]
    headings += ["Δ to the best"] * contested + ["slowdown"] * slowed
    headings += ["honest accepted %", "Byzantine accepted %", "staleness", "max staleness"]
    notes = [INTERVAL]
    if contested:
        notes.append("Δ: paired by seed, since runs of one seed have the same clock; against the best (bold) under the "
                     "same other settings.")  # fmt: skip
    if slowed:
        notes.append(_about_twins(comparison, [found for found in twins.values() if found is not None]))
    notes.append(_shared(comparison))
    return Table("outcomes", "Outcomes", tuple(headings), tuple(rows), len(comparison.keys), tuple(notes))


def filters(comparison: Comparison) -> Table:
    """Mistakes of each filter, of the vectors that it was asked about."""
    rows = []
    for group in comparison.groups:
        lying = group.values.get("attack", comparison.shared.get("attack")) != "none"
        rates = [filter_rates(run) for run in group.runs]
        for name in dict.fromkeys(name for found in rates for name in found):
            of_name = [found[name] for found in rates if name in found]
            rows.append(
                (
                    *(Cell(_value(group.values[key])) for key in comparison.keys),
                    Cell(name),
                    Cell(estimate=_hundred([rate.false_positive for rate in of_name]), digits=1),
                    Cell(estimate=_hundred([rate.false_negative for rate in of_name]), digits=1)
                    if lying
                    else Cell("–"),
                )
            )
    return Table(
        name="filters",
        title="Mistakes of the filters",
        headings=(*(_heading(key) for key in comparison.keys), "filter", "false positives %", "false negatives %"),
        rows=tuple(rows),
        labels=len(comparison.keys) + 1,
        notes=(
            "False positives: honest vectors refused; false negatives: Byzantine vectors let pass; each of the vectors "
            "that reached the filter.",
            f"{INTERVAL} {_shared(comparison)}",
        ),
    )


def _distance(group: Group, rivals: Sequence[Group]) -> Cell:
    best = best_of(rivals)
    return Cell("–") if best is group else Cell(estimate=difference(group, best), sign=True)


def _best(means: dict[int, Estimate], groups: Sequence[Group], metric: str) -> int | None:
    known = [group for group in groups if math.isfinite(means[id(group)].mean)]
    if not known:
        return None
    pick = max if metric == "test_accuracy" else min
    return id(pick(known, key=lambda group: means[id(group)].mean))


def _percent(group: Group, measure: Callable[[Recorded], float]) -> Cell:
    return Cell(estimate=_hundred([measure(run) for run in group.runs]), digits=1)


def _hundred(shares: Sequence[float]) -> Estimate:
    return estimate([100 * share for share in shares])


def _fate(group: Group) -> str:
    fates = []
    for status in ("diverged", "stalled", "failed", "unfinished"):
        count = sum(run.info.get("status") == status for run in group.runs)
        if count:
            fates.append(status if len(group.runs) == 1 else f"{count}/{len(group.runs)} {status}")
    return f"({', '.join(fates)})" if fates else ""


def _about_twins(comparison: Comparison, found: Sequence[Group]) -> str:
    keys = [key for key in ("aggregator", "attack") if key in comparison.keys]
    names = list(dict.fromkeys(other.label(keys) for other in found))
    return (
        f"Slowdown: arrivals until {LEVEL:.0%} of the final accuracy of the twin without attack "
        f"({'; '.join(names)}) over those of the twin, paired by seed.".replace("%", " %")
    )


def _shared(comparison: Comparison) -> str:
    notes = "".join(f" {note}." for note in comparison.notes)
    return f"All runs: {comparison.caption()}.{notes}".replace("\u00a0", " ")


def _heading(key: str) -> str:
    return {"num_byzantine": "Byzantine", "f": "declared f"}.get(key, key.replace("/", "."))


def _value(value: object) -> str:
    if value is None:
        return "none"
    return ABSENT if value == ABSENT else f"{value:g}" if isinstance(value, float) else str(value)
