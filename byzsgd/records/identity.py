"""Which run is it? The same configuration has the same id everywhere, and different ones never share a folder."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from byzsgd.checks import leaves

from .moved import in_first_words
from .names import FORMAT

# Dotted keys that cannot change a run's records: where data lie, what is shown, how often it is saved.
NOT_IDENTITY = frozenset(
    (
        *("checkpoint_every", "data_root", "dataset.download", "force", "hydra", "keep_state", "quiet", "screen"),
        *("sweep", "tracker"),
    )
)
# Also what a run was called when it was typed, and whose code was at hand: a configuration says both in full.
NOT_SETTINGS = NOT_IDENTITY | {"plugins", "name", "experiment"}
EXACT = 2**53  # every whole number below is one in double precision
NAME_LENGTH = 120  # of a folder name; file systems allow 255 bytes


def is_among(key: str, places: Collection[str]) -> bool:
    """Whether a dotted key is one of these, or stands below one."""
    return any(key == place or key.startswith(f"{place}.") for place in places)


def run_id(config: Mapping[str, Any], as_typed: bool = False) -> str:
    """Ten hexadecimal digits that depend on the resolved configuration less `NOT_IDENTITY`, and on the record format.

    Targets that have moved count by their first names (`records/moved.py`). The order of keywords cannot change a
    result and does not count; the order of named parts (filters, pre-aggregators) can and does. Numbers count as the
    annotations of their targets have them (`config.targets.annotated`); `as_typed`: as version 0.1 had them.
    """
    named = _canonical(in_first_words(config, as_typed), "", sort=True)
    text = json.dumps([FORMAT, named], ensure_ascii=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=5).hexdigest()


def prefix_id(config: Mapping[str, object]) -> str:
    """What runs share that differ in nothing but their budgets."""
    return run_id({key: node for key, node in config.items() if key != "budget"})


def same_run(stored: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    """Whether two configurations are one run. Version 0.1 stored 1 where it was given 1 for 1.0; ours say 1.0."""
    return run_id(_with_numbers_of(own, stored)) == run_id(own)


def _with_numbers_of(own: Any, stored: Any) -> Any:
    """The stored values, numbers in the type of the own ones that they equal."""
    if isinstance(stored, Mapping):
        known = own if isinstance(own, Mapping) else {}
        return {name: _with_numbers_of(known.get(name), item) for name, item in stored.items()}
    if isinstance(stored, list | tuple) and isinstance(own, list | tuple) and len(own) == len(stored):
        return [_with_numbers_of(*both) for both in zip(own, stored, strict=True)]
    is_whole = isinstance(stored, int) and not isinstance(stored, bool)
    return own if is_whole and isinstance(own, float) and own == stored else stored


def difference(stored: Mapping[str, object], own: Mapping[str, object]) -> str:
    """The first setting, as `key=own instead of stored`, for which two configurations are two runs."""
    before, now = dict(leaves(in_first_words(stored))), dict(leaves(in_first_words(own)))
    for key in [*now, *before]:
        if key not in NOT_IDENTITY and now.get(key) != before.get(key):
            return f"{key}={now.get(key)} instead of {before.get(key)}"
    return "another order of its parts"


def _canonical(value: object, path: str, sort: bool) -> object:
    if isinstance(value, Mapping):
        kept = {str(key): item for key, item in value.items() if f"{path}{key}" not in NOT_IDENTITY}
        names = sorted(kept) if sort else list(kept)
        # Pairs, because a JSON object would not say that its order is meant.
        return [
            "map",
            *([name, _canonical(kept[name], f"{path}{name}.", sort=_is_part(kept[name]))] for name in names),
        ]
    if isinstance(value, list | tuple):
        return [_canonical(item, f"{path}*.", sort=_is_part(item)) for item in value]
    return value


def _is_part(value: object) -> bool:
    return isinstance(value, Mapping) and "_target_" in value


def run_name(overrides: Sequence[str], identity: str) -> str:
    """A folder name for people: the overrides, sorted and shortened, then the id. One number, however it is written,
    gives one name."""
    return _name([one_spelling(override) for override in overrides], identity)


def earlier_names(overrides: Sequence[str], identities: Sequence[str]) -> list[str]:
    """What version 0.1 called the folder: with numbers as they were typed, and the ids that they gave."""
    return [_name(overrides, identity) for identity in identities]


def one_spelling(override: str) -> str:
    """`lr=1.0` and `lr=1e0` as `lr=1`; anything but a real number as it is."""
    key, equals, value = override.partition("=")
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", value, re.IGNORECASE) or value.isdigit():
        return override
    number = float(value)
    return f"{key}{equals}{int(number) if number.is_integer() and abs(number) < EXACT else number}"


def _name(overrides: Sequence[str], identity: str) -> str:
    words = sorted(filter(None, (_word(override) for override in overrides)))
    budget = NAME_LENGTH - len(identity) - 2
    readable = "__".join(words)
    if len(readable) > budget:
        readable = readable[: budget - 1].rstrip("_-") + "~"
    return f"{readable or 'default'}__{identity}"


def _word(override: str) -> str:
    key, _, value = override.lstrip("+~").partition("=")
    if is_among(key.replace("/", "."), NOT_IDENTITY):
        return ""
    short = re.split(r"[./]", key.partition("@")[0])[-1]
    return re.sub(r"[^A-Za-z0-9.+_-]+", "_", f"{short}-{value}" if value else short).strip("_.-")
