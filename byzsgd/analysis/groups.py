"""Which runs are one curve, and what tells the curves apart: runs that differ in nothing but the seed belong together,
and a label says what differs between the groups and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import polars as pl

from byzsgd.checks import leaves, printable, spelled
from byzsgd.records.identity import NOT_SETTINGS, is_among
from byzsgd.records.run import ENDED

from .recorded import Recorded as Recorded
from .seeds import data_of, once_each

# What tells no two curves apart: where a run is written, how fast it is computed, and which of its seeds it has.
INCIDENTAL = NOT_SETTINGS | {"seed", "engine", "device", "threads"}
SEVERAL = ("filters", "preaggregator")  # parts of a server of which it may have any number
DATA = "data"  # digest of the files that a run rests on
ABSENT = "–"  # the setting does not exist here: it belongs to another member
NESTED = ("aggregator", "attack", "delay", "partition", "worker")
FIRST = ("aggregator", "attack", "dataset", "partition", "delay", "worker", "num_workers", "num_byzantine", "f")


class NothingToDraw(ValueError):
    """The runs hold no rows for this figure."""


def diverged(run: Recorded) -> bool:
    """Whether a run was lost: the worst outcome in every comparison."""
    return run.info.get("status") == "diverged"


@dataclass(frozen=True)
class Group:
    """Runs of one setting, one for each seed."""

    values: Mapping[str, Any]  # key that differs between the groups -> its value here
    runs: tuple[Recorded, ...]

    @property
    def diverged(self) -> int:
        return sum(map(diverged, self.runs))

    def label(self, keys: Sequence[str]) -> str:
        """What the keys say of this group; settings that it does not have are passed over."""
        said = [phrase(key, self.values[key]) for key in keys if self.values[key] != ABSENT]
        return ", ".join(said) or ABSENT


@dataclass(frozen=True)
class Comparison:
    """All runs of a figure."""

    groups: tuple[Group, ...]
    keys: tuple[str, ...]  # what differs, the most telling first
    shared: Mapping[str, Any]  # what does not: every choice and every setting
    notes: tuple[str, ...] = ()  # runs that are not counted, or counted in spite of a doubt
    dealt: Mapping[str, tuple[object, ...]] = field(default_factory=dict)  # key -> values that have looks, as they came

    @property
    def runs(self) -> tuple[Recorded, ...]:
        return tuple(run for group in self.groups for run in group.runs)

    def values(self, key: str) -> list[Any]:
        """The values of a key, numbers in their order, else as the runs came."""
        return _ordered(_frozen(group.values[key]) for group in self.groups)

    def look_values(self, key: str) -> list[Any]:
        """The values of a key that looks are dealt to: also those of runs that were not selected."""
        own = [_frozen(group.values[key]) for group in self.groups if key in group.values]
        return _ordered((*self.dealt.get(key, ()), *own))

    def besides(self, *taken: str | None) -> tuple[str, ...]:
        """The keys that differ beside these, but for settings that follow from them: a learning rate of each server."""
        known = [self._column(key) for key in taken if key is not None]
        return tuple(
            key for key in self.keys
            if key not in taken and (key in FIRST or not known or not _function(known, self._column(key)))
        )  # fmt: skip

    def with_own(self, key: str) -> tuple[str, ...]:
        """A key and the settings that follow from it."""
        return tuple(each for each in self.keys if each == key or each not in self.besides(key))

    def _column(self, key: str) -> tuple[object, ...]:
        return tuple(_frozen(group.values[key]) for group in self.groups)

    def caption(self) -> str:
        """What all runs have in common and how many seeds there are: the line under the title."""
        said = ("aggregator", "attack", "dataset", "partition", "delay", "num_workers", "num_byzantine")
        parts = [phrase(key, self.shared[key]) for key in said if self.shared.get(key) not in (None, "default")]
        counts = sorted({len(group.runs) for group in self.groups})
        seeds = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
        parts.append(f"{seeds} seed{'' if counts[-1] == 1 else 's'}" + (" each" if len(self.groups) > 1 else ""))
        parts += self._liars() + self._lifted()
        unfinished = sum(run.info.get("status") not in ENDED for run in self.runs)
        if unfinished:
            parts.append(f"{unfinished} of {len(self.runs)} runs unfinished")
        return " · ".join(part.replace(" ", "\u00a0") for part in parts)  # a line breaks between parts only

    def _lifted(self) -> list[str]:
        """The parts of any run that were computed where their theory says nothing (`strict=false`)."""
        settings = {name for run in self.runs for name, value in leaves(run.config) if value is False}
        parts = sorted({name.split(".")[-2] for name in settings if name.endswith(".strict")})
        return [f"conditions of theory lifted: {', '.join(parts)}"] if parts else []

    def _liars(self) -> list[str]:
        """What the liars know, and which share of the deliveries of runs that did not diverge is theirs: λ is measured,
        not num_byzantine/n."""
        if self.shared.get("attack", "?") == "none":
            return []
        said = [f"knowledge {self.shared['knowledge']}"] if self.shared.get("knowledge") else []
        kept = [run for run in self.runs if len(run.arrivals) and not diverged(run)]
        shares = [float(run.arrivals["byzantine"].mean()) for run in kept]  # type: ignore[arg-type]
        shares = [share for share in shares if share > 0]  # where nobody lies there is no share to tell
        if shares:
            low, high = f"{min(shares):.2f}", f"{max(shares):.2f}"
            said.append(f"λ = {low}" if low == high else f"λ = {low} to {high}")
        return said


def phrase(key: str, value: Any) -> str:
    """`key = value` in the words of a legend."""
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
    """The run as figures and tables show it: without attack nobody lies, also not those that were chosen to."""
    if run.choices.get("attack") != "none" or not run.arrivals["byzantine"].any():
        return run
    honest = run.arrivals.with_columns(byzantine=pl.lit(False))
    return replace(run, arrivals=honest)  # type: ignore[type-var]


def _ordered(values: Iterable[Any]) -> list[Any]:
    seen = list(dict.fromkeys(values))
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in seen)
    return sorted(seen) if numbers else seen


def compare(runs: Sequence[Recorded], among: Sequence[Recorded] = ()) -> Comparison:
    """Groups the runs by everything but the seed. ValueError when there is none.

    `among`: all runs of the folder that these were selected from; colours are dealt to theirs, so that a selection has
    the same.
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
    # Groups are made by all that differs, the label by the few keys that tell it.
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
    known = described if not among else [facts(run) for run in among]
    dealt = {name: tuple(_frozen(each.get(name, ABSENT)) for each in known) for name in {*keys, "aggregator"}}
    comparison = Comparison(tuple(groups), keys, shared)
    order = {key: {value: place for place, value in enumerate(comparison.values(key))} for key in keys}
    groups.sort(key=lambda group: [order[key][_frozen(group.values[key])] for key in keys])
    return Comparison(tuple(groups), keys, shared, tuple(doubts), dealt)


def _telling(varying: Mapping[str, tuple[object, ...]]) -> tuple[str, ...]:
    """The fewest keys: not what merely follows from a chosen member, nor an interpolation of a key that is there."""
    keys: list[str] = []
    for name, column in varying.items():
        parents = [key for key in keys if name.replace("/", ".").startswith(key.replace("/", ".") + ".")]
        follows = parents and _function([varying[key] for key in parents], column)
        if not follows and column not in [varying[key] for key in keys]:
            keys.append(name)
    # What a part derives from a number such as f is no news beside that number.
    others = [varying[key] for key in keys if key != DATA]
    if DATA in keys and others and _function(others, varying[DATA]):
        keys.remove(DATA)  # other datasets have other data
    numbers = [varying[key] for key in keys if "." not in key]
    derived = [key for key in keys if "." in key and key.partition(".")[0] in NESTED]
    return tuple(key for key in keys if key not in derived or not numbers or not _function(numbers, varying[key]))


def _function(columns: Sequence[tuple[object, ...]], column: tuple[object, ...]) -> bool:
    """Whether the column's value is known from those of the others."""
    known: dict[tuple[object, ...], object] = {}
    return all(
        known.setdefault(given, value) == value for given, value in zip(zip(*columns, strict=True), column, strict=True)
    )


def facts(run: Recorded) -> dict[str, Any]:
    """Choices (`aggregator/rule`: krum) and settings (`aggregator.rule.f`: 3) of a run, flat, but for what cannot
    change a result."""
    found: dict[str, Any] = {_placed(name): member for name, member in run.choices.items()}
    for part in SEVERAL:
        found.setdefault(f"aggregator/{part}", "+".join(named_parts(run, part)) or "none")
    for name, value in leaves(run.config):
        found.setdefault(name, value)
    # A stranger's names: one line of letters each, whatever writes them down.
    return {printable(name): printable(value) if isinstance(value, str) else value
            for name, value in found.items() if not _incidental(name)}  # fmt: skip


def _placed(name: str) -> str:
    """A group by the place that it is chosen for: `aggregator/rule@scheme.rule.rule` is `scheme/rule/rule`."""
    _, at, place = name.partition("@")
    return place.replace(".", "/") if at else name


def named_parts(run: Recorded, kind: str) -> list[str]:
    """The names of the filters, or pre-aggregators, of a run's server, in their order."""
    node = (run.config.get("aggregator") or {}).get(kind) or {}
    return [str(name) for name, part in node.items() if part is not None]


def typed_value(run: Recorded, key: str) -> str | None:
    """A choice or a setting as it is typed; None: the run has no such."""
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
    """Servers and attacks first, then other choices from the outside in, then settings."""
    dotted = name.replace("/", ".")
    top = dotted.partition(".")[0]
    place = FIRST.index(name) if name in FIRST else len(FIRST)
    within = FIRST.index(top) if top in FIRST else len(FIRST)
    return place, within, dotted.count(".") * 2 + ("/" not in name and "." in name), name
