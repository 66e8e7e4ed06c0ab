"""From a resolved configuration to the objects that it names. The user's own may name more packages than a stored
one."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from byzsgd.checks import require, spelled
from byzsgd.config.annotations import described, fits
from byzsgd.config.permission import Permission, Say
from byzsgd.config.targets import ConfigError, annotated, built, check
from byzsgd.records.moved import completed
from byzsgd.records.origin import remember
from byzsgd.records.run import read_settings

if TYPE_CHECKING:
    from torch import nn

    from byzsgd.records import Run
    from byzsgd.run import Experiment

ALLOWED = ("byzsgd", "torch")  # packages whose objects a configuration may name; users add more with `plugins`
# The same for a run folder, which may come from a stranger: other parts of torch load files and execute their content.
IN_FOLDERS = ("byzsgd", "torch.nn", "torch.optim")
GIVEN = {"config", "choices", "in_config"}  # fields of an experiment that its builder sets, not the configuration


def build(config: Mapping[str, object], choices: Mapping[str, str], plugins: Sequence[str] | None = None) -> Experiment:
    """Checks a resolved configuration and builds its experiment.

    `plugins`: modules that it may name beside byzsgd and the building blocks of torch. None: those that the
    configuration itself lists. That is right for one's own command line, and wrong for a stranger's folder.
    """
    from byzsgd.run.described import described as recorded  # imports torch

    named = plugins_of(config) if plugins is None else plugins
    allowed = (*(ALLOWED if plugins is None else IN_FOLDERS), *named)
    for word in GIVEN & config.keys():
        raise ConfigError(f"the experiment has no setting '{word}'")
    check(config, allowed)
    _require_modules(named)
    own = annotated(config, allowed)
    whole = built({**own, "_partial_": True}, allowed)
    record = recorded(own)  # `own` may contain objects given in Python
    experiment = cast("Experiment", whole(config=record, choices=dict(choices)))
    for name, node in own.items():
        if isinstance(node, Mapping):
            remember(getattr(experiment, name), record[name], choices)
    return experiment


def plugins_of(config: Mapping[str, object]) -> Sequence[str]:
    """The plugins that a configuration lists. They are read before anything else of it is checked."""
    names = config.get("plugins") or ()
    if not fits(names, list[str]):
        raise ConfigError(f"plugins needs {described(list[str])}; got {spelled(names)}")
    return cast("Sequence[str]", names)


def _require_modules(names: Sequence[str]) -> None:
    for name in names:
        try:
            exists = importlib.util.find_spec(name) is not None
        except (ModuleNotFoundError, ValueError):
            exists = False
        if not exists:
            raise ConfigError(f"plugins needs modules that Python finds (on PYTHONPATH); got {name}")


def part(node: Mapping[str, object], family: str) -> object:
    """One node of a stored configuration as an object of one family (`byzsgd.delays`). It may name no other family."""
    check(node, (family,))
    return built(node, (family,))


def stored(folder: Path, permission: Permission, say: Say) -> Experiment:
    """The experiment of a run folder. Its own list of plugins is ignored: the folder may come from a stranger."""
    config, info, _ = read_settings(folder)
    return build(*permission.applied(completed(config), info["choices"], say), permission.plugins)


def trained(run: Run, module: nn.Module | None = None, plugins: Sequence[str] = ()) -> nn.Module:
    """The model of a run in evaluation mode, with the parameters with which the run ended.

    `module`: a model of the same layers, which takes them. None: the model is built from the run's configuration, which
    reads its data. ValueError in one line where that is impossible, or where the run has no folder.
    """
    from byzsgd.run.parameters import with_parameters  # imports torch

    params = run.params
    if module is None:
        assert run.folder is not None  # `run.params` needs it
        module = stored(run.folder, Permission(plugins), _silent).prepare().problem.module
    return with_parameters(module, params)


def _silent(line: str) -> None:
    """Shows nothing: trackers and downloads, which are left out, do not concern a model."""


def extended(folder: Path, settings: Mapping[str, object], permission: Permission, say: Say) -> tuple[Experiment, Path]:
    """The experiment of a finished run folder with a larger budget (`budget.arrivals` and so on), and its folder.
    ValueError in one line where it cannot go on from that run."""
    from byzsgd.records.longer import longer_folder, require_extendable  # imports torch
    from byzsgd.run.scheme_pilot import pilots

    stored, info, _ = read_settings(folder)
    config = completed(stored)
    budget = config["budget"] | {key.rpartition(".")[2]: value for key, value in settings.items()}
    experiment = build(*permission.applied({**config, "budget": budget}, info["choices"], say), permission.plugins)
    require_extendable(folder, experiment.config)
    part = pilots(experiment)
    require(not part, str(folder), "a part whose pilot run does not depend on the budget to be extended", part=part)
    return experiment, longer_folder(folder, experiment.config, settings)
