"""Mistakes in a configuration, explained in one line."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from byzsgd.config.catalogue import canonical, find_groups, groups
from byzsgd.config.settings import settings
from byzsgd.config.targets import suggestion

EXTRAS = {
    "hydra/launcher/joblib": "joblib",
    "hydra/launcher/submitit_local": "submitit",
    "hydra/launcher/submitit_slurm": "submitit",
}
# Names of our settings elsewhere. Messages suggest the setting; the name itself is refused.
OTHER_WORDS = {
    **dict.fromkeys(("n", "workers", "nb_workers", "n_workers", "clients", "num_clients"), "num_workers"),
    **dict.fromkeys(("m", "byzantine", "nb_byz", "num_byz", "n_byzantine", "attackers"), "num_byzantine"),
    **dict.fromkeys(("epochs", "num_epochs", "rounds", "iterations", "gradients"), "budget.arrivals"),
    **dict.fromkeys(("steps", "num_steps", "max_steps", "updates"), "budget.updates"),
    **dict.fromkeys(("learning_rate", "step_size", "eta"), "optimizer.lr"),
    **{"batch": "batch_size", "bs": "batch_size", "wd": "optimizer.weight_decay", "gpu": "device", "cuda": "device"},
}
MISTAKES = (HydraException, OmegaConfBaseException, YAMLError)


def explain(error: BaseException) -> str:
    """One line for a mistake in the overrides or the configuration files, with a suggestion where there is one."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, member = error.missing_cfg_file.rpartition("/")
        if error.missing_cfg_file in EXTRAS:
            return f"{group}={member} needs a package (pip install 'byzsgd[{EXTRAS[error.missing_cfg_file]}]')"
        if not group:
            return f"--config-name needs a primary file of byzsgd's tree or of --config-dir; got {member}"
        members = [option for option in error.options or () if option]
        meant = canonical(member, members)
        return f"no {group} '{member}'" + (f"; did you mean {meant}?" if meant else suggestion(member, members))
    if isinstance(error, OverrideParseException):
        return _explain_override(str(error.override), _first_line(error))
    if isinstance(error, ConfigCompositionException):
        return _explain_composition(error)
    if isinstance(error, YAMLError):
        return "broken YAML: " + " ".join(str(error).split())
    key = getattr(error, "full_key", None)
    return (f"{key}: " if key else "") + _first_line(error)


def _explain_override(override: str, line: str) -> str:
    if "=" not in override and not override.startswith("~"):
        return f"an override needs KEY=VALUE or GROUP=MEMBER; got {override}"
    return f"cannot read the override '{override}' (quotes may be missing: {line})"


def _explain_composition(error: ConfigCompositionException) -> str:
    cause, line = error.__cause__, _first_line(error)
    parent = getattr(cause, "parent_node", None)
    if isinstance(parent, DictConfig):
        key = str(getattr(cause, "full_key", "") or "").replace("[", ".").replace("]", "")
        where, _, word = key.rpartition(".")
        if not key:
            word = line.split("'")[1] if "'" in line else line
        return _unknown(word, where, [str(each) for each in parent])
    if "No match in the defaults list" in line and "'" in line:
        return f"{line.split(chr(39))[1]} needs another choice beside it: what was chosen has no such part"
    return line + (f" ({_first_line(cause)})" if cause is not None and cause is not error else "")


def _unknown(word: str, where: str, siblings: Sequence[str]) -> str:
    """The message for a setting that does not exist. It suggests a group's path, or a sibling of the setting."""
    groups_of_word = [] if where else find_groups(word)
    if word in groups_of_word:
        return f"{word} has no settings here: nothing was chosen for it"
    if groups_of_word:
        return f"no setting '{word}'; did you mean {' or '.join(groups_of_word)}?"
    sentence = f"no setting '{word}'{f' in {where}' if where else ''}"
    meant = OTHER_WORDS.get(word, word)
    leaves = [key for key in settings(()) if meant in (key, key.rpartition(".")[2])]
    if leaves and not difflib.get_close_matches(word, siblings, cutoff=0.8):
        return f"{sentence}; did you mean {' or '.join(leaves)}?"
    return sentence + suggestion(word, [*(groups() if "/" in word else ()), *siblings])


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
