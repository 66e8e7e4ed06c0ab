"""The identity of a run. Equal configurations have the same id everywhere; different ones never share a folder."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b

from byzsgd.checks import leaves

from .moved import in_first_words
from .names import FORMAT

# Dotted keys that cannot change a run's records: where the data are, what the screen shows, how often a run is saved.
NOT_IDENTITY = frozenset(
    (
        *("checkpoint_every", "data_root", "dataset.download", "force", "hydra", "keep_state", "quiet", "screen"),
        *("sweep", "tracker"),
    )
)
# Where the data are, what the screen shows, how a run was typed and which plugins were there depend on the user.
NOT_SETTINGS = NOT_IDENTITY | {"plugins", "name", "experiment"}
EXACT = 2**53  # double precision represents every smaller whole number exactly
NAME_LENGTH = 120  # of a folder name; file systems allow 255 bytes


def is_among(key: str, others: Collection[str]) -> bool:
    """Whether a dotted key is one of these, or stands below one."""
    return any(key == other or key.startswith(f"{other}.") for other in others)


def run_id(config: Mapping[str, object], as_typed: bool = False) -> str:
    """Ten hexadecimal digits that depend on the resolved configuration without `NOT_IDENTITY`, and on the record
    format.

    A target that has moved counts under its first name (`records/moved.py`). The order of keywords cannot change a
    result, so it does not count. The order of named parts (filters, pre-aggregators) can, so it counts. A number has
    the type that its target annotates (`config.targets.annotated`); with `as_typed` the type in which it was typed, as
    in version 0.1.
    """
    named = _canonical(in_first_words(config, as_typed), "", sort=True)
    text = json.dumps([FORMAT, named], ensure_ascii=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=5).hexdigest()


def prefix_id(config: Mapping[str, object]) -> str:
    """The id without the budget: runs that differ in nothing else have the same one."""
    return run_id({key: node for key, node in config.items() if key != "budget"})


def same_run(stored: Mapping[str, object], own: Mapping[str, object]) -> bool:
    """Whether two configurations describe the same run. Version 0.1 stored 1 where 1 was typed for a real number; this
    one stores 1.0."""
    return run_id({key: _with_numbers_of(own.get(key), node) for key, node in stored.items()}) == run_id(own)


def _with_numbers_of(own: object, stored: object) -> object:
    """The stored values; a whole number that equals a real number of `own` becomes a real number."""
    if isinstance(stored, Mapping):
        counterpart = own if isinstance(own, Mapping) else {}
        return {name: _with_numbers_of(counterpart.get(name), item) for name, item in stored.items()}
    if isinstance(stored, list | tuple) and isinstance(own, list | tuple) and len(own) == len(stored):
        return [_with_numbers_of(*both) for both in zip(own, stored, strict=True)]
    is_whole = isinstance(stored, int) and not isinstance(stored, bool)
    return own if is_whole and isinstance(own, float) and own == stored else stored


def difference(stored: Mapping[str, object], own: Mapping[str, object]) -> str:
    """The first setting, as `key=own instead of stored`, in which two configurations differ as runs."""
    before, now = dict(leaves(in_first_words(stored))), dict(leaves(in_first_words(own)))
    for key in [*now, *before]:
        if key not in NOT_IDENTITY and now.get(key) != before.get(key):
            return f"{key}={now.get(key)} instead of {before.get(key)}"
    return "another order of its parts"


def _canonical(value: object, path: str, sort: bool) -> object:
    if isinstance(value, Mapping):
        kept = {str(key): item for key, item in value.items() if f"{path}{key}" not in NOT_IDENTITY}
        names = sorted(kept) if sort else list(kept)
        # Pairs, because the order counts, and JSON objects have none.
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
    """A readable folder name: the overrides, sorted and shortened, then the id. The spelling of a number does not
    change the name."""
    return _name([one_spelling(override) for override in overrides], identity)


def earlier_names(overrides: Sequence[str], identities: Sequence[str]) -> list[str]:
    """The names that version 0.1 gave the folder: numbers as they were typed, with each of the ids that follow."""
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
