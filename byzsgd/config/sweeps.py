"""Sweeps: where they go, and which jobs they have."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, QuotedString, Sweep
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from byzsgd.config.catalogue import groups
from byzsgd.config.targets import ConfigError
from byzsgd.records import run_id, run_name
from byzsgd.records.identity import one_spelling

SWEEP_FOLDER = "hydra.sweep.dir"
JOBS = "hydra.sweeper.jobs"
OWN_SWEEPERS = (
    ".ZipSweeper",
    ".BasicSweeper",
)  # whose jobs are known before they run; the latter is that of version 0.1


def sweep_folder(overrides: Sequence[str]) -> Path:
    """Where a sweep goes: where it is told to, else the same command always to the same place."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    named = [override.value() for override in parsed if override.key_or_group == SWEEP_FOLDER]
    if named:
        return Path(named[-1].text if isinstance(named[-1], QuotedString) else str(named[-1]))
    own = [override for override in overrides if not override.startswith("hydra.") or override.startswith(JOBS)]
    return Path(f"outputs/sweep_{run_name(own, run_id({'overrides': sorted(own)}))}")


def sweep_jobs(folder: Path) -> frozenset[frozenset[str]] | None:
    """The overrides of every job of the sweep that was last started in a folder; None: no sweep, or one whose jobs
    depend on results."""
    try:
        node = OmegaConf.load(folder / "multirun.yaml").hydra
        if not str(node.sweeper._target_).endswith(OWN_SWEEPERS):
            return None
        told = [f"{key}={value}" for key, value in (node.sweeper.params or {}).items()] + list(node.overrides.task)
        jobs = combinations(OverridesParser.create().parse_overrides(told), lines(node.sweeper.get("jobs")))
    except (OSError, YAMLError, OmegaConfBaseException, HydraException, AttributeError, ConfigError):
        return None
    return frozenset(frozenset(one_spelling(word) for word in job if not word.startswith("hydra")) for job in jobs)


def combinations(overrides: Sequence[Override], rows: Sequence[Sequence[str]] = ((),)) -> list[list[str]]:
    """The jobs of a sweep, each a list of overrides with one value.

    Every value of every sweep with every value of all others, for each row of further overrides. But sweeps with the
    same tag go on together, as zip does: `aggregator=tag(own,choice(asgd,kardam)) optimizer.lr=tag(own,choice(.1,2))`
    are two jobs. Of two overrides of one key the later counts. ConfigError where values that go together are not as
    many.
    """
    parser = OverridesParser.create()
    return [job for row in rows for job in _combined([*overrides, *parser.parse_overrides(list(row))])]


def alike(jobs: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """One job of each kind: with the same members and the same settings, whatever their values. Whether a job can be
    composed depends on its kind alone."""
    known = frozenset(groups())

    def kind(word: str) -> str:
        key, _, _ = word.partition("=")
        return word if key.partition("@")[0].lstrip("+~") in known else key

    return list({frozenset(map(kind, job)): job for job in jobs}.values())


def words_of(job: Sequence[str]) -> frozenset[str]:
    """The overrides of a job as its folder has them; ConfigError where they are those of several."""
    jobs = combinations(OverridesParser.create().parse_overrides(list(job)))
    if len(jobs) > 1:
        raise ConfigError(f"a job needs one value of every setting; got {' '.join(job)}")
    return frozenset(map(one_spelling, jobs[0]))


def lines(file: str | None) -> list[list[str]]:
    """The overrides on every line of a file of jobs; one empty row where there is no file."""
    if file is None:
        return [[]]
    try:
        text = Path(file).read_text(encoding="utf-8")
        return [words for line in text.splitlines() if (words := shlex.split(line, comments=True))]
    except (OSError, ValueError) as error:
        raise ConfigError(f"{JOBS} needs a file with overrides on every line; got {file}: {error}") from error


def _combined(overrides: Sequence[Override]) -> list[list[str]]:
    last = {override.get_key_element(): override for override in overrides}
    axes: dict[str, list[list[str]]] = {}  # by tag, or by key: the words of every place
    keys: dict[str, str] = {}
    for key, override in last.items():
        values = _values(key, override)
        tag = _tag(key, override)
        axis = f"tag {tag}" if tag else key
        together = axes.setdefault(axis, [[] for _ in values])
        if len(together) != len(values):
            raise ConfigError(
                f"sweeps with the tag {tag} need as many values as one another; "
                f"got {keys[axis]} with {len(together)}, {key} with {len(values)}"
            )
        keys.setdefault(axis, key)
        for words, value in zip(together, values, strict=True):
            words.append(value)
    return [list(itertools.chain.from_iterable(job)) for job in itertools.product(*axes.values())]


def _values(key: str, override: Override) -> list[str]:
    if not override.is_sweep_override():
        return [f"{key}={override.get_value_element_as_str()}"]
    if not override.is_discrete_sweep():
        raise ConfigError(f"{key} needs values to choose from, or hydra/sweeper=optuna; got {override.input_line}")
    return [f"{key}={value}" for value in override.sweep_string_iterator()]


def _tag(key: str, override: Override) -> str:
    value = override.value()
    tags = sorted(value.tags) if isinstance(value, Sweep) else []
    if len(tags) > 1:
        raise ConfigError(f"{key} needs at most one tag; got {', '.join(tags)}")
    return tags[0] if tags else ""
