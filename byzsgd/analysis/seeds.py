"""Over which runs a mean over seeds may be taken: each seed counts once, and all runs have the same data."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from byzsgd.records.run import ENDED
from byzsgd.sources import digest_of

from .recorded import Recorded

UNKNOWN = "unknown"  # version 0.1 did not record which files it read


def data_of(runs: Sequence[Recorded], settings: Sequence[Hashable]) -> tuple[list[str], list[str]]:
    """The digest of the data files of each run (empty: it has none), and notes.

    A run without a record of its files counts as one with the data of the others of its setting, if those are equal.
    """
    recorded = [digest_of(run.info["files"]) if "files" in run.info else None for run in runs]
    of_setting: dict[Hashable, set[str]] = {}
    for setting, digest in zip(settings, recorded, strict=True):
        of_setting.setdefault(setting, set())
        if digest is not None:
            of_setting[setting].add(digest)
    digests, joined = [], 0
    for setting, digest in zip(settings, recorded, strict=True):
        others = of_setting[setting]
        joined += digest is None and others not in (set(), {""})
        common = next(iter(others), "") if len(others) < 2 else UNKNOWN
        digests.append(common if digest is None else digest)
    whose = f"{joined} run{'s' if joined > 1 else ''} of version 0.1"
    return digests, [f"{whose} without a digest of the data, taken for the same data"] if joined else []


def once_each(runs: Sequence[Recorded]) -> tuple[list[Recorded], list[str]]:
    """One run for every seed of one setting, and a note if others are left out. An ended run is preferred to one that
    has not ended, then the newest. Copies, repetitions, and runs that differ only in threads, engine or device are one
    observation."""
    kept: dict[object, Recorded] = {}
    order: list[object] = []
    for number, run in enumerate(runs):
        seed = run.config.get("seed", f"run {number}")
        if seed not in kept:
            order.append(seed)
        if seed not in kept or _age(run) >= _age(kept[seed]):
            kept[seed] = run
    chosen = [kept[seed] for seed in order]
    if len(chosen) == len(runs):
        return chosen, []
    left = [run for run in runs if not any(run is other for other in chosen)]
    names = ", ".join(str(run.folder) if run.folder else f"seed {run.config.get('seed')}" for run in left[:3])
    more = f" and {len(left) - 3} more" if len(left) > 3 else ""
    return chosen, [
        f"{len(runs)} runs of {len(chosen)} seeds: each seed counts once, the newest; left out {names}{more}"
    ]


def _age(run: Recorded) -> tuple[bool, str]:
    return run.info.get("status") in ENDED, str(run.info.get("started", ""))
