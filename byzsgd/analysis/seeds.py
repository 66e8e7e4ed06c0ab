"""Every seed once in a curve, and never two sets of data in one: what a mean over seeds may be taken over."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from byzsgd.records.run import ENDED
from byzsgd.sources import digest_of

from .recorded import Recorded

UNKNOWN = "unknown"  # version 0.1 did not note what it read


def data_of(runs: Sequence[Recorded], settings: Sequence[Hashable]) -> tuple[list[str], list[str]]:
    """For each run the digest of the files that it rests on, empty where there are none; and what is to be said of it.

    A run that does not say joins the others of its setting where their data are the same.
    """
    told = [digest_of(run.info["files"]) if "files" in run.info else None for run in runs]
    known: dict[Hashable, set[str]] = {}
    for setting, digest in zip(settings, told, strict=True):
        known.setdefault(setting, set())
        if digest is not None:
            known[setting].add(digest)
    found, joined = [], 0
    for setting, digest in zip(settings, told, strict=True):
        beside = known[setting]
        joined += digest is None and beside not in (set(), {""})
        alone = next(iter(beside), "") if len(beside) < 2 else UNKNOWN
        found.append(alone if digest is None else digest)
    whose = f"{joined} run{'s' if joined > 1 else ''} of version 0.1"
    return found, [f"{whose} without a digest of the data, taken for the same data"] if joined else []


def once_each(runs: Sequence[Recorded]) -> tuple[list[Recorded], list[str]]:
    """Of runs of one setting the newest of every seed, a run that has ended before one that has not; and a line where
    some are left out: copies, repeats, and what differs only in threads, engine or device, are one observation."""
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
