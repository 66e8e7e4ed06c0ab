"""The tables of `byzsgd compare`: accuracy, outcomes, mistakes of filters."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from byzsgd.analysis.bits import SHARE, megabits
from byzsgd.analysis.estimates import NOTHING, Estimate, estimate, named
from byzsgd.analysis.groups import ABSENT, Comparison, Group, Recorded, compare, phrase
from byzsgd.analysis.outcomes import accepted, filter_rates, measure_of, outcome, staleness
from byzsgd.analysis.paired import FEWEST, block, difference, hue_of, leaders, reference_of
from byzsgd.analysis.slowdown import DESCENT, slowdown, twins

from .table import Cell, Table

BOLD = "Bold: the best median and all that cannot be told apart from it."
TOLD_APART = f"Told apart: paired t-tests, Holm over all pairs, 5 %; {FEWEST} seeds or more."


def tables(runs: Sequence[Recorded]) -> list[Table]:
    """All tables of `byzsgd compare`: the accuracy of each server under each attack (if both differ), the outcomes, and
    the mistakes of each filter (if there are filters). ValueError where no run was evaluated."""
    comparison = compare(runs)
    metric = measure_of(runs)
    if all(math.isnan(outcome(run, metric)) for run in runs):
        raise ValueError(f"a comparison needs runs that were evaluated; got {len(runs)} without a row")
    made = [outcomes(comparison)]
    if {"aggregator", "attack"} <= set(comparison.keys):
        made.insert(0, accuracy(comparison))
    mistakes = filters(comparison)
    return [*made, mistakes] if mistakes.rows else made


def accuracy(comparison: Comparison, metric: str | None = None, last: int = 1) -> Table:
    """The accuracy in a row for each server (and other settings that differ) and a column for each attack. A run counts
    with the mean of its last `last` evaluations."""
    metric = metric or measure_of(comparison.runs)
    keys = tuple(key for key in comparison.keys if key != "attack")
    attacks = comparison.values("attack")
    rows: dict[tuple[object, ...], dict[object, Group]] = {}
    for group in comparison.groups:
        rows.setdefault(tuple(group.values[key] for key in keys), {})[group.values["attack"]] = group
    columns = {attack: [row[attack] for row in rows.values() if attack in row] for attack in attacks}
    bold = {id(group) for groups in columns.values() for group in _bold(groups, metric, last)}
    evaluations = f", mean of the last {last} evaluations" if last > 1 else ""
    return Table(
        name="accuracy",
        title=f"Final {metric.replace('_', ' ')} under each attack{evaluations}",
        headings=(*(_heading(key) for key in keys), *(phrase("attack", attack) for attack in attacks)),
        rows=tuple(
            (
                *(Cell(_value(value)) for value in values),
                *(
                    Cell(
                        estimate=_final(row[attack], metric, last),
                        best=id(row[attack]) in bold,
                        note=_fate(row[attack]),
                    )
                    if attack in row
                    else Cell(NOTHING)
                    for attack in attacks
                ),
            )
            for values, row in rows.items()
        ),
        labels=len(keys),
        caption=" ".join((*_statistic(comparison), BOLD)),
        notes=(TOLD_APART, _shared(comparison)),
    )


def outcomes(comparison: Comparison) -> Table:
    """A row for each setting: accuracy, difference from the reference, slowdown, acceptance, staleness."""
    metric = measure_of(comparison.runs)
    of_groups = twins(comparison)
    pace = {"slowdown_unfiltered": of_groups.unfiltered, "slowdown_asgd": of_groups.asgd}
    pace = {name: others for name, others in pace.items() if any(others)}
    references = [reference_of(comparison, group) for group in comparison.groups]
    contested = len(comparison.groups) > 1
    compressed = any(key.partition(".")[0] == "compressor" for key in comparison.keys)
    counted = contested and metric == "test_accuracy" and compressed
    bold: set[int] = set()
    seen: set[int] = set()
    for group in comparison.groups:
        if id(group) not in seen:
            rivals = block(comparison, group)
            seen |= set(map(id, rivals))
            bold |= set(map(id, _bold(rivals, metric, 1)))
    rows = []
    for number, group in enumerate(comparison.groups):
        reference = references[number]
        cells = [Cell(_value(group.values[key])) for key in comparison.keys]
        cells.append(Cell(estimate=_final(group, metric), best=id(group) in bold, note=_fate(group)))
        if contested:
            if reference is None or reference is group:
                cells.append(Cell(NOTHING))
            else:
                cells.append(Cell(estimate=difference(group, reference, metric), sign=True))
        cells += [
            Cell(NOTHING) if (other := others[number]) is None else Cell(estimate=slowdown(group, other), digits=2)
            for others in pace.values()
        ]
        if counted:
            needed = replace(megabits(group, block(comparison, group)), lost_as="not reached")
            cells.append(Cell(estimate=needed, digits=2))
        cells += [
            _percent(group, lambda run: accepted(run, byzantine=False)),
            _percent(group, lambda run: accepted(run, byzantine=True)),
            Cell(estimate=estimate(staleness(run)[0] for run in group.runs), digits=1),
            Cell(f"{max((staleness(run)[1] for run in group.runs), default=math.nan):.0f}"),
            Cell(str(len(group.runs))),
        ]
        rows.append(tuple(cells))
    hue = hue_of(comparison)
    names = dict.fromkeys(each.label([hue]) for each in references if each is not None and hue is not None)
    distance = f"Δ to {next(iter(names))}" if len(names) == 1 else "Δ to the reference"
    headings = [*(_heading(key) for key in comparison.keys), f"final {metric.removeprefix('test_')}"]
    headings += [distance] * contested + list(pace) + ["Mbit to reach"] * counted
    headings += ["honest accepted %", "Byzantine accepted %", "staleness", "max staleness", "seeds"]
    caption, notes = list(_statistic(comparison)), []
    if contested:
        caption.append(BOLD)
        notes.append(
            f"Δ: paired by seed, since runs of one seed have the same clock; against {' or '.join(names)} under the "
            f"same other settings, whatever the results. {TOLD_APART}"
        )
    if pace:
        notes.append(_about_pace(pace))
    if counted:
        notes.append(f"Mbit to reach: sent by all workers until {100 * SHARE:.0f} % of the best's final accuracy.")
    notes.append(_shared(comparison))
    return Table(
        "outcomes", "Outcomes", tuple(headings), tuple(rows), len(comparison.keys), " ".join(caption), tuple(notes)
    )


def filters(comparison: Comparison) -> Table:
    """The mistakes of each filter on the vectors that reached it."""
    rows = []
    for group in comparison.groups:
        lying = group.values.get("attack", comparison.shared.get("attack")) != "none"
        rates = [filter_rates(run) for run in group.runs]
        for name in dict.fromkeys(name for of_run in rates for name in of_run):
            of_name = [of_run[name] for of_run in rates if name in of_run]
            rows.append(
                (
                    *(Cell(_value(group.values[key])) for key in comparison.keys),
                    Cell(name),
                    Cell(estimate=_hundred([rate.false_positive for rate in of_name]), digits=1),
                    Cell(estimate=_hundred([rate.false_negative for rate in of_name]), digits=1)
                    if lying
                    else Cell(NOTHING),
                )
            )
    return Table(
        name="filters",
        title="Mistakes of the filters",
        headings=(*(_heading(key) for key in comparison.keys), "filter", "false positives %", "false negatives %"),
        rows=tuple(rows),
        labels=len(comparison.keys) + 1,
        caption=" ".join(
            (
                "False positives: honest vectors refused; false negatives: Byzantine vectors let pass; of those that "
                "reached the filter.",
                *_statistic(comparison),
            )
        ),
        notes=(_shared(comparison),),
    )


def _bold(groups: Sequence[Group], metric: str, last: int) -> Sequence[Group]:
    """The groups in bold: the leaders, unless those are all groups."""
    best = leaders(groups, metric, last)
    return best if len(best) < len(groups) else ()


def _final(group: Group, metric: str, last: int = 1) -> Estimate:
    """The estimate of the final metric. If no run diverged, an infinite loss is shown as inf."""
    result = estimate(outcome(run, metric, last) for run in group.runs)
    return result if group.diverged else replace(result, lost_as="inf")


def _percent(group: Group, measure: Callable[[Recorded], float]) -> Cell:
    return Cell(estimate=_hundred([measure(run) for run in group.runs]), digits=1)


def _hundred(shares: Sequence[float]) -> Estimate:
    return estimate(100 * share for share in shares)


def _fate(group: Group) -> str:
    """How many runs stalled, failed or are unfinished. The estimate itself shows how many diverged."""
    fates = []
    for status in ("stalled", "failed", "unfinished"):
        count = sum(run.info.get("status") == status for run in group.runs)
        if count:
            fates.append(status if len(group.runs) == 1 else f"{count}/{len(group.runs)} {status}")
    return f"({', '.join(fates)})" if fates else ""


def _statistic(comparison: Comparison) -> tuple[str, ...]:
    """The name of the statistic, as the first sentence of a caption."""
    name = named([len(group.runs) for group in comparison.groups])
    return (f"{name[0].upper()}{name[1:]}; a run that diverged counts as the worst.",) if name else ()


def _about_pace(pace: Collection[str]) -> str:
    against = {"slowdown_unfiltered": "the same server without filters", "slowdown_asgd": "asgd"}
    return (
        f"Slowdown: arrivals until the train loss has come {DESCENT:.0%} of the way of the twin without attack "
        f"({'; '.join(f'{name}: {against[name]}' for name in pace)}) over those of the twin, paired by seed; mean of "
        "the logarithms. > and <: a bound, since some run did not get there or its first evaluations are too far apart."
    ).replace("%", " %")


def _shared(comparison: Comparison) -> str:
    notes = "".join(f" {note}." for note in comparison.notes)
    return f"All runs: {comparison.caption()}.{notes}".replace("\u00a0", " ")


def _heading(key: str) -> str:
    return {"num_byzantine": "Byzantine", "f": "declared f"}.get(key, key.replace("/", "."))


def _value(value: object) -> str:
    if value is None:
        return "none"
    return ABSENT if value == ABSENT else f"{value:g}" if isinstance(value, float) else str(value)
