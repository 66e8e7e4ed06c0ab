"""The commands that repeat a run or a figure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from byzsgd.analysis.groups import Recorded
from byzsgd.checks import leaves
from byzsgd.records.identity import NOT_SETTINGS, is_among
from byzsgd.records.origin import CODE, DIGEST
from byzsgd.records.plan import typed_words


def train_command(run: Recorded) -> str:
    """The command `byzsgd train` as it was typed. If that is unknown, with every choice and every setting."""
    words = ["byzsgd", "train"]
    if run.folder is not None and (typed := typed_words(run.folder)) is not None:
        return shlex.join([*words, *typed])
    if any(key.endswith((f".{CODE}", f".{DIGEST}")) for key, _ in leaves(run.config)):
        return "# no command: parts of this run were made in Python"
    for group, member in sorted(run.choices.items(), key=lambda choice: (choice[0].count("/"), choice[0])):
        if group not in NOT_SETTINGS and member is not None:
            words.append(f"{group}={member}")
    words += [f"{key}={_written(value)}" for key, value in leaves(run.config) if _wanted(key)]
    return shlex.join(words)


def plot_command(runs: Sequence[Recorded], *arguments: str) -> str:
    """The command `byzsgd plot` for the folders of these runs."""
    folders = [run.folder for run in runs if run.folder is not None]
    parents = sorted({folder.parent for folder in folders})
    shown = sorted(folders) if len(folders) < 4 else parents
    return shlex.join(["byzsgd", "plot", *(str(Path(folder)) for folder in shown), *arguments])


def _wanted(key: str) -> bool:
    return not is_among(key, NOT_SETTINGS) and not key.rpartition(".")[2].startswith("_")


def _written(value: object) -> str:
    """A value in the grammar of Hydra's overrides."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_written(item) for item in value) + "]"
    if isinstance(value, str) and not value.replace("_", "a").replace(".", "a").replace("-", "a").isalnum():
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return str(value)
