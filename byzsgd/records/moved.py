"""Names that version 0.1 spelled otherwise, and settings that it did not have. With these tables its runs keep their
ids and their folders."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from byzsgd.checks import each_mapping

from .plain import Config

# Targets that have moved: their path now, and the path that version 0.1 wrote into configurations and ids.
WORDS = {
    "byzsgd.run.Experiment": "byzsgd.runner.Experiment",
    "byzsgd.run.Budget": "byzsgd.session.Budget",
    "byzsgd.run.Metrics": "byzsgd.session.Metrics",
}
_NOW = {word: target for target, word in WORDS.items()}

# Groups that version 0.1 did not have: the choices (None: null) that change nothing of its runs.
NEUTRAL: dict[str, tuple[str | None, ...]] = {
    "compressor": (None, "byzsgd.compressors.none"),
    "scheme": ("byzsgd.schemes.server",),
}


# The choices that complete a configuration of version 0.1 in groups that every run has now.
ADDED = {
    "compressor": {"_target_": "byzsgd.compressors.none"},
    "scheme": {"_target_": "byzsgd.schemes.server"},
}

# Parameters that a target gained in a version: the value that changes nothing of it, and that version.
SINCE: dict[str, tuple[object, str]] = {
    "byzsgd.run.Metrics.nodes": ("auto", "0.2"),
    "byzsgd.kernel.engine.auto.compiled": (False, "0.2"),
    "byzsgd.attacks.adaptive.plane": (0, "0.2"),
    "byzsgd.aggregators.collectors.latest.quorum": (1, "0.2"),
    "byzsgd.aggregators.filters.frequency.strict": (True, "0.2"),
    "byzsgd.aggregators.filters.lipschitz.strict": (True, "0.2"),
    "byzsgd.aggregators.preaggregators.arc.strict": (True, "0.2"),
    "byzsgd.aggregators.preaggregators.nnm.strict": (True, "0.2"),
    "byzsgd.aggregators.rules.aksel.strict": (True, "0.2"),
    "byzsgd.aggregators.rules.bulyan.strict": (True, "0.2"),
    "byzsgd.aggregators.rules.cge.strict": (True, "0.2"),
    "byzsgd.aggregators.rules.krum.strict": (True, "0.2"),
    "byzsgd.aggregators.rules.mda.strict": (True, "0.2"),
    "byzsgd.aggregators.rules.monna.strict": (True, "0.2"),
    "byzsgd.aggregators.rules.multi_krum.strict": (True, "0.2"),
    "byzsgd.aggregators.rules.mva.strict": (True, "0.2"),
    "byzsgd.aggregators.rules.smea.strict": (True, "0.2"),
}

# Real parameters whose defaults version 0.1 wrote as whole numbers: in their ids 3.0 counts as 3.
WHOLE = {"byzsgd.attacks.reversed.scale", "byzsgd.aggregators.dampings.delay_adaptive.concurrency"}


def up_to_date(stored: Mapping[str, object]) -> dict[str, object]:
    """A stored configuration in which every target has its present name."""
    return {key: _renamed(key, node, _NOW) for key, node in stored.items()}


def completed(config: Mapping[str, object]) -> Config:
    """A configuration with all groups and parameters of this version, from which a run can be built."""
    return _completed({**config, **{group: node for group, node in ADDED.items() if group not in config}})


def in_first_words(config: Mapping[str, object], as_typed: bool = False) -> dict[str, object]:
    """A configuration as version 0.1 would have written it: with its names, and without what changes nothing.

    `as_typed`: numbers keep the type in which they were typed, 1 or 1.0, as in version 0.1.
    """
    now = up_to_date(config)
    kept = {key: node for key, node in now.items() if not (key in NEUTRAL and _target(node) in NEUTRAL[key])}
    whole = frozenset() if as_typed else WHOLE
    return {key: _renamed(key, node, WORDS) for key, node in _shortened(kept, whole).items()}


def _shortened(node: Mapping[str, object], whole: Collection[str]) -> dict[str, object]:
    """The node without the parameters of `SINCE` whose value changes nothing. The numbers of `whole` are integers."""
    target = str(node.get("_target_", ""))
    neutral = _since(target)
    return {
        name: int(item)
        if isinstance(item, float) and item.is_integer() and f"{target}.{name}" in whole
        else each_mapping(item, lambda part: _shortened(part, whole))
        for name, item in node.items()
        if not (name in neutral and _equal(item, neutral[name]))
    }


def _completed(node: Mapping[str, object]) -> dict[str, object]:
    """The node with the parameters that its targets gained after it was written."""
    own = {name: each_mapping(item, _completed) for name, item in node.items()}
    return own | {name: value for name, value in _since(str(node.get("_target_", ""))).items() if name not in own}


def _since(target: str) -> dict[str, object]:
    entries = ((*key.rpartition("."), value) for key, (value, _) in SINCE.items())
    return {parameter: value for part, _, parameter, value in entries if part == target}


def _equal(value: object, other: object) -> bool:
    return type(value) is type(other) and bool(value == other)


def _renamed(key: str, node: object, names: Mapping[str, str]) -> object:
    if isinstance(node, Mapping):
        return {name: _renamed(name, item, names) for name, item in node.items()}
    if isinstance(node, list | tuple):
        return [_renamed("", item, names) for item in node]
    return names.get(node, node) if key == "_target_" and isinstance(node, str) else node


def _target(node: object) -> object:
    return node.get("_target_", "") if isinstance(node, Mapping) else node
