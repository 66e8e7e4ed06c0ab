"""Which runs form one curve, and how the curves are labelled. Runs that differ only in the seed form a group. A label
names only what differs between the groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import polars as pl

from byzsgd.checks import leaves, printable, spelled
from byzsgd.records.identity import NOT_SETTINGS, is_among
from byzsgd.records.run import ENDED

from .recorded import Recorded as Recorded
from .seeds import data_of, once_each

# Keys that never make two curves: where a run is written, how fast it is computed, and its seed.
INCIDENTAL = NOT_SETTINGS | {"seed", "engine", "device", "threads"}
SEVERAL = ("filters", "preaggregator")  # parts of which a server may have any number
DATA = "data"  # the key of the digest of a run's data files
ABSENT = "–"  # the setting does not exist here: it belongs to another member
NESTED = ("aggregator", "attack", "delay", "partition", "worker")
FIRST = ("aggregator", "attack", "dataset", "partition", "delay", "worker", "num_workers", "num_byzantine", "f")


class NothingToDraw(ValueError):
    """The runs hold no rows for this figure."""


def diverged(run: Recorded) -> bool:
    """Whether a run diverged, which is the worst outcome in every comparison."""
    return run.info.get("status") == "diverged"


@dataclass(frozen=True)
class Group:
    """Runs of one setting, one for each seed."""

    values: Mapping[str, object]  # key that differs between the groups -> its value here
    runs: tuple[Recorded, ...]

    @property
    def diverged(self) -> int:
        return sum(map(diverged, self.runs))

    def label(self, keys: Sequence[str]) -> str:
        """The values of these keys in words; empty without keys. Settings that the group does not have are left out."""
        if not keys:
            return ""
        phrases = [phrase(key, self.values[key]) for key in keys if self.values[key] != ABSENT]
        return ", ".join(phrases) or ABSENT


def by_label(groups: Iterable[Group], keys: Sequence[str]) -> dict[str, list[Group]]:
    """The groups of which these keys say the same, by what they say."""
    labelled: dict[str, list[Group]] = {}
    for group in groups:
        labelled.setdefault(group.label(keys), []).append(group)
    return labelled


@dataclass(frozen=True)
class Comparison:
    """All runs of a figure."""

    groups: tuple[Group, ...]
    keys: tuple[str, ...]  # the choices and settings that differ, the most important first
    shared: Mapping[str, object]  # the choices and settings that do not differ
    notes: tuple[str, ...] = ()  # about runs that are left out, or that may have other data
    # key -> values that have a look, in their order
    dealt: Mapping[str, tuple[object, ...]] = field(default_factory=dict)

    @property
    def runs(self) -> tuple[Recorded, ...]:
        return tuple(run for group in self.groups for run in group.runs)

    def values(self, key: str) -> list[object]:
        """The values of a key: numbers ascending, others in the order of the runs."""
        return _ordered(_frozen(group.values[key]) for group in self.groups)

    def look_values(self, key: str) -> list[object]:
        """The values of a key that get looks, also those of runs that were not selected."""
        own = [_frozen(group.values[key]) for group in self.groups if key in group.values]
        return _ordered((*self.dealt.get(key, ()), *own))

    def besides(self, *taken: str | None) -> tuple[str, ...]:
        """The other keys that differ, without settings that follow from `taken`, such as each server's learning
        rate."""
        columns = [self._column(key) for key in taken if key is not None]
        return tuple(
            key for key in self.keys
            if key not in taken and (key in FIRST or not columns or not _function(columns, self._column(key)))
        )  # fmt: skip

    def with_own(self, key: str) -> tuple[str, ...]:
        """A key and the settings that follow from it."""
        return tuple(each for each in self.keys if each == key or each not in self.besides(key))

    def firsts(self, meets: Callable[[Recorded], object]) -> list[tuple[str, Recorded]]:
        """Of each group the first run that meets a condition, with the group's label; of none nothing."""
        first_runs = ((group.label(self.keys), next(filter(meets, group.runs), None)) for group in self.groups)
        return [(label, run) for label, run in first_runs if run is not None]

    def _column(self, key: str) -> tuple[object, ...]:
        return tuple(_frozen(group.values[key]) for group in self.groups)

    def caption(self, runs: str = "") -> str:
        """The line under the title: what all runs share, and the number of seeds, or what a figure that pools groups
        says of its `runs`."""
        named = ("aggregator", "attack", "dataset", "partition", "delay", "num_workers", "num_byzantine")
        parts = [phrase(key, self.shared[key]) for key in named if self.shared.get(key) not in (None, "default")]
        parts.append(runs or self._seeds())
        parts += self._liars() + self._lifted()
        unfinished = sum(run.info.get("status") not in ENDED for run in self.runs)
        if unfinished:
            parts.append(f"{unfinished} of {len(self.runs)} runs unfinished")
        return " · ".join(part.replace(" ", "\u00a0") for part in parts)  # a line breaks between parts only

    def _seeds(self) -> str:
        counts = sorted({len(group.runs) for group in self.groups})
        seeds = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
        return f"{seeds} seed{'' if counts[-1] == 1 else 's'}" + (" each" if len(self.groups) > 1 else "")

    def _lifted(self) -> list[str]:
        """The parts with `strict=false` of any run: the conditions of their theory were not required."""
        settings = {name for run in self.runs for name, value in leaves(run.config) if value is False}
        parts = sorted({name.split(".")[-2] for name in settings if name.endswith(".strict")})
        return [f"conditions of theory lifted: {', '.join(parts)}"] if parts else []

    def _liars(self) -> list[str]:
        """The knowledge of the liars, and their share λ of the deliveries. λ is measured on the runs that did not
        diverge; it is not num_byzantine/n."""
        if self.shared.get("attack", "?") == "none":
            return []
        parts = [f"knowledge {self.shared['knowledge']}"] if self.shared.get("knowledge") else []
        kept = [run for run in self.runs if len(run.arrivals) and not diverged(run)]
        shares = [float(run.arrivals["byzantine"].mean()) for run in kept]  # type: ignore[arg-type]
        shares = [share for share in shares if share > 0]  # runs without liars have no share
        if shares:
            low, high = f"{min(shares):.2f}", f"{max(shares):.2f}"
            parts.append(f"λ = {low}" if low == high else f"λ = {low} to {high}")
        return parts


def phrase(key: str, value: object) -> str:
    """`key = value` as a legend shows it."""
    short = key.replace("/", ".").rpartition(".")[2]
    if value is None or value is False or value == "none":
        return f"no {short}".replace("_", " ")
    if key in ("aggregator", "attack", "dataset", "model"):
        return str(value).replace("_", " ")
    if key == "num_workers":
        return f"n = {value}"
    if key == "num_byzantine":
        return f"{value} Byzantine"
    if key == "f":
        return f"declared f = {value}"
    if isinstance(value, str):
        return f"{value} {short}".replace("_", " ")
    if isinstance(value, float):
        value = f"{value:g}"
    return f"{short} = {value}".replace("_", " ")


def called(key: str) -> str:
    """A key as a heading or a sentence calls it."""
    words = {"aggregator": "server", "num_byzantine": "number of Byzantine workers", "f": "declared f"}
    return words.get(key, key.replace("/", ".").replace("_", " "))


R = TypeVar("R", bound=Recorded)


def as_seen(run: R) -> R:
    """The run as figures and tables show it: without attack, its Byzantine workers count as honest."""
    if run.choices.get("attack") != "none" or not run.arrivals["byzantine"].any():
        return run
    honest = run.arrivals.with_columns(byzantine=pl.lit(False))
    return replace(run, arrivals=honest)  # type: ignore[type-var]


def _ordered(values: Iterable[object]) -> list[object]:
    seen = list(dict.fromkeys(values))
    numbers = [value for value in seen if isinstance(value, int | float) and not isinstance(value, bool)]
    return [*sorted(numbers)] if len(numbers) == len(seen) else seen


def compare(runs: Sequence[Recorded], among: Sequence[Recorded] = ()) -> Comparison:
    """Groups the runs by everything but the seed. ValueError when there is none.

    `among`: all runs of the folder from which these were selected. They get the colours, so a selection keeps them.
    """
    if not runs:
        raise ValueError("a figure needs at least one run; got none")
    runs = [as_seen(run) for run in runs]
    described = [facts(run) for run in runs]
    settings = [tuple((name, _frozen(each[name])) for name in sorted(each)) for each in described]
    digests, doubts = data_of(runs, settings)
    for each, digest in zip(described, digests, strict=True):
        each |= {DATA: digest} if digest else {}
    names = sorted({name for each in described for name in each}, key=_rank)
    columns = {name: tuple(_frozen(each.get(name, ABSENT)) for each in described) for name in names}
    varying = {name: column for name, column in columns.items() if len(set(column)) > 1}
    keys = _telling(varying)
    # The groups follow from everything that differs, the labels from the few keys that imply the rest.
    classes = dict.fromkeys(zip(*varying.values(), strict=True)) if varying else {(): None}
    members: dict[tuple[object, ...], list[int]] = {identity: [] for identity in classes}
    for number in range(len(runs)):
        members[tuple(column[number] for column in varying.values())].append(number)
    groups = []
    for numbers in members.values():
        counted, left_out = once_each([runs[number] for number in numbers])
        groups.append(Group({key: varying[key][numbers[0]] for key in keys}, tuple(counted)))
        doubts += left_out
    shared = {name: column[0] for name, column in columns.items() if name not in varying}
    candidates = described if not among else [facts(run) for run in among]
    dealt = {name: tuple(_frozen(each.get(name, ABSENT)) for each in candidates) for name in {*keys, "aggregator"}}
    comparison = Comparison(tuple(groups), keys, shared)
    order = {key: {value: rank for rank, value in enumerate(comparison.values(key))} for key in keys}
    groups.sort(key=lambda group: [order[key][_frozen(group.values[key])] for key in keys])
    return Comparison(tuple(groups), keys, shared, tuple(doubts), dealt)


def _telling(varying: Mapping[str, tuple[object, ...]]) -> tuple[str, ...]:
    """The keys that a label needs: without settings that follow from a chosen member, or that interpolate another
    key."""
    keys: list[str] = []
    for name, column in varying.items():
        parents = [key for key in keys if name.replace("/", ".").startswith(key.replace("/", ".") + ".")]
        follows = parents and _function([varying[key] for key in parents], column)
        if not follows and column not in [varying[key] for key in keys]:
            keys.append(name)
    # A setting that a part derives from a number, such as f, adds nothing beside that number.
    others = [varying[key] for key in keys if key != DATA]
    if DATA in keys and others and _function(others, varying[DATA]):
        keys.remove(DATA)  # other datasets have other data
    numbers = [varying[key] for key in keys if "." not in key]
    derived = [key for key in keys if "." in key and key.partition(".")[0] in NESTED]
    return tuple(key for key in keys if key not in derived or not numbers or not _function(numbers, varying[key]))


def _function(columns: Sequence[tuple[object, ...]], column: tuple[object, ...]) -> bool:
    """Whether the values of a column are a function of those of the others."""
    images: dict[tuple[object, ...], object] = {}
    pairs = zip(zip(*columns, strict=True), column, strict=True)
    return all(images.setdefault(argument, value) == value for argument, value in pairs)


def facts(run: Recorded) -> dict[str, object]:
    """The choices (`aggregator/rule`: krum) and settings (`aggregator.rule.f`: 3) of a run in one flat dict, without
    those that cannot change a result."""
    values: dict[str, object] = {_placed(name): member for name, member in run.choices.items()}
    for part in SEVERAL:
        values.setdefault(f"aggregator/{part}", "+".join(named_parts(run, part)) or "none")
    for name, value in leaves(run.config):
        values.setdefault(name, value)
    # The names may come from a stranger: without control characters they are safe in every output.
    return {printable(name): printable(value) if isinstance(value, str) else value
            for name, value in values.items() if not _incidental(name)}  # fmt: skip


def _placed(name: str) -> str:
    """The name of a group by its package: `aggregator/rule@scheme.rule.rule` is `scheme/rule/rule`."""
    _, at, package = name.partition("@")
    return package.replace(".", "/") if at else name


def named_parts(run: Recorded, kind: str) -> list[str]:
    """The names of the filters, or pre-aggregators, of a run's server, in their order."""
    node = (run.config.get("aggregator") or {}).get(kind) or {}
    return [str(name) for name, part in node.items() if part is not None]


def typed_value(run: Recorded, key: str) -> str | None:
    """A choice or a setting of a run, as one types it; None: the run does not have it."""
    if key in run.choices:
        return run.choices[key]
    node: object = run.config
    for part in key.split("."):
        if not isinstance(node, Mapping) or part not in node:
            return None
        node = node[part]
    return spelled(node)


def _incidental(name: str) -> bool:
    return is_among(name.replace("/", "."), INCIDENTAL) or name.endswith("_target_")


def _frozen(value: object) -> object:
    return printable(str(value)) if isinstance(value, list | dict) else value


def _rank(name: str) -> tuple[int, int, int, str]:
    """The sort key of a name: servers and attacks first, then other choices from the outside in, then settings."""
    dotted = name.replace("/", ".")
    top = dotted.partition(".")[0]
    rank = FIRST.index(name) if name in FIRST else len(FIRST)
    within = FIRST.index(top) if top in FIRST else len(FIRST)
    return rank, within, dotted.count(".") * 2 + ("/" not in name and "." in name), name
