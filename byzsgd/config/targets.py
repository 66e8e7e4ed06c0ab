"""A plain configuration is checked against the signatures of its targets, then built. So a mistake shows before the
first call."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import importlib
import inspect
import re
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from byzsgd.checks import each_mapping, spelled
from byzsgd.config.annotations import converted, described, fits, is_plain, misfit
from byzsgd.records.origin import CODE, DIGEST, remember
from byzsgd.signatures import by_name, missing

# The modules of byzsgd that a configuration may name. The others read, write and delete files, and start runs.
PARTS = (
    *("byzsgd.aggregators", "byzsgd.attacks", "byzsgd.codes", "byzsgd.compressors", "byzsgd.datasets", "byzsgd.delays"),
    *("byzsgd.graphs", "byzsgd.kernel.engine", "byzsgd.models", "byzsgd.optimizers", "byzsgd.partitions"),
    *("byzsgd.schemes", "byzsgd.trackers", "byzsgd.workers", "byzsgd.run.experiment.Experiment"),
    *("byzsgd.run.budget.Budget", "byzsgd.run.metrics.Metrics", "byzsgd.run.sweeping.Sweeping"),
)
_NUMBER = re.compile(r"-?\d+(\.\d*)?")
_MISSING = "???"  # in a member's file: the user has to give this value
_RESERVED = {"_target_", "_partial_", "_convert_", "_recursive_"}


class ConfigError(ValueError):
    """A configuration that cannot be built, in one line."""


def check(node: object, allowed: Sequence[str], path: str = "") -> None:
    """Walks a configuration. ConfigError for a `_target_` outside the allowed packages, and for a setting that its
    target does not have, that is missing, or that has another type."""
    if isinstance(node, Mapping):
        if CODE in node or DIGEST in node:
            raise ConfigError(f"{path} needs a part that a configuration can say; got {node.get('_target_')} with a "
                              "digest: the Python code that made it goes on with it")  # fmt: skip
        if "_target_" in node:
            _check_target(node, allowed, path)
        for key, value in node.items():
            check(value, allowed, f"{path}.{key}" if path else str(key))
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            check(value, allowed, f"{path}[{index}]")


def built(node: object, allowed: Sequence[str]) -> Any:
    """The objects of a checked configuration: a `_target_` is called with its settings; with `_partial_: true` it
    becomes a functools.partial of them.

    Hydra's own instantiate is not used. It wraps partials and authorises every call of them anew, which costs more than
    a small gradient. It also wraps the errors of the objects that it builds.
    """
    if isinstance(node, list | tuple):
        return [built(item, allowed) for item in node]
    if not isinstance(node, Mapping):
        return node
    settings = {
        str(key): built(value, allowed)
        for key, value in node.items()
        if key not in _RESERVED and not ("_target_" in node and _is_note(key))
    }
    if "_target_" not in node:
        return settings
    target = _located(str(node["_target_"]), allowed, str(node["_target_"]))
    part = functools.partial(target, **settings) if node.get("_partial_") else target(**settings)
    remember(part, node)
    return part


def annotated(node: Mapping[str, object], allowed: Sequence[str]) -> dict[str, object]:
    """A checked configuration in which a whole number becomes a real one if its target's annotation asks for that. 1
    and 1.0 are the same setting and need the same record."""
    hints = _hints(_located(str(node["_target_"]), allowed, str(node["_target_"]))) if "_target_" in node else {}
    return {
        key: each_mapping(converted(item, hints.get(key, object)), lambda part: annotated(part, allowed))
        for key, item in node.items()
    }


def suggestion(word: str, allowed: Iterable[str]) -> str:
    """The end of a message about an unknown word: the nearest allowed one, or all of them."""
    names = sorted(name for name in allowed if name not in _RESERVED)
    if not names:
        return "; it has none"
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(names)}"


def _check_target(node: Mapping[str, object], allowed: Sequence[str], path: str) -> None:
    who = path or "the experiment"
    target = _located(str(node["_target_"]), allowed, who)
    if "_args_" in node:
        raise ConfigError(f"{who} needs settings by name; got _args_")
    parameters = by_name(target)
    hints = _hints(target)
    for key, value in node.items():
        if key in _RESERVED or _is_note(key):
            continue
        if key not in parameters:
            raise ConfigError(f"{who} has no setting '{key}'{suggestion(str(key), parameters)}")
        dotted, hint = f"{path}.{key}" if path else str(key), hints.get(key, object)
        if value == _MISSING:
            raise ConfigError(f"{dotted} needs a value: {described(hint)}; got none")
        if wrong := misfit(value, hint, dotted):
            where, bad, expected = wrong
            got = repr(bad) if isinstance(bad, str) else spelled(bad) if is_plain(bad) else f"a {type(bad).__name__}"
            raise ConfigError(f"{where} needs {described(expected)}; got {got}{_way(bad, expected)}")
    # The caller of a partial may complete it: a server passes further arguments to its rule.
    for key in () if node.get("_partial_") else missing(target, node):
        raise ConfigError(f"{who} needs a value for '{key}'")


def _way(value: object, hint: object) -> str:
    """The end of a message about a text that looks like a number: how to write that number."""
    if value in (".inf", "-.inf"):  # a number in YAML, a text in the grammar of overrides
        return " (in an override: inf)"
    if isinstance(value, str) and _NUMBER.fullmatch(value) and fits(float(value) if "." in value else int(value), hint):
        return " (a text; of a variable: ${oc.decode:${oc.env:NAME}})"
    return ""


def _located(name: str, allowed: Sequence[str], who: str) -> Callable[..., object]:
    """The object with a dotted name. Both the name and the definition must be within the allowed packages."""
    way = "a module named in plugins" if "torch" in allowed else "a module named by --plugin MODULE"
    refusal = f"{who} needs a _target_ within {', '.join(allowed)} or {way}; got {name}"
    if not _within(name, allowed):
        raise ConfigError(refusal)
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:cut])
        try:
            thing: object = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name and (module == error.name or module.startswith(f"{error.name}.")):
                continue
            raise
        for part in parts[cut:]:
            thing = getattr(thing, part, None)
        if callable(thing):
            # A name in an allowed package may lead to a function of another one: torch.os.system.
            origin = f"{getattr(thing, '__module__', None)}.{getattr(thing, '__qualname__', '')}"
            if not _within(origin, allowed):
                raise ConfigError(refusal)
            if _within(origin, ("byzsgd",)) and not _within(origin, PARTS):
                raise ConfigError(f"{who} needs a _target_ that is a part of a run; got {name}")
            return thing
        break
    raise ConfigError(f"{who} needs a _target_ that exists; got {name}")


def _hints(target: Any) -> dict[str, object]:
    # Of a dataclass the class is taken: its generated __init__ cannot resolve annotations from another module.
    plain_class = inspect.isclass(target) and not dataclasses.is_dataclass(target)
    try:
        return typing.get_type_hints(target.__init__ if plain_class else target)
    except NameError:  # a plugin may import its types for the type checker only
        return {}


def _is_note(key: object) -> bool:
    """Whether a key is a note (`_size_`): a value of a member that its parts may interpolate. A part that does not use
    it ignores it."""
    return str(key).startswith("_") and str(key).endswith("_")


def _within(name: str, packages: Sequence[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)
