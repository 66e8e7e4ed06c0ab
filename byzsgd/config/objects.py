"""From a resolved configuration to the objects that it names: what it may name depends on whose it is."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from byzsgd.checks import require, spelled
from byzsgd.config.annotations import described, fits
from byzsgd.config.targets import ConfigError, annotated, built, check
from byzsgd.config.trust import Say, Word
from byzsgd.records.moved import completed
from byzsgd.records.origin import remember
from byzsgd.records.run import read_settings

if TYPE_CHECKING:
    from torch import nn

    from byzsgd.records import Run
    from byzsgd.run import Experiment

ALLOWED = ("byzsgd", "torch")  # packages whose objects a configuration may name; users add more with `plugins`
# The same for a folder, which may be a stranger's: other parts of torch load files and run what they hold.
IN_FOLDERS = ("byzsgd", "torch.nn", "torch.optim")
GIVEN = {"config", "choices", "said"}  # of an experiment, by who builds it


def build(config: Mapping[str, Any], choices: Mapping[str, str], plugins: Sequence[str] | None = None) -> Experiment:
    """Checks a resolved configuration and builds the object graph.

    `plugins`: modules beside byzsgd and the building blocks of torch that it may name; None takes the configuration's
    own word for it, which is right for one's own command line and wrong for a stranger's folder.
    """
    from byzsgd.run.described import described as recorded  # with torch behind it

    named = plugins_of(config) if plugins is None else plugins
    allowed = (*(ALLOWED if plugins is None else IN_FOLDERS), *named)
    for word in GIVEN & config.keys():
        raise ConfigError(f"the experiment has no setting '{word}'")
    check(config, allowed)
    _require_modules(named)
    own = annotated(config, allowed)
    whole = built({**own, "_partial_": True}, allowed)
    told = recorded(own)  # objects given in Python stand in the tree
    experiment = cast("Experiment", whole(config=told, choices=dict(choices)))
    for name, node in own.items():
        if isinstance(node, Mapping):
            remember(getattr(experiment, name), told[name], choices)
    return experiment


def plugins_of(config: Mapping[str, Any]) -> Sequence[str]:
    """The modules that a configuration names, before anything else of it is checked."""
    names = config.get("plugins") or ()
    if not fits(names, list[str]):
        raise ConfigError(f"plugins needs {described(list[str])}; got {spelled(names)}")
    return cast("Sequence[str]", names)


def _require_modules(names: Sequence[str]) -> None:
    for name in names:
        try:
            found = importlib.util.find_spec(name) is not None
        except (ModuleNotFoundError, ValueError):
            found = False
        if not found:
            raise ConfigError(f"plugins needs modules that Python finds (on PYTHONPATH); got {name}")


def part(node: Mapping[str, Any], family: str) -> Any:
    """One node of a stored configuration as an object of a family of ours (`byzsgd.delays`), with parts of it alone."""
    check(node, (family,))
    return built(node, (family,))


def stored(folder: Path, word: Word, say: Say) -> Experiment:
    """The experiment of a run folder. Its own list of plugins is not believed: the folder may be a stranger's."""
    config, info, _ = read_settings(folder)
    return build(*word.of(completed(config), info["choices"], say), word.plugins)


def trained(run: Run, module: nn.Module | None = None, plugins: Sequence[str] = ()) -> nn.Module:
    """The model of a run with the parameters that it ended with, for evaluation.

    `module`: a model of the same layers, into which they go; None: one is built as the run's configuration says, for
    which its data are read. ValueError in one line where that cannot be, or where the run has no folder.
    """
    from byzsgd.run.parameters import with_parameters  # with torch behind it

    params = run.params
    if module is None:
        assert run.folder is not None  # else there are no params
        module = stored(run.folder, Word(plugins), _unsaid).prepare().problem.module
    return with_parameters(module, params)


def _unsaid(line: str) -> None:
    """Trackers and downloads, which are left out, are none of a model."""


def extended(folder: Path, settings: Mapping[str, Any], word: Word, say: Say) -> tuple[Experiment, Path]:
    """The experiment of a finished run folder with a larger budget (`budget.arrivals` and so on), and where it goes.
    ValueError in one line where it cannot go on from that run."""
    from byzsgd.records.longer import longer_place, require_extendable  # with torch behind it
    from byzsgd.run.trial import pilots

    stored, info, _ = read_settings(folder)
    config = completed(stored)
    config["budget"] = config["budget"] | {key.rpartition(".")[2]: value for key, value in settings.items()}
    experiment = build(*word.of(config, info["choices"], say), word.plugins)
    require_extendable(folder, experiment.config)
    part = pilots(experiment)
    require(not part, str(folder), "a part whose pilot run does not depend on the budget to be extended", part=part)
    return experiment, longer_place(folder, experiment.config, settings)
